import { stripVTControlCharacters } from 'node:util';
import spawn from 'cross-spawn';
import * as v from 'valibot';
import { AgentIdError, describe } from '../base/errors.ts';
import { Emitter, type Event } from '../base/event.ts';
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

/** A plugin at work, for whoever shows it to the person: what looks like a hang may be a plugin that waits for them. */
export interface PluginRun {
  command: string;
  /** All that it has said so far (its device code and page, where it signs in by one): redacted, without control characters. */
  readonly onOutput: Event<string>;
  /** Settles when it has ended, however. */
  readonly ended: Promise<void>;
  /** Ends it; who waits for it gets `cancelled`. */
  cancel(): void;
}

export interface PluginOptions {
  logger: Logger;
  /** Called for every run. */
  watch?: ((run: PluginRun) => void) | undefined;
  times?: PluginTimes;
}

/** In milliseconds. */
export interface PluginTimes {
  /** For a plugin that says nothing: it asks nobody, and answers within seconds. */
  silent: number;
  /** For one that has said something: it may wait for a person, and a device code is good for 15 minutes (Entra's `expires_in`). */
  speaking: number;
}

const TIMES: PluginTimes = { silent: 60_000, speaking: 15 * 60_000 };
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
 * Runs a kubeconfig's credential plugin; on Windows also one that is a `.cmd`, whose arguments `cross-spawn` escapes for
 * the shell that it needs. Source: "client-go credential plugins",
 * kubernetes.io/docs/reference/access-authn-authz/authentication: KUBERNETES_EXEC_INFO carries the API version and, where
 * asked for, the cluster; the answer on stdout has the same API version.
 * @throws cluster.pluginMissing, cluster.pluginFailed, and `cancelled` when the person ended it
 */
export async function runCredentialPlugin(
  exec: ExecEntry,
  cluster: ClusterEntry,
  options: PluginOptions,
  signal: AbortSignal,
): Promise<ExecCredential> {
  const output = await run(exec, execInfo(exec, cluster), options, signal);
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

function run(exec: ExecEntry, info: string, options: PluginOptions, signal: AbortSignal): Promise<string> {
  const { logger, watch, times = TIMES } = options;
  const { command, installHint } = exec;
  const env = { ...process.env, KUBERNETES_EXEC_INFO: info };
  for (const { name, value } of exec.env ?? []) Object.assign(env, { [name]: value });
  const failed = (reason: string, cause?: unknown) =>
    new AgentIdError('cluster.pluginFailed', { command, reason }, { cause });
  const stop = new AbortController();
  const said = new Emitter<string>();
  const result = new Promise<string>((resolve, reject) => {
    const child = spawn(command, exec.args ?? [], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
      signal: AbortSignal.any([signal, stop.signal]),
    });
    let stdout = '';
    let stderr = '';
    const giveUp = (after: number) =>
      setTimeout(() => {
        const last = stderr ? `; it said: ${describe(stderr)}` : '';
        stop.abort(failed(`no answer within ${after / 1000} s${last}`));
      }, after);
    let deadline = giveUp(times.silent);
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      if (!stderr) {
        clearTimeout(deadline);
        deadline = giveUp(times.speaking);
      }
      stderr = readable(stderr + text);
      logger.warn(`credential plugin ${command}: ${describe(readable(text))}`);
      said.fire(stderr);
    });
    child.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(deadline);
      if (signal.aborted) reject(signal.reason as Error);
      else if (stop.signal.aborted) reject(stop.signal.reason as Error);
      else if (error.code === 'ENOENT')
        reject(new AgentIdError('cluster.pluginMissing', { command, hint: installHint ?? '' }, { cause: error }));
      else reject(failed(describe(error), error));
    });
    child.on('close', (code, killedBy) => {
      clearTimeout(deadline);
      if (code === 0) return resolve(stdout);
      const ended = killedBy ? `ended by ${killedBy}` : `exit code ${code ?? '?'}`;
      reject(failed(stderr ? `${ended}: ${describe(stderr)}` : ended));
    });
  });
  watch?.({
    command,
    onOutput: said.event,
    ended: result.then(
      () => said.dispose(),
      () => said.dispose(),
    ),
    cancel: () => stop.abort(new AgentIdError('cancelled')),
  });
  return result;
}

/** The end of what a plugin wrote, for people: no tokens, no colours. */
function readable(text: string): string {
  return redact(stripVTControlCharacters(text).replace(/[^\P{Cc}\n]/gu, '')).slice(-STDERR_LIMIT);
}
