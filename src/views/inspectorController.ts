import type { Connection } from '../agent/connection.ts';
import type { Session } from '../agent/session.ts';
import { isCancellation } from '../base/errors.ts';
import type { PresentedToken } from '../gateway/tokenCheck.ts';
import { sameAudience } from '../identity/audience.ts';
import { summarize } from '../identity/claims.ts';
import type { Pasted } from '../identity/pasted.ts';
import type { VerdictCode } from '../identity/verify.ts';
import { LIMITS, type ActionId, type Failure, type Mode } from '../protocol/common.ts';
import {
  applyToInspector,
  emptyInspector,
  type Analysis,
  type InspectedToken,
  type InspectorOperation,
  type InspectorState,
  parseFromInspector,
} from '../protocol/inspector.ts';
import { Feed, type Post } from './feed.ts';
import { appsOf, Inspection, type Held, type PastedToken, type Reading } from './inspection.ts';
import { chainComparison, chainHops, type ChainTokens } from './inspectorChain.ts';
import { routeVerdict } from './inspectorGateway.ts';
import { inspectedToken, type RowOf, type RowWords } from './inspectorRow.ts';
import { apiOf, heldToken, heldUntil, TOKEN_IDS, type TokenId } from './inspectorTokens.ts';
import type { Translate } from './messages/catalogue.ts';
import type { Known } from './messages/place.ts';
import { knownNames } from './names.ts';

const REVEAL_MS = 30_000;
/** `setTimeout` takes no longer time than that, in milliseconds. */
const LONGEST_WAIT_MS = 2 ** 31 - 1;
/**
 * When checks change their mind, in milliseconds before a token ends: five minutes, at its end, and a minute later, which
 * the gateway tolerates (see `tokenCheck`).
 */
const BOUNDARIES_MS = [5 * 60_000, 0, -60_000];

export interface InspectorDeps {
  session: Session;
  t: Translate;
  label: (id: TokenId) => string;
  say: (error: unknown) => Failure;
  /** What the connection at hand knows of itself. */
  known(): Known | undefined;
  /** The mode line, and why there are no tokens where there are none. */
  mode(): { mode: Mode; explanation?: string | undefined };
  copyRaw(id: TokenId): void;
  copyText(text: string): void;
  openSource(href: string): void;
  /** Shows JSON as a document that is not saved yet. */
  openDocument(json: string): void;
  /** Asks for a token and hands it to `paste`. */
  askForToken(): void;
  runAction(id: ActionId): void;
  /** Says an error where the person is. */
  report(error: unknown): void;
  log(message: string): void;
}

/** What is behind the inspector's page: it looks at the tokens, keeps the page up to date and does what it asks for. */
export class InspectorController {
  readonly #deps: InspectorDeps;
  readonly #inspection = new Inspection();
  readonly #feed = new Feed<InspectorState, InspectorOperation>(emptyInspector, applyToInspector);
  readonly #stop: { dispose(): void };
  #connection: Connection | undefined;
  #loading: AbortController | undefined;
  #boundary: NodeJS.Timeout | undefined;
  /** The token to bring before the person as soon as the page is there. */
  #goTo: string | undefined;

  constructor(deps: InspectorDeps) {
    this.#deps = deps;
    this.#connection = deps.session.connection;
    this.#stop = deps.session.onDidChange(() => this.#sessionChanged());
    this.load(false);
  }

