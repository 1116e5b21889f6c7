import { redact } from '../base/redact.ts';
import type { TokenClaims } from '../identity/claims.ts';
import { compile, type Compiled, type Path, type Verdict } from './cel.ts';
import { leaves, splitClauses, type Clause } from './clauses.ts';
import type { McpRoute, Rule } from './config.ts';

/** A claim that a clause looks at; no `value` when the token does not have it. */
export interface ClaimFact {
  name: string;
  value?: string;
}

export interface DenialReason {
  /** `unknown`: the clause depends on something that only the gateway sees. */
  outcome: 'denied' | 'unknown';
  mode: Rule['mode'];
  /** The whole rule and its failing part, as the gateway's file has them. */
  rule: string;
  clause: string;
  claims: ClaimFact[];
  cause: 'claimMissing' | 'claimDiffers' | 'tool' | 'deny' | 'unseen';
  /**
   * Why a claim is probably not what the rule expects. `v2Token`: the rule reads `appid`, the token is v2 and has
   * `azp`; `v1Token`: the reverse; `noFacets`: `xms_act_fct` is an optional claim of the MCP app; `neverSet`: the rule
   * reads a variable that AgentGateway does not set when it checks rules.
   */
  hint?: 'v2Token' | 'v1Token' | 'noFacets' | 'neverSet';
  /** True when no tool at all can pass, whatever its name. */
  everyTool: boolean;
  /** One English sentence for the model. */
  summary: string;
}

/**
 * Why the gateway's own rules refuse a tool to the holder of these claims, or undefined when they do not. Without a
 * tool: why they refuse every tool, which is what an empty list means.
 *
 * The order and the meaning of errors are AgentGateway's: a deny that holds denies, then each require must hold, then
 * one allow must, if there are any; an expression that errs does not hold (v1.4.1
 * crates/agentgateway/src/http/authorization.rs `RuleSets::validate`). At that time only `mcp.tool.name` (without the
 * target's prefix) and `mcp.tool.target` are set.
 *
 * Loads the CEL engine: import this module with `import()`.
 */
