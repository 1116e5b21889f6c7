import type { Connection } from '../agent/connection.ts';
import { compareTokens, type ClaimChange } from '../identity/compare.ts';
import type { DecodedToken } from '../identity/claims.ts';
import type { KnownApps } from '../identity/classify.ts';
import type { Names } from '../identity/explain.ts';
import { describeChain, type Hop as DescribedHop } from '../identity/hops.ts';
import { clip, LIMITS } from '../protocol/common.ts';
import type { Comparison, Difference, Hop } from '../protocol/inspector.ts';
import type { TokenId } from './inspectorTokens.ts';
import type { Translate } from './messages/catalogue.ts';
import { sayWhy } from './messages/token.ts';

/** The tokens of the chain that could be read, by row. */
export type ChainTokens = Partial<Record<TokenId, DecodedToken>>;

interface ChainWords {
  t: Translate;
  label: (id: TokenId) => string;
  names: Names;
}

/** The chain for the diagram: Tc, T1 that only the sidecar sees, and a T2 for each API. */
export function chainHops(connection: Connection, tokens: ChainTokens, words: ChainWords): Hop[] {
  const { agentAppId, blueprintAppId, clientId } = connection.configuration;
  const apps = { clientAppId: clientId.value, blueprintAppId: blueprintAppId.value, agentAppId: agentAppId.value };
  const [tc, t1, llm] = describeChain(tokens.tc, tokens.llm, apps) as [DescribedHop, DescribedHop, DescribedHop];
  const mcp = describeChain(tokens.tc, tokens.mcp, apps)[2]!;
  const { t, label } = words;
  return [
    { id: 'tc', label: label('tc'), token: 'tc', ...described(tc, words) },
    {
      id: 't1',
      label: t('T1 (stays in the sidecar)'),
      after: 'tc',
      ...described(t1, words),
      note: t(
        'Bound to the agent identity (fmi_path). Nobody outside the sidecar sees it, so nothing is read from it.',
      ),
    },
    { id: 'llm', label: label('llm'), token: 'llm', after: 't1', ...described(llm, words) },
    { id: 'mcp', label: label('mcp'), token: 'mcp', after: 't1', ...described(mcp, words) },
  ];
}

function described(hop: DescribedHop, { t, names }: ChainWords): Pick<Hop, 'issuer' | 'presenter' | 'audience'> {
  const name = (appId: string | undefined) => (appId && names.get(appId.toLowerCase())) ?? appId ?? '';
  const presenter = {
    client: t('you, signing in through {0}', name(hop.requesterAppId)),
    blueprint: t('the sidecar as the blueprint, with the pod’s workload identity'),
    agent: t('the sidecar as {0}, with T1 and Tc', name(hop.requesterAppId)),
  }[hop.requester];
  const audience = hop.audienceUri ?? hop.audience;
  return {
    issuer: clip(hop.issuer ?? t('Entra, the tenant of this connection'), LIMITS.line),
    presenter: clip(presenter, LIMITS.line),
    audience: clip(audience ?? t('not known'), LIMITS.line),
  };
}

/**
 * The claims of the chain side by side, each token against the first one that could be read; undefined when there are not
 * two. A claim that the two token versions name differently is one row.
 */
export function chainComparison(
  tokens: ChainTokens,
  apps: KnownApps,
  { t, label }: Pick<ChainWords, 't' | 'label'>,
): Comparison | undefined {
  const ids = (['tc', 'llm', 'mcp'] as const).filter(id => tokens[id]);
  const [first, ...others] = ids;
  const base = first && tokens[first];
  if (!base || others.length === 0) return undefined;
  const columns = others.map(id => byName(compareTokens(base, tokens[id]!, apps)));
  const order = [...new Set(columns.flatMap(column => [...column.keys()]))];
  return {
    columns: ids.map(id => ({ id, label: clip(label(id), LIMITS.line) })),
    rows: order.slice(0, LIMITS.claims).map(key =>
      rowOf(
        columns.map((column, index) => ({ label: label(others[index]!), change: column.get(key) })),
        t,
      ),
    ),
    ...(order.length > LIMITS.claims && { moreRows: order.length - LIMITS.claims }),
  };
}

/** By the name in the first token where it has the claim: that is what the columns have in common. */
const byName = (changes: readonly ClaimChange[]): ReadonlyMap<string, ClaimChange> =>
  new Map(changes.map(change => [change.before?.name ?? change.name, change]));

/** What became of one claim in a token. */
interface Cell {
  /** Of the token. */
  label: string;
  change: ClaimChange | undefined;
}

function rowOf(cells: readonly Cell[], t: Translate): Difference {
  const present = cells.flatMap(({ change }) => change ?? []);
  const changed = present.filter(({ change }) => change !== 'same');
  const names = new Set(present.flatMap(({ before, name }) => [before?.name ?? name, name]));
  const why = reasonsOf(cells, t);
  const before = present.find(change => change.before)?.before;
  const value = (text: string) => clip(text, LIMITS.line);
  return {
    name: clip([...names].join(', '), LIMITS.line),
    cells: [
      before ? { value: value(before.value) } : {},
      ...cells.map(({ change }) => ({
        ...(change?.after && { value: value(change.after.value) }),
        ...(change && { change: change.change }),
      })),
    ],
    ...(why && { why: clip(why, LIMITS.sentence) }),
    perToken: changed.length > 0 && changed.every(({ why: [reason] }) => reason === 'perToken'),
    alarm: present.some(change => change.alarm),
  };
}

/** Why the claim is as it is: what holds in every token that has a say in it, then of each what holds there alone. */
function reasonsOf(cells: readonly Cell[], t: Translate): string {
  const known = cells.flatMap(({ label, change }) => (change ? [{ label, why: change.why }] : []));
  const say = (codes: Iterable<ClaimChange['why'][number]>) => [...codes].map(code => sayWhy(t, code)).join(' ');
  const common = new Set(known[0]?.why.filter(code => known.every(({ why }) => why.includes(code))));
  const own = known.map(({ label, why }) => {
    const text = say(why.filter(code => !common.has(code)));
    return text && t('{0}: {1}', label, text);
  });
  return [say(common), ...own].filter(Boolean).join(' ');
}