  /** A message of the page; `visible` is false while nobody can see it: then no raw token is sent. */
  receive(data: unknown, post: Post, visible: boolean): void {
    const message = parseFromInspector(data);
    const { deps, feed } = { deps: this.#deps, feed: this.#feed };
    switch (message?.type) {
      case undefined:
        return deps.log('The inspector sent a message that is none of its own; it was ignored.');
      case 'ready':
      case 'needSnapshot':
        feed.attach(post, { now: Date.now() });
        return this.#bringForward();
      case 'refresh':
        return this.load(true);
      case 'reveal':
        return this.#reveal(message.token, visible);
      case 'copyRaw':
        return isTokenId(message.token) ? deps.copyRaw(message.token) : undefined;
      case 'paste':
        return deps.askForToken();
      case 'forget':
        this.#inspection.forget(message.token);
        return this.#show();
      case 'export':
        return this.#export();
      case 'copyText':
        return deps.copyText(message.text);
      case 'openSource':
        return deps.openSource(message.href);
      case 'runAction':
        return deps.runAction(message.id);
    }
  }

  /** No raw token may be on a page that nobody sees. */
  hidden(): void {
    this.#feed.send({ type: 'conceal' });
  }

  /** Asks for the tokens, with `force` for new ones, past every cache. */
  load(force: boolean): void {
    this.#loading?.abort();
    this.#loading = undefined;
    const { connection } = this.#deps.session;
    if (!connection) {
      this.#inspection.clear();
      this.#show();
      return this.#feed.change({ op: 'refreshing', refreshing: false });
    }
    const loading = (this.#loading = new AbortController());
    this.#feed.change({ op: 'refreshing', refreshing: true });
    this.#inspection
      .load(connection, force, loading.signal, () => this.#show())
      .finally(() => {
        if (this.#loading !== loading) return;
        this.#loading = undefined;
        this.#inspection.settle();
        try {
          this.#show();
        } finally {
          this.#feed.change({ op: 'refreshing', refreshing: false });
        }
      })
      .catch((error: unknown) => {
        if (!isCancellation(error) && !loading.signal.aborted) this.#deps.log(`The inspector failed: ${String(error)}`);
      });
  }

  /** Shows a token that somebody pasted, and brings it before them. */
  async paste(pasted: Exclude<Pasted, { kind: 'unreadable' }>): Promise<void> {
    this.#goTo = await this.#inspection.paste(pasted, this.#deps.session.connection);
    this.#show();
    this.#bringForward();
  }

  /** Forgets every token. */
  dispose(): void {
    this.#loading?.abort();
    clearTimeout(this.#boundary);
    this.#stop.dispose();
    this.#feed.detach(); // a webview that is gone refuses messages
    this.#inspection.clear();
  }

  #bringForward(): void {
    if (this.#goTo !== undefined && this.#feed.attached) {
      this.#feed.send({ type: 'goTo', token: this.#goTo });
      this.#goTo = undefined;
    }
  }

  #sessionChanged(): void {
    const { connection } = this.#deps.session;
    if (connection !== this.#connection) {
      this.#connection = connection; // another agent, another user, or none: nothing that is shown holds
      this.#inspection.clear();
      this.hidden();
      return this.load(false);
    }
    this.#feed.change(...this.#modeChange());
    if (connection && !this.#loading && this.#replaced(connection)) this.load(false);
  }

  /** True when a turn, or a renewal, has put another token in the place of one that is shown. */
  #replaced(connection: Connection): boolean {
    return TOKEN_IDS.some(id => {
      const held = heldToken(connection, id);
      return held !== undefined && held !== this.#inspection.raw(id);
    });
  }

  #reveal(id: string, visible: boolean): void {
    const raw = visible && isTokenId(id) ? this.#inspection.raw(id) : undefined;
    if (raw === undefined) return this.hidden(); // the row says why there is no token
    this.#feed.send({ type: 'raw', token: id, raw, clearAfterMs: REVEAL_MS });
  }

  #export(): void {
    try {
      const json = this.#inspection.export(of => this.#label(of), Date.now());
      if (json !== undefined) this.#deps.openDocument(json);
    } catch (error) {
      this.#deps.report(error);
    }
  }

  #label(of: TokenId | PastedToken): string {
    return typeof of === 'string' ? this.#deps.label(of) : this.#deps.t('Pasted token {0}', of.number);
  }

  /** Brings the page up to what was looked at. */
  #show(): void {
    const { session, t, say } = this.#deps;
    const { connection } = session;
    const words: RowWords = { t, say, names: knownNames(connection), apps: appsOf(connection), now: Date.now() };
    const tokens = [
      ...(connection ? TOKEN_IDS.map(id => this.#row(connection, id, words)) : []),
      ...this.#inspection.pasted.map(pasted => {
        const row = { id: pasted.id, label: this.#label(pasted), pending: false, pasted: true, notConfigured: '' };
        return inspectedToken(row, pasted.reading, words);
      }),
    ];
    this.#feed.change(...this.#modeChange(), ...changesTo(this.#feed.state, tokens, this.#analysis(connection, words)));
    this.#wakeAfter(words.now);
  }

