import type { TokenClaims } from '../identity/claims.ts';
import { redact } from '../base/redact.ts';
import { compile, type Compiled, type Path, type Variables, type Verdict } from './cel.ts';
import { splitClauses, type Clause } from './clauses.ts';
import type { Rule } from './policies.ts';

/** A claim that a clause looks at; no `value` when the token does not have it. */
export interface ClaimFact {
  name: string;
  value?: string;
}

/** A clause of a rule with what becomes of it; `all` is `&&`, `any` is `||`. */
export interface ClauseVerdict {
  kind: Clause['kind'];
  /** As the gateway's file has it. */
  text: string;
  verdict: Verdict;
  /** Of a leaf: the claims that it looks at. */
  claims: ClaimFact[];
  parts: ClauseVerdict[];
}

/** A rule with what becomes of it. A deny rule that holds refuses, the others refuse when they fail. */
export interface RuleVerdict {
  rule: Rule;
  verdict: Verdict;
  clauses: ClauseVerdict;
}

/** The rule that decides against, or that leaves it open, and the part of it that does. */
export interface Blame {
  rule: Rule;
  outcome: 'denied' | 'unknown';
  clause: ClauseVerdict;
}

export function judgeRule(rule: Rule, variables: Variables): RuleVerdict {
  const clauses = judge(splitClauses(rule.expression), variables);
  return { rule, verdict: clauses.verdict, clauses };
}

/**
 * The rule that decides against, or the one that leaves it open; undefined when access is certain.
 *
 * The order and the meaning of errors are AgentGateway's: a deny that holds denies, then each require must hold, then
 * one allow must, if there are any; an expression that errs does not hold (v1.4.1
 * crates/agentgateway/src/http/authorization.rs `RuleSets::validate`).
 */
export function blame(judged: readonly RuleVerdict[]): Blame | undefined {
  const of = (mode: Rule['mode'], ...verdicts: Verdict[]) =>
    judged.filter(item => item.rule.mode === mode && verdicts.includes(item.verdict));
  const denied = of('deny', 'holds')[0];
  if (denied) return { rule: denied.rule, outcome: 'denied', clause: denied.clauses };
  const required = of('require', 'fails')[0];
  if (required) return because(required, 'denied');
  const allows = of('allow', 'holds', 'fails', 'unknown');
  const refused = of('allow', 'fails');
  if (allows.length > 0 && refused.length === allows.length)
    return because(
      refused.reduce((best, item) => (distance(item) < distance(best) ? item : best)),
      'denied',
    );
  const open = [...of('deny', 'unknown'), ...of('require', 'unknown')][0];
  if (open) return because(open, 'unknown');
  const allow = of('allow', 'holds').length === 0 ? of('allow', 'unknown')[0] : undefined;
  return allow && because(allow, 'unknown');
}

/** The leaves of a clause, in the order of the source. */
export function leavesOf(clause: ClauseVerdict): ClauseVerdict[] {
  return clause.kind === 'leaf' ? [clause] : clause.parts.flatMap(leavesOf);
}

/** The paths of the variables that a clause reads. */
export const referencesOf = (clause: ClauseVerdict): Path[] =>
  leavesOf(clause).flatMap(leaf => [...compile(leaf.text).references]);

/**
 * `&&` and `||` over clauses. A failed clause and one that errs count the same, which keeps the outcome: an error on
 * either side of `&&` or `||` never makes the whole true.
 */
function judge(clause: Clause, variables: Variables): ClauseVerdict {
  const { kind, text } = clause;
  if (clause.kind === 'leaf') {
    const compiled = compile(text);
    const verdict = compiled.judge(forAnyTool(compiled, variables));
    return { kind, text, verdict, claims: factsOf(compiled, variables.jwt), parts: [] };
  }
  const parts = clause.parts.map(part => judge(part, variables));
  const settles: Verdict = kind === 'all' ? 'fails' : 'holds';
  const settled = parts.some(part => part.verdict === settles);
  const open = parts.some(part => part.verdict === 'unknown');
  const verdict = settled ? settles : open ? 'unknown' : settles === 'holds' ? 'fails' : 'holds';
  return { kind, text, verdict, claims: [], parts };
}

/**
 * Where no tool is named, a clause about tools is open, except one that reads only what no tool has: it is the same for
 * each of them.
 */
function forAnyTool({ references }: Compiled, variables: Variables): Variables {
  const mcp = references.filter(([root]) => root === 'mcp');
  const has = ([, kind, field]: Path) => kind === undefined || (kind === 'tool' && (!field || TOOL_FIELDS.has(field)));
  if (Object.hasOwn(variables, 'mcp') || mcp.length === 0 || mcp.some(has)) return variables;
  return { ...variables, mcp: { tool: { name: '', target: '' } } };
}

const TOOL_FIELDS = new Set(['name', 'target']);

const because = ({ rule, clauses }: RuleVerdict, outcome: Blame['outcome']): Blame => ({
  rule,
  outcome,
  clause: rule.mode === 'deny' ? clauses : decisive(clauses),
});

/** The first part of a `&&` that fails, or that leaves it open; an `||` is to blame as a whole. */
function decisive(clause: ClauseVerdict): ClauseVerdict {
  const part = clause.kind === 'all' ? clause.parts.find(({ verdict }) => verdict === clause.verdict) : undefined;
  return part ? decisive(part) : clause;
}

/**
 * How far a rule is from letting a request pass: the nearest miss is the one worth explaining, and a rule that is about
 * another tool is further away than any that is about this one.
 */
function distance({ clauses }: RuleVerdict): number {
  const failing = failingLeaves(clauses).map(leaf => compile(leaf.text));
  const aboutTool = failing.filter(leaf => leaf.references.some(([root]) => root === 'mcp'));
  return aboutTool.length * 1000 + failing.length;
}

const failingLeaves = (clause: ClauseVerdict): ClauseVerdict[] =>
  clause.kind === 'leaf' ? [clause] : clause.parts.filter(part => part.verdict === 'fails').flatMap(failingLeaves);

function factsOf({ references }: Compiled, claims: unknown): ClaimFact[] {
  const facts = new Map<string, ClaimFact>();
  for (const [root, ...keys] of references) {
    if (root !== 'jwt' || keys.length === 0) continue;
    const value = keys.reduce<unknown>(memberOf, claims);
    const name = keys.join('.');
    facts.set(name, value === undefined ? { name } : { name, value: display(value) });
  }
  return [...facts.values()];
}

const memberOf = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? (value as TokenClaims)[key] : undefined;

function display(value: unknown): string {
  const text = redact(typeof value === 'string' ? value : JSON.stringify(value));
  return text.length > 200 ? `${text.slice(0, 199)}…` : text;
}