export function explainDenial(
  route: Pick<McpRoute, 'rules'>,
  claims: TokenClaims,
  tool?: { name: string; target: string },
): DenialReason | undefined {
  const verdict = blame(route.rules, { jwt: claims, ...(tool && { mcp: { tool } }) });
  if (!verdict || (!tool && verdict.verdict === 'unknown')) return undefined;
  const everyTool = !tool || blame(route.rules, { jwt: claims })?.verdict === 'fails';
  return reason(verdict, claims, everyTool);
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
export function hiddenTools(route: Pick<McpRoute, 'rules' | 'targets'>, claims: TokenClaims): HiddenTool[] {
  const expressions = route.rules.flatMap(rule => leaves(splitClauses(rule.expression)).map(compile));
  const names = new Set(expressions.flatMap(expression => expression.toolNames));
  return [...names].flatMap(name => {
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

interface Judged {
  rule: Rule;
  verdict: Verdict;
  /** The part that decides, and its leaves. */
  clause: string;
  parts: Compiled[];
}

type Variables = Readonly<Record<string, unknown>>;

/** The rule that decides against, or the one that leaves it open; undefined when access is certain. */
function blame(rules: readonly Rule[], variables: Variables): Judged | undefined {
  const judged = rules.map(rule => judgeRule(rule, variables));
  const of = (mode: Rule['mode'], ...verdicts: Verdict[]) =>
    judged.filter(item => item.rule.mode === mode && verdicts.includes(item.verdict));
  const denied = of('deny', 'holds')[0];
  if (denied) return { ...denied, verdict: 'fails' };
  const required = of('require', 'fails')[0];
  if (required) return required;
  const allows = of('allow', 'holds', 'fails', 'unknown');
  const refused = of('allow', 'fails');
  if (allows.length > 0 && refused.length === allows.length)
    return refused.reduce((best, item) => (distance(item) < distance(best) ? item : best));
  const open = [...of('deny', 'unknown'), ...of('require', 'unknown')][0];
  return open ?? (of('allow', 'holds').length === 0 ? of('allow', 'unknown')[0] : undefined);
}

/**
 * How far a rule is from letting this tool pass: the nearest miss is the one worth explaining, and a rule that is about
 * another tool is further away than any that is about this one.
 */
function distance({ parts }: Judged): number {
  const aboutTool = parts.filter(part => part.references.some(([root]) => root === 'mcp'));
  return aboutTool.length * 1000 + parts.length;
}

function judgeRule(rule: Rule, variables: Variables): Judged {
  const clause = splitClauses(rule.expression);
  const result = judge(clause, variables);
  if (rule.mode === 'deny')
    return { rule, verdict: result.verdict, clause: clause.text, parts: leaves(clause).map(compile) };
  return { rule, ...result };
}

/**
 * `&&` and `||` over clauses. A failed clause and one that errs count the same, which keeps the outcome: an error on
 * either side of `&&` or `||` never makes the whole true.
 */
function judge(clause: Clause, variables: Variables): Omit<Judged, 'rule'> {
  if (clause.kind === 'leaf') {
    const compiled = compile(clause.text);
    return { verdict: compiled.judge(variables), clause: clause.text, parts: [compiled] };
  }
  const results = clause.parts.map(part => judge(part, variables));
  const decisive: Verdict = clause.kind === 'all' ? 'fails' : 'holds';
  const settled = results.filter(result => result.verdict === decisive);
  const open = results.filter(result => result.verdict === 'unknown');
  const verdict = settled.length > 0 ? decisive : open.length > 0 ? 'unknown' : opposite(decisive);
  const named = settled[0] ?? open[0];
  const parts = (settled.length > 0 ? settled : results).flatMap(result => result.parts);
  return { verdict, clause: clause.kind === 'all' && named ? named.clause : clause.text, parts };
}

const opposite = (verdict: Verdict): Verdict => (verdict === 'holds' ? 'fails' : 'holds');

function reason(judged: Judged, claims: TokenClaims, everyTool: boolean): DenialReason {
  const { rule, clause, verdict } = judged;
  const named = leaves(splitClauses(clause)).map(compile);
  const paths = named.flatMap(part => part.references);
  const facts = factsOf(paths, claims);
  const hint = hintFor(paths, claims);
  const cause =
    verdict === 'unknown'
      ? 'unseen'
      : rule.mode === 'deny'
        ? 'deny'
        : facts.some(fact => fact.value === undefined)
          ? 'claimMissing'
          : facts.length > 0
            ? 'claimDiffers'
            : 'tool';
  return {
    outcome: verdict === 'unknown' ? 'unknown' : 'denied',
    mode: rule.mode,
    rule: rule.expression.trim(),
    clause,
    claims: facts,
    cause,
    ...(hint && { hint }),
    everyTool,
    summary: summarize(cause, clause, facts),
  };
}

function factsOf(paths: readonly Path[], claims: TokenClaims): ClaimFact[] {
  const facts = new Map<string, ClaimFact>();
  for (const [root, ...keys] of paths) {
    if (root !== 'jwt' || keys.length === 0) continue;
    let value: unknown = claims;
    for (const key of keys)
      value =
        typeof value === 'object' && value !== null && Object.hasOwn(value, key)
          ? (value as Record<string, unknown>)[key]
          : undefined;
    const name = keys.join('.');
    facts.set(name, value === undefined ? { name } : { name, value: display(value) });
  }
  return [...facts.values()];
}

function display(value: unknown): string {
  const text = redact(typeof value === 'string' ? value : JSON.stringify(value));
  return text.length > 200 ? `${text.slice(0, 199)}…` : text;
}

function hintFor(paths: readonly Path[], claims: TokenClaims): DenialReason['hint'] {
  const reads = (name: string) => paths.some(([root, key]) => root === 'jwt' && key === name);
  const has = (name: string) => claims[name] !== undefined;
  if (reads('appid') && !has('appid') && has('azp')) return 'v2Token';
  if (reads('azp') && !has('azp') && has('appid')) return 'v1Token';
  if (reads('xms_act_fct') && !has('xms_act_fct')) return 'noFacets';
  const set = ['tool.name', 'tool.target', 'tool'];
  if (paths.some(([root, ...keys]) => root === 'mcp' && !set.includes(keys.join('.')))) return 'neverSet';
  return undefined;
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
    case 'claimMissing':
    case 'claimDiffers':
      return `Access needs ${clause}, and the token has ${seen}.`;
  }
}