  #modeChange(): InspectorOperation[] {
    const { mode, explanation } = this.#deps.mode();
    const { state } = this.#feed;
    const same = state.explanation === explanation && JSON.stringify(state.mode) === JSON.stringify(mode);
    return same ? [] : [{ op: 'mode', mode, explanation }];
  }

  #row(connection: Connection, id: TokenId, words: RowWords): InspectedToken {
    const { t } = this.#deps;
    const row: RowOf = {
      id,
      label: this.#label(id),
      pending: this.#inspection.isPending(id),
      heldUntil: heldUntil(connection, id),
      notConfigured: id === 'tc' ? '' : t('The sidecar has no API “{0}”.', apiOf(connection, id)),
    };
    return inspectedToken(row, this.#inspection.reading(id), words);
  }

  #analysis(connection: Connection | undefined, { t, names, apps }: RowWords): Analysis {
    if (!connection) return { hops: [], routes: [] };
    const tokens: ChainTokens = {};
    for (const id of TOKEN_IDS) {
      const reading = this.#inspection.reading(id);
      if (reading?.kind === 'held') tokens[id] = reading.held.token;
    }
    const label = (id: TokenId) => this.#label(id);
    const comparison = chainComparison(tokens, apps, { t, label });
    return {
      hops: chainHops(connection, tokens, { t, label, names }),
      ...(comparison && { comparison }),
      ...this.#routes(connection),
    };
  }

  /** What the gateway would say: to each T2 on its own route, to a pasted token on those for its audience. */
  #routes(connection: Connection): Pick<Analysis, 'routes' | 'noRoutes'> {
    const { t, say } = this.#deps;
    const known = this.#deps.known();
    const { gatewayFile, routesProblem } = connection.configuration;
    if (!gatewayFile) {
      const why = routesProblem && say(routesProblem).sentence;
      return {
        routes: [],
        noRoutes: why ?? t('The gateway’s file was not found, so what it would answer is not known.'),
      };
    }
    const judge = (api: 'llm' | 'mcp', id: string, label: string, reading: Reading | undefined) =>
      reading?.kind === 'held'
        ? connection.preflight(api, presented(reading.held)).map(found => routeVerdict(found, { id, label }, t, known))
        : [];
    const own = (['llm', 'mcp'] as const).flatMap(id => judge(id, id, this.#label(id), this.#inspection.reading(id)));
    const pasted = this.#inspection.pasted.flatMap(one =>
      routesFor(connection, one.reading).flatMap(api => judge(api, one.id, this.#label(one), one.reading)),
    );
    const routes = [...own, ...pasted].slice(0, LIMITS.tokens);
    const none = routes.length === 0 && !TOKEN_IDS.some(id => this.#inspection.isPending(id));
    return { routes, ...(none && { noRoutes: t('There is no token to judge by.') }) };
  }

  /** Judges again when the first of the tokens comes to its end, by this clock and by Entra's: its checks change then. */
  #wakeAfter(now: number): void {
    clearTimeout(this.#boundary);
    const ends = this.#inspection.held.flatMap(({ token: { expiresAt: end }, expected: { clockOffset = 0 } }) =>
      end === undefined ? [] : [end, end - clockOffset],
    );
    const next = Math.min(...ends.flatMap(end => BOUNDARIES_MS.map(before => end - before)).filter(at => at > now));
    if (Number.isFinite(next))
      this.#boundary = setTimeout(() => this.#show(), Math.min(next - now + 1, LONGEST_WAIT_MS));
  }
}

/** The operations that lead from what the page shows to these tokens, in their order, and what follows from them. */
function changesTo(
  before: InspectorState,
  tokens: readonly InspectedToken[],
  analysis: Analysis,
): InspectorOperation[] {
  const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
  const kept = before.tokens.filter(old => tokens.some(token => token.id === old.id));
  const inOrder = kept.every((old, index) => old.id === tokens[index]?.id);
  const staying = inOrder ? kept : [];
  const removed = before.tokens.filter(old => !staying.includes(old));
  return [
    ...removed.map(({ id }): InspectorOperation => ({ op: 'remove', id })),
    ...tokens
      .filter(token => !staying.some(old => same(old, token)))
      .map((token): InspectorOperation => ({ op: 'token', token })),
    ...(same(before.analysis, analysis) ? [] : [{ op: 'analysis' as const, analysis }]),
  ];
}

/** The routes that a pasted token is for, by its audience; a token for none of them is judged on each. */
function routesFor({ configuration }: Connection, reading: Reading): ('llm' | 'mcp')[] {
  const apis = { llm: configuration.llmApi.value, mcp: configuration.mcpApi.value };
  const aud = reading.kind === 'held' ? summarize(reading.held.token.claims).aud : '';
  const meant = (['llm', 'mcp'] as const).filter(api =>
    configuration.audiences[apis[api]]?.some(audience => sameAudience(audience, aud)),
  );
  return meant.length > 0 ? meant : ['llm', 'mcp'];
}

/** What our look at the signature means to a gateway with keys of its own; where it says nothing, our tokens are taken for good. */
const SIGNATURES: Partial<Record<VerdictCode, NonNullable<PresentedToken['signature']>>> = {
  'signature.valid': 'valid',
  'signature.invalid': 'invalid',
  'signature.algorithm': 'invalid',
  'signature.notChecked': 'unchecked',
};

function presented({ token, signature }: Held): PresentedToken {
  const known = SIGNATURES[signature.code];
  return { header: token.header, claims: token.claims, ...(known && { signature: known }) };
}

function isTokenId(id: string): id is TokenId {
  return (TOKEN_IDS as readonly string[]).includes(id);
}
