import type { TokenClaims } from '../identity/claims.ts';
import { compile, type Variables } from './cel.ts';
import { leaves, splitClauses } from './clauses.ts';
import type { McpRoute } from './config.ts';
import type { Rule } from './policies.ts';
import { mend, type Refusal, type Remedy } from './remedies.ts';
import { blame, judgeRule, leavesOf, referencesOf, type Blame, type ClaimFact } from './rules.ts';

export interface DenialReason {
  /** `unknown`: the clause depends on something that only the gateway sees. */
  outcome: 'denied' | 'unknown';
  mode: Rule['mode'];
  /** The whole rule and its failing part, as the gateway's file has them. */
  rule: string;
  clause: string;
  claims: ClaimFact[];
  cause: Refusal['cause'];
  /** The change that would let the call pass. */
  remedy: Remedy;
  /** True when no tool at all can pass, whatever its name. */
  everyTool: boolean;
  /** One English sentence for the model. */
  summary: string;
}

/**
 * Why the gateway's own rules refuse a tool to the holder of these claims, or undefined when they do not. Without a
 * tool: why they refuse every tool, which is what an empty list means. At that time only `mcp.tool.name` (without the
 * target's prefix) and `mcp.tool.target` are set. Without claims: to a caller whom the gateway let in without a token.
 *
 * Loads the CEL engine: import this module with `import()`.
 */
export function explainDenial(
  route: Pick<McpRoute, 'rules'>,
  claims: TokenClaims | undefined,
  tool?: { name: string; target: string },
): DenialReason | undefined {
  const found = blameIn(route.rules, { jwt: claims, ...(tool && { mcp: { tool } }) });
  if (!found || (!tool && found.outcome === 'unknown')) return undefined;
  const everyTool = !tool || blameIn(route.rules, { jwt: claims })?.outcome === 'denied';
  return reasonOf(found, claims ?? {}, { policy: 'mcpAuthorization', everyTool });
}

/** A tool that the rules name and refuse to the holder of these claims; no `target` when they refuse it on all. */
export interface HiddenTool {
  name: string;
  target?: string;
  reason: DenialReason;
}

/**
 * The tools that are missing from the gateway's list as far as its rules give their names away: the gateway itself
 * never says what it hides.
 */
export function hiddenTools(route: Pick<McpRoute, 'rules' | 'targets'>, claims: TokenClaims | undefined): HiddenTool[] {
  return namedTools(route.rules).flatMap(name => {
    const refused = route.targets.flatMap(target => {
      const why = explainDenial(route, claims, { name, target });
      if (why?.outcome !== 'denied') return [];
      // An allow that is about another target says nothing of whether this one has such a tool.
      if (why.cause === 'tool' && /\bmcp\.tool\.target\b/.test(why.clause)) return [];
      return [{ name, target, reason: why }];
    });
    if (refused.length < route.targets.length || refused.length === 0) return refused;
    return [{ name, reason: refused[0]!.reason }];
  });
}

function namedTools(rules: readonly Rule[]): string[] {
  const expressions = rules.flatMap(rule => leaves(splitClauses(rule.expression)).map(compile));
  return [...new Set(expressions.flatMap(expression => expression.toolNames))];
}

const blameIn = (rules: readonly Rule[], variables: Variables) => blame(rules.map(rule => judgeRule(rule, variables)));

/** A refusal with what it looked at and what would mend it. */
export function reasonOf(
  { rule, outcome, clause }: Blame,
  claims: TokenClaims,
  { policy, everyTool }: { policy: Refusal['policy']; everyTool: boolean },
): DenialReason {
  const paths = referencesOf(clause);
  const facts = [...new Map(leavesOf(clause).flatMap(leaf => leaf.claims.map(fact => [fact.name, fact]))).values()];
  const cause =
    outcome === 'unknown'
      ? 'unseen'
      : rule.mode === 'deny'
        ? 'deny'
        : facts.some(fact => fact.value === undefined)
          ? 'claimMissing'
          : facts.length > 0
            ? 'claimDiffers'
            : paths.some(([root]) => root === 'mcp')
              ? 'tool'
              : 'rule';
  return {
    outcome,
    mode: rule.mode,
    rule: rule.expression.trim(),
    clause: clause.text,
    claims: facts,
    cause,
    remedy: mend({ policy, rule, clause: clause.text, paths, cause }, claims),
    everyTool,
    summary: summarize(cause, clause.text, facts),
  };
}

function summarize(cause: DenialReason['cause'], clause: string, facts: ClaimFact[]): string {
  const seen = facts
    .map(({ name, value }) => (value === undefined ? `no claim ${name}` : `${name} = ${value}`))
    .join(', ');
  switch (cause) {
    case 'deny':
      return `A rule denies when ${clause}${seen ? ` (the token has ${seen})` : ''}.`;
    case 'unseen':
      return `It depends on ${clause}, which only the gateway can evaluate.`;
    case 'tool':
      return `Access needs ${clause}, which is not true of this tool.`;
    case 'rule':
      return `Access needs ${clause}.`;
    case 'claimMissing':
    case 'claimDiffers':
      return `Access needs ${clause}, and the token has ${seen}.`;
  }
}
