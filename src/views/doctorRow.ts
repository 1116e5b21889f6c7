import type { ConnectionPlan } from '../agent/configuration.ts';
import { AgentIdError } from '../base/errors.ts';
import {
  CHECKS,
  type CheckId,
  type CheckState,
  type FederatedCredential,
  type Finding,
  type Found,
  type Report,
} from '../doctor/report.ts';
import type { RouteVerdict } from '../gateway/preflight.ts';
import { clip, LIMITS, type Failure } from '../protocol/common.ts';
import type { DoctorCheck, DoctorFinding } from '../protocol/doctor.ts';
import type { Translate } from './messages/catalogue.ts';
import { blueprintPath, Graph, sentWith } from './messages/fixes/graph.ts';
import { checkGroup, checkTitle, factLabel, tokenName } from './messages/doctorWords.ts';
import { handOver } from './messages/handOver.ts';
import { Place, type Known } from './messages/place.ts';
import { sayReason } from './messages/preflight.ts';
import { sayRemedy } from './messages/remedy.ts';
import { checkName, sayVerdict } from './messages/token.ts';

export interface DoctorRowWords {
  t: Translate;
  say: (error: unknown) => Failure;
  /** Whose Graph a call goes to hangs on the cloud of the connection. */
  known: () => Known | undefined;
}

/** A check as the page shows it. */
export function doctorRow(id: CheckId, state: CheckState, words: DoctorRowWords): DoctorCheck {
  const { t, say } = words;
  const row = { id, group: checkGroup(t, id), title: checkTitle(t, id), ...NOTHING };
  switch (state.kind) {
    case 'pending':
    case 'running':
    case 'stopped':
      return { ...row, status: state.kind };
    case 'blocked':
      return { ...row, status: 'blocked', note: needs(t, state.needs) };
    case 'waiting': {
      const { nextTry, until, trying, error } = state;
      return { ...row, status: 'waiting', nextTry, until, trying, failure: say(error), ...found(state, words) };
    }
    case 'passed': {
      const status = state.remarks.length > 0 || hasWarning(state) ? 'remarks' : 'passed';
      return { ...row, status, ms: state.ms, ...found(state, words) };
    }
    case 'unknown':
      return { ...row, status: 'unknown', ms: state.ms, failure: say(state.error), ...found(state, words) };
    case 'failed':
      return { ...row, status: 'failed', ms: state.ms, failure: failed(state, words), ...found(state, words) };
  }
}

/** What is examined, for the head of the page. */
export function doctorAbout(t: Translate, { deployment, namespace, context }: ConnectionPlan): string {
  return clip(t('{0} in namespace {1}, context {2}', deployment, namespace, context), LIMITS.sentence);
}

/** What came of it all, in one sentence. */
export function doctorSummary(t: Translate, report: Report): string {
  const count = (...kinds: CheckState['kind'][]) =>
    CHECKS.filter(id => kinds.includes(report.get(id)?.kind ?? 'stopped')).length;
  const [failed, blocked, open, stopped] = [count('failed'), count('blocked'), count('unknown'), count('stopped')];
  if (stopped > 0)
    return t('Stopped: {0} passed, {1} failed, {2} not looked at.', count('passed'), failed, stopped + blocked + open);
  if (failed > 0) {
    const sentence =
      blocked > 0
        ? t('{0} failed, and {1} that depend on it were not looked at.', failed, blocked)
        : t('{0} failed, {1} passed.', failed, count('passed'));
    return open > 0 ? `${sentence} ${t('{0} could not be looked at.', open)}` : sentence;
  }
  return open > 0
    ? t('Nothing failed; {0} could not be looked at.', open)
    : t('All {0} checks passed.', count('passed'));
}

