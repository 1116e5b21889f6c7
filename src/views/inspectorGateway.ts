import type { PreflightCheck, RouteVerdict as Judged, ToolVerdict } from '../gateway/preflight.ts';
import type { ClauseVerdict, RuleVerdict } from '../gateway/rules.ts';
import { clip, LIMITS } from '../protocol/common.ts';
import type { PolicyRule, PolicyStep, RouteVerdict, RuleClause } from '../protocol/inspector.ts';
import type { Translate } from './messages/catalogue.ts';
import { clauseOf } from './messages/denial.ts';
import type { Known } from './messages/place.ts';
import { checkTitle, sayAnswer, sayCheck } from './messages/preflight.ts';
import { sayRemedy } from './messages/remedy.ts';

/** How deep an outline of clauses goes; the text of what is deeper stands in the line above. */
const MAX_DEPTH = 32;

/** What the gateway would say to one token on one of its routes, for the page; `known` gives the fixes their identifiers. */
export function routeVerdict(
  judged: Judged,
  token: { id: string; label: string },
  t: Translate,
  known: Known | undefined,
): RouteVerdict {
  const kinds = { ai: t('Model'), mcp: t('MCP'), other: t('Route') };
  return {
    id: clip(`${token.id} ${judged.path}`, LIMITS.id),
    title: clip(`${kinds[judged.kind]} · ${judged.path}`, LIMITS.line),
    token: clip(token.label, LIMITS.line),
    outcome: judged.outcome,
    sentence: clip(sayAnswer(t, judged), LIMITS.sentence),
    steps: judged.checks.slice(0, LIMITS.checks).map(check => stepOf(check, judged, t, known)),
    tools: judged.tools.slice(0, LIMITS.items).map(tool => toolOf(tool, t)),
  };
}

function stepOf(check: PreflightCheck, judged: Judged, t: Translate, known: Known | undefined): PolicyStep {
  const remedy = check.remedy && check.outcome !== 'skipped' ? sayRemedy(t, check.remedy, known) : undefined;
  return {
    title: clip(checkTitle(t, check), LIMITS.line),
    outcome: check.outcome,
    sentence: clip(sayCheck(t, check, judged), LIMITS.sentence),
    ...(remedy && {
      remedy: {
        sentence: clip(remedy.sentence, LIMITS.sentence),
        ...(remedy.fix !== undefined && { text: clip(remedy.fix, LIMITS.sentence) }),
      },
    }),
    rules: check.rules.slice(0, LIMITS.checks).map(ruleOf),
    ...(check.rules.length > LIMITS.checks && { moreRules: check.rules.length - LIMITS.checks }),
  };
}

function ruleOf({ rule, verdict, clauses }: RuleVerdict): PolicyRule {
  return { mode: rule.mode, outcome: verdict, clauses: outline(clauses, 0).slice(0, LIMITS.claims) };
}

function outline(clause: ClauseVerdict, depth: number): RuleClause[] {
  const isLeaf = clause.kind === 'leaf' || depth >= MAX_DEPTH;
  const line: RuleClause = {
    depth,
    kind: isLeaf ? 'leaf' : clause.kind,
    text: clip(clause.text, LIMITS.sentence),
    outcome: clause.verdict,
    facts: clause.claims.slice(0, LIMITS.checks).map(({ name, value }) => ({
      name: clip(name, LIMITS.line),
      ...(value !== undefined && { value: clip(value, LIMITS.line) }),
    })),
  };
  return [line, ...(isLeaf ? [] : clause.parts.flatMap(part => outline(part, depth + 1)))];
}

function toolOf({ name, target, outcome, reason }: ToolVerdict, t: Translate): RouteVerdict['tools'][number] {
  return {
    name: clip(name, LIMITS.line),
    ...(target !== undefined && { target: clip(target, LIMITS.line) }),
    outcome,
    ...(reason && {
      reason: clip(`${clauseOf(t, reason)} · ${sayRemedy(t, reason.remedy).sentence}`, LIMITS.sentence),
    }),
  };
}
