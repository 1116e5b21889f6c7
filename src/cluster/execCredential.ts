import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { AgentIdError } from '../base/errors.ts';
import type { ClusterEntry, ExecEntry } from './kubeconfigFile.ts';
import { runPlugin, type PluginOptions } from './pluginProcess.ts';

/** What a credential plugin gave us; `cert` and `key` are PEM. */
export interface ExecCredential {
  token?: string;
  cert?: string;
  key?: string;
  /** Milliseconds since the epoch; unset: good until the server says otherwise. */
  expiresAt?: number;
}

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
 * @throws cluster.pluginMissing, cluster.pluginFailed, and `cancelled` when the person ended it
 */
export async function runCredentialPlugin(
  exec: ExecEntry,
  cluster: ClusterEntry,
  options: PluginOptions,
  signal: AbortSignal,
): Promise<ExecCredential> {
  const output = await runPlugin(exec, await execInfo(exec, cluster), options, signal);
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

/** What kubectl would tell the plugin; the cluster in the form of client-go `rest/exec.go`, with the CA as data. */
async function execInfo(exec: ExecEntry, cluster: ClusterEntry): Promise<string> {
  const about = async () => {
    const file = cluster['certificate-authority'];
    // one that is missing is told of by whoever needs it to connect
    const fromFile = file ? await readFile(file, 'base64').catch(() => undefined) : undefined;
    return {
      server: cluster.server,
      'tls-server-name': cluster['tls-server-name'] ?? undefined,
      'insecure-skip-tls-verify': cluster['insecure-skip-tls-verify'] ?? undefined,
      'certificate-authority-data': cluster['certificate-authority-data'] ?? fromFile,
      'proxy-url': cluster['proxy-url'] ?? undefined,
      config: cluster.extensions?.find(({ name }) => name === 'client.authentication.k8s.io/exec')?.extension,
    };
  };
  const spec = { interactive: false, ...(exec.provideClusterInfo && { cluster: await about() }) };
  return JSON.stringify({ apiVersion: exec.apiVersion, kind: 'ExecCredential', spec });
}
