import { spawn } from 'node:child_process';
import * as v from 'valibot';
import { AgentIdError, describe } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { redact } from '../base/redact.ts';
import type { ClusterEntry, ExecEntry } from './kubeconfigFile.ts';

/** What a credential plugin gave us; `cert` and `key` are PEM. */
export interface ExecCredential {
  token?: string;
  cert?: string;
  key?: string;
  /** Milliseconds since the epoch; unset: good until the server says otherwise. */
  expiresAt?: number;
}

/** A plugin that asks nothing answers within seconds; one that waits for a person can't be answered from here. */
const TIMEOUT_MS = 60_000;
const STDERR_LIMIT = 4096;

const credentialSchema = v.object({
  apiVersion: v.string(),
  kind: v.literal('ExecCredential'),
  status: v.object({
    token: v.nullish(v.string()),
    clientCertificateData: v.nullish(v.string()),
    clientKeyData: v.nullish(v.string()),
    expirationTimestamp: v.nullish(v.string()),
  }),
});

/**
 * Runs a kubeconfig's credential plugin. Source: "client-go credential plugins",
 * kubernetes.io/docs/reference/access-authn-authz/authentication: KUBERNETES_EXEC_INFO carries the API version and, where
 * asked for, the cluster; the answer on stdout has the same API version.
 * @throws cluster.pluginMissing, cluster.pluginFailed
 */
export async function runCredentialPlugin(
  exec: ExecEntry,
  cluster: ClusterEntry,
  logger: Logger,
  signal: AbortSignal,
): Promise<ExecCredential> {
  const output = await run(exec, execInfo(exec, cluster), logger, signal);
  const failed = (reason: string) => new AgentIdError('cluster.pluginFailed', { command: exec.command, reason });
  let parsed;
  try {
    parsed = v.parse(credentialSchema, JSON.parse(output));
  } catch {
    throw failed('its answer is not an ExecCredential'); // no cause: the parser quotes the answer, and that is a token
  }
  if (parsed.apiVersion !== exec.apiVersion)
    throw failed(`it answered in ${parsed.apiVersion}, the kubeconfig asks for ${exec.apiVersion}`);
  const { token, clientCertificateData: cert, clientKeyData: key, expirationTimestamp } = parsed.status;
  if (!token && !(cert && key)) throw failed('its answer holds neither a token nor a certificate with its key');
  const expiresAt = expirationTimestamp ? Date.parse(expirationTimestamp) : undefined;
  if (Number.isNaN(expiresAt)) throw failed('the expiry in its answer is not a date');
  return {
    ...(token ? { token } : {}),
    ...(cert && key ? { cert, key } : {}),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  };
}

function execInfo(exec: ExecEntry, cluster: ClusterEntry): string {
  const spec = {
    interactive: false,
    ...(exec.provideClusterInfo
      ? {
          cluster: {
            server: cluster.server,
            'tls-server-name': cluster['tls-server-name'] ?? undefined,
            'insecure-skip-tls-verify': cluster['insecure-skip-tls-verify'] ?? undefined,
            'certificate-authority-data': cluster['certificate-authority-data'] ?? undefined,
            'proxy-url': cluster['proxy-url'] ?? undefined,
          },
        }
      : {}),
  };
  return JSON.stringify({ apiVersion: exec.apiVersion, kind: 'ExecCredential', spec });
}

function run(exec: ExecEntry, info: string, logger: Logger, signal: AbortSignal): Promise<string> {
  const env = { ...process.env, KUBERNETES_EXEC_INFO: info };
  for (const { name, value } of exec.env ?? []) Object.assign(env, { [name]: value });
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  return new Promise((resolve, reject) => {
    const child = spawn(exec.command, exec.args ?? [], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
      signal: AbortSignal.any([signal, timeout]),
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-STDERR_LIMIT);
      logger.warn(`credential plugin ${exec.command}: ${describe(text)}`);
    });
    child.on('error', (error: NodeJS.ErrnoException) => {
      if (signal.aborted) return reject(signal.reason as Error);
      const { command, installHint } = exec;
      if (error.code === 'ENOENT')
        return reject(
          new AgentIdError('cluster.pluginMissing', { command, hint: installHint ?? '' }, { cause: error }),
        );
      const reason = timeout.aborted ? `no answer within ${TIMEOUT_MS / 1000} s` : describe(error);
      reject(new AgentIdError('cluster.pluginFailed', { command, reason }, { cause: error }));
    });
    child.on('close', (code, killedBy) => {
      if (code === 0) return resolve(stdout);
      const said = describe(redact(stderr));
      const ended = killedBy ? `ended by ${killedBy}` : `exit code ${code ?? '?'}`;
      reject(
        new AgentIdError('cluster.pluginFailed', {
          command: exec.command,
          reason: said ? `${ended}: ${said}` : ended,
        }),
      );
    });
  });
}
