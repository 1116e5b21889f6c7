import { parse } from 'yaml';
import { AgentIdError } from '../base/errors.ts';
import type { Subject } from './clusterChecks.ts';
import { CHECKS, type CheckState, type Found, type Report } from './report.ts';
import { findSecrets, hideSecrets } from './secrets.ts';

export interface BundleParts {
  /** Versions, and what else is known of where this runs. */
  environment: Readonly<Record<string, string>>;
  /** Names of the settings that somebody has set; never their values. */
  settings: readonly string[];
  report: Report;
  subject: Subject | undefined;
  log: readonly string[];
  /** Tokens and keys that this process holds: of none of them a piece may be in the bundle. */
  secrets: readonly string[];
  /** The person's home directory, which is named `~`. */
  home: string;
  now: Date;
}

/**
 * What somebody who helps needs to know, as JSON: versions, each check with its verdict and time, which identifiers and
 * keys there are, the last lines of the log. Identifiers stay, because without them nobody can look anything up; names of
 * users do not. It is scanned before it leaves. Throws `doctor.bundleHoldsSecret`.
 */
export function supportBundle(parts: BundleParts): string {
  const { environment, settings, report, subject, log, now } = parts;
  const bundle = {
    about: 'Support bundle of Agent ID for VS Code: no tokens, no keys, no names of users.',
    made: now.toISOString(),
    environment,
    settings,
    checks: CHECKS.map(id => ({ check: id, ...checked(report.get(id)) })),
    ...(subject && { configuration: configurationOf(subject) }),
    log,
  };
  const values: string[] = []; // as they are: JSON spells some characters out
  const hide = (value: string) => {
    const masked = mask(value, parts.home);
    values.push(masked);
    return masked;
  };
  const masking = (_key: string, value: unknown) => {
    if (typeof value === 'string') return hide(value);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [hide(key), inner])); // others chose some keys
  };
  const text = JSON.stringify(bundle, masking, 2);
  const kinds = findSecrets([text, ...values].join('\0'), parts.secrets);
  if (kinds.length > 0) throw new AgentIdError('doctor.bundleHoldsSecret', { kinds: kinds.join(', ') });
  return `${text}\n`;
}

function mask(value: string, home: string): string {
  const local = home.length > 1 ? value.replaceAll(home, '~') : value;
  return hideSecrets(local)
    .replace(/[\w.+'#-]+@(?=[\w-]+\.[\w.-]*\w)/g, '‹user›@')
    .slice(0, 2000);
}

function checked(state: CheckState | undefined): object {
  if (!state) return { state: 'pending' };
  const { kind } = state;
  switch (kind) {
    case 'pending':
    case 'running':
    case 'stopped':
      return { state: kind };
    case 'blocked':
      return { state: kind, needs: state.needs };
    case 'waiting':
      return { state: kind, error: failure(state.error), ...found(state) };
    case 'passed':
      return { state: kind, ms: Math.round(state.ms), ...found(state) };
    case 'unknown':
    case 'failed':
      return { state: kind, ms: Math.round(state.ms), error: failure(state.error), ...found(state) };
  }
}

function found({ facts, findings, remarks }: Found): object {
  return {
    ...(facts.length > 0 && { facts: facts.map(({ name, value }) => ({ [name]: value })) }),
    ...(remarks.length > 0 && { remarks: remarks.map(failure) }),
    ...(findings.length > 0 && {
      findings: findings.map(finding =>
        finding.kind === 'verdict'
          ? { of: finding.token, code: finding.verdict.code, outcome: finding.verdict.outcome }
          : finding.kind === 'noToken'
            ? { of: finding.token, code: 'noToken' }
            : {
                path: finding.verdict.path,
                outcome: finding.verdict.outcome,
                checks: finding.verdict.checks.map(({ kind, outcome, reason }) => ({
                  kind,
                  outcome,
                  reason: reason?.code,
                })),
              },
      ),
    }),
  };
}

function failure(error: unknown): object {
  if (AgentIdError.is(error)) return { code: error.code, args: error.args };
  return { code: 'unexpected', name: error instanceof Error ? error.name : typeof error };
}

/** Identifiers with their sources, and of everything else only which keys exist. */
function configurationOf({ agent, gateway, configuration }: Subject): object {
  const {
    tenantId,
    clientId,
    blueprintAppId,
    agentAppId,
    scope,
    llmApi,
    mcpApi,
    llmPath,
    llmDeployment,
    llmApiVersion,
  } = configuration;
  return {
    identifiers: { tenantId, clientId, blueprintAppId, agentAppId, scope },
    client: { llmApi, mcpApi, llmPath, llmDeployment, llmApiVersion },
    audiences: configuration.audiences,
    sidecar: { image: agent.sidecar.image, port: agent.sidecarPort, variables: agent.sidecar.variables },
    ...(gateway && {
      gateway: { service: gateway.service, port: gateway.port, file: shapeOf(readYaml(gateway.configText?.value)) },
    }),
  };
}

function readYaml(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : parse(text);
  } catch {
    return 'not YAML';
  }
}

/** Keys with the types of their values. */
function shapeOf(value: unknown, depth = 0): unknown {
  if (depth > 12) return '…';
  if (Array.isArray(value)) return value.slice(0, 50).map(each => shapeOf(each, depth + 1));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shapeOf(inner, depth + 1)]));
  return value === null ? 'null' : typeof value;
}
