import type { ToolCallState } from '../../agent/toolCall.ts';
import type { DenialReason } from '../../gateway/policy.ts';
import { clip, LIMITS, type Failure } from '../../protocol/common.ts';
import type { Translate } from './catalogue.ts';
import { handOver } from './handOver.ts';
import { Place, type Known } from './place.ts';
import { sayRemedy } from './remedy.ts';

/**
 * What the card of a refused tool says, and of one that will be refused: the clause, the claim, the change that mends it,
 * and, once it was refused, who can make that change.
 */
export function sayDenial(
  t: Translate,
  { status, denial, resolved }: Pick<ToolCallState, 'status' | 'denial' | 'resolved'>,
  known: Known = {},
): Failure | undefined {
  if (!denial || (status !== 'denied' && status !== 'waiting')) return undefined;
  const intro =
    status === 'denied'
      ? t('The gateway’s policy refuses this tool.')
      : denial.outcome === 'unknown'
        ? t('The gateway’s policy may refuse this tool.')
        : t('The gateway’s policy will refuse this tool.');
  return refusal(t, `${intro} ${clauseOf(t, denial)}`, denial, resolved?.ownName, known);
}

/** What the row of a tool says that the gateway hides, or of a server all of whose tools it hides: the same as the card. */
export function sayHidden(t: Translate, denial: DenialReason, tool?: string, known: Known = {}): Failure {
  const failure = refusal(t, clauseOf(t, denial), denial, tool, known);
  if (tool !== undefined || denial.remedy.code !== 'allowAgent') return failure;
  return { ...failure, actions: [{ id: 'agentId.selectAgent', label: t('Select Agent…') }, ...failure.actions] };
}

/**
 * What the chat says of an agent for which the gateway lists no tool: `because` is why its rules refuse every one, as far
 * as that is known.
 */
export function sayWithoutTools(t: Translate, agent: string, because: Failure | undefined): Failure {
  const sentence = t('The gateway lists no tools for {0}, which answers without them.', agent);
  if (!because) return { sentence: clip(sentence, LIMITS.sentence), actions: [] };
  return { ...because, sentence: clip(`${sentence} ${because.sentence}`, LIMITS.sentence) };
}

function refusal(t: Translate, sentence: string, denial: DenialReason, tool = '', known: Known = {}): Failure {
  const { sentence: next, who, fix } = sayRemedy(t, denial.remedy, known);
  const value = (name: string) => (name === 'tool' ? tool : '');
  const said = { sentence, next, who, ...(fix && { fix }) };
  const error = { code: 'gateway.policy', at: new Date() };
  return {
    sentence: clip(sentence, LIMITS.sentence),
    nextStep: clip(next, LIMITS.sentence),
    who,
    // It stands alone, since it goes to somebody who does not see the card.
    ...(fix && { fix: clip(handOver(t, said, error, value, new Place(() => known)), LIMITS.fix) }),
    actions: [{ id: 'agentId.showTokens', label: t('Show Tokens') }],
  };
}

/** The clause that decides and the values that it looked at. */
export function clauseOf(t: Translate, { mode, clause, claims, cause }: DenialReason): string {
  if (cause === 'unseen') return t('This clause depends on what only the gateway sees: {0}', clause);
  if (cause === 'deny' || mode === 'deny') return t('This deny rule applies: {0}', clause);
  const facts = claims.map(claim =>
    claim.value === undefined ? t('{0} is absent', claim.name) : `${claim.name} = ${claim.value}`,
  );
  const seen = facts.length > 0 ? ` (${facts.join(', ')})` : '';
  return t('This clause does not hold: {0}', clause) + seen;
}