/** Where the gateway's file refuses, with the change that mends it: what goes to an admin stands alone. */
function failed({ error, findings }: Found & { error: unknown }, { t, say, known }: DoctorRowWords): Failure {
  const said = say(error);
  if (!AgentIdError.is(error, 'doctor.refusedByFile')) return said;
  const checks = findings.flatMap(each =>
    each.kind === 'route' && each.verdict.path === error.args.path ? each.verdict.checks : [],
  );
  const check = checks.find(({ outcome, remedy }) => outcome === 'fails' && remedy);
  if (!check?.remedy) return said;
  const remedy = sayRemedy(t, check.remedy, known());
  const { who, sentence: next } = remedy;
  const sentence = `${said.sentence} ${sayReason(t, check)}`;
  const value = (name: string) => (name === 'route' ? String(error.args.path) : '');
  const fix = who === 'you' ? undefined : handOver(t, { ...remedy, sentence, next }, error, value, new Place(known));
  return {
    sentence: clip(sentence, LIMITS.sentence),
    nextStep: clip(next, LIMITS.sentence),
    who,
    ...(fix && { fix: clip(fix, LIMITS.fix) }),
    actions: said.actions,
  };
}

const NOTHING = { remarks: [], facts: [], findings: [] };

function needs(t: Translate, ids: readonly CheckId[]): string {
  return t('It needs “{0}”.', ids.map(id => checkTitle(t, id)).join('”, “'));
}

function hasWarning({ findings }: Found): boolean {
  return findings.some(
    finding => finding.kind === 'noToken' || (finding.kind === 'verdict' && finding.verdict.outcome === 'warning'),
  );
}

function found(
  { facts, findings, remarks, credential }: Found,
  { t, say, known }: DoctorRowWords,
): Pick<DoctorCheck, 'facts' | 'findings' | 'remarks' | 'text'> {
  return {
    facts: facts.map(({ name, value }) => ({ label: factLabel(t, name), value: clip(value, LIMITS.sentence) })),
    findings: findings.flatMap(finding => said(t, finding, known())).slice(0, LIMITS.checks),
    remarks: remarks.slice(0, LIMITS.checks).map(say),
    ...(credential && {
      text: {
        label: t('Federated credential that the blueprint needs'),
        value: clip(sayCredential(t, credential, new Graph(new Place(known))), LIMITS.fix),
      },
    }),
  };
}

/** As a call of Graph: of the cloud that the connection is in. */
function sayCredential(t: Translate, { blueprintAppId, body }: FederatedCredential, graph: Graph): string {
  const { name, issuer = t('<issuer of the cluster, exactly as in the token>'), ...rest } = body;
  const path = `${blueprintPath(blueprintAppId)}/federatedIdentityCredentials`;
  const permission = sentWith(t, 'AgentIdentityBlueprint.AddRemoveCreds.All');
  return `${graph.call('POST', path, { name, issuer, ...rest })}\n\n${permission}`;
}

function said(t: Translate, finding: Finding, known: Known | undefined): DoctorFinding[] {
  if (finding.kind === 'route') return routeLines(t, finding.verdict, known);
  if (finding.kind === 'noToken')
    return [
      { title: tokenName(t, finding.token), outcome: 'warning', sentence: t('Not checked: there is no such token.') },
    ];
  const { token, verdict } = finding;
  return [
    {
      title: `${tokenName(t, token)}: ${checkName(t, verdict.check)}`,
      outcome: verdict.outcome,
      sentence: clip(sayVerdict(t, verdict), LIMITS.sentence),
    },
  ];
}

/** One line for a route that lets the agent in, and for another one each check that does not pass. */
function routeLines(t: Translate, verdict: RouteVerdict, known: Known | undefined): DoctorFinding[] {
  const title = clip(verdict.path, LIMITS.line);
  const open = verdict.checks.filter(({ outcome }) => outcome === 'fails' || outcome === 'unknown');
  if (open.length === 0) return [{ title, outcome: 'ok', sentence: t('The gateway’s file lets the agent in.') }];
  return open.map(check => {
    const remedy = check.remedy && sayRemedy(t, check.remedy, known);
    const sentence = [sayReason(t, check), remedy?.sentence].filter(Boolean).join(' ');
    return {
      title,
      outcome: check.outcome === 'fails' ? 'bad' : 'unknown',
      sentence: clip(sentence, LIMITS.sentence),
      ...(remedy?.fix && { fix: clip(remedy.fix, LIMITS.fix) }),
    };
  });
}
