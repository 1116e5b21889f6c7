import type { ToolCallState } from '../../agent/toolCall.ts';
import type { DenialReason } from '../../gateway/policy.ts';
import { clip, LIMITS, type Failure } from '../../protocol/common.ts';
import type { Translate } from './catalogue.ts';

/** What the card of a refused tool says, and of one that will be refused: the clause, the claim, the change that mends it. */
export function sayDenial(
  t: Translate,
  { status, denial }: Pick<ToolCallState, 'status' | 'denial'>,
): Failure | undefined {
  if (!denial || (status !== 'denied' && status !== 'waiting')) return undefined;
  const intro =
    status === 'denied'
      ? t('The gateway’s policy refuses this tool.')
      : denial.outcome === 'unknown'
        ? t('The gateway’s policy may refuse this tool.')
        : t('The gateway’s policy will refuse this tool.');
  return {
    sentence: clip(`${intro} ${clauseOf(t, denial)}`, LIMITS.sentence),
    nextStep: clip(remedy(t, denial), LIMITS.sentence),
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

function remedy(t: Translate, { hint, cause, mode }: DenialReason): string {
  switch (hint) {
    case 'v2Token':
      return t(
        'The token is v2 and has azp where the rule reads appid: let the rule read azp, or let the app issue v1 tokens.',
      );
    case 'v1Token':
      return t('The token is v1 and has appid where the rule reads azp: let the rule read appid.');
    case 'noFacets':
      return t(
        'Let the MCP app emit the agent’s claims: add xms_act_fct to optionalClaims.accessToken of its registration.',
      );
    case 'neverSet':
      return t('The rule reads a value that the gateway does not set when it checks rules: it can never hold.');
    case undefined:
      return cause === 'deny' || mode === 'deny' || cause === 'tool' || cause === 'unseen'
        ? t('Ask whoever owns the gateway’s file, if the agent should have this tool.')
        : t('Select another agent, or ask whoever owns the gateway’s file to allow this one.');
  }
}
