import * as v from 'valibot';
import { AgentIdError } from '../base/errors.ts';
import type { Fetch } from '../base/fetch.ts';
import type { KubeApi } from '../cluster/kubeApi.ts';
import { networkReason, parseJson, readText } from '../identity/http.ts';
import type { Look } from './chain.ts';
import type { Subject } from './clusterChecks.ts';

const DISCOVERY = '/.well-known/openid-configuration';
const JWKS = '/openid/v1/jwks';
/** What Entra's exchange demands in `aud` (Microsoft Learn, "Workload identity federation"). */
const EXCHANGE_AUDIENCE = 'api://AzureADTokenExchange';
const TIMEOUT_MS = 15_000;
const MAX_BYTES = 256 * 1024;
/** Credentials of the sidecar that are no token of the pod. */
const OTHER_PROOF =
  /^(ClientSecret|KeyVault|StoreWith\w+|Certificate|Path|Base64Encoded|SignedAssertionFromManagedIdentity)$/i;

const discovery = v.object({ issuer: v.string(), jwks_uri: v.optional(v.string()) });
const keySet = v.object({
  keys: v.pipe(
    v.array(v.looseObject({ kid: v.optional(v.string(), ''), n: v.optional(v.string()) })),
    v.maxLength(100),
  ),
});
type Key = v.InferOutput<typeof keySet>['keys'][number];

/**
 * Whether Entra can believe the pod's ServiceAccount token: it reads issuer and keys from the public address that the
 * token names, and compares the subject with the blueprint's federated credential (kubernetes.io, "Service account issuer
 * discovery"). Reports the credential that would fit.
 */
export async function lookAtFederation(
  look: Look,
  { api, agent, configuration }: Subject,
  fetch: Fetch,
): Promise<void> {
  const subject = `system:serviceaccount:${agent.namespace}:${agent.serviceAccount}`;
  look.fact('subject', subject);
  if (OTHER_PROOF.test(agent.sidecar.credential?.value ?? ''))
    return look.fact('credential', agent.sidecar.credential?.value);
  const mine = await ofCluster(api, look);
  if (!mine) return;
  const { issuer, keys } = mine;
  look.fact('issuer', issuer);
  look.fact('keys', ids(keys));
  look.credential({
    blueprintAppId: configuration.blueprintAppId.value,
    body: { name: credentialName(agent), issuer, subject, audiences: [EXCHANGE_AUDIENCE] },
  });
  if (!isPublic(issuer)) throw new AgentIdError('doctor.issuerPrivate', { issuer });
  const url = `${issuer.replace(/\/$/, '')}${DISCOVERY}`;
  const published = await read(url, discovery, fetch, look);
  if (!published) return;
  if (published.issuer !== issuer)
    throw new AgentIdError('doctor.issuerDiffers', { url, expected: issuer, actual: published.issuer.slice(0, 200) });
  const keysUrl = published.jwks_uri ?? '';
  if (!isPublic(keysUrl)) throw new AgentIdError('doctor.issuerPrivate', { issuer: keysUrl.slice(0, 200) || url });
  const theirs = await read(keysUrl, keySet, fetch, look);
  if (!theirs) return;
  const same = keys.filter(key => theirs.keys.some(other => other.kid === key.kid && other.n === key.n));
  if (same.length === 0)
    throw new AgentIdError('doctor.keysDiffer', { url: keysUrl, published: ids(theirs.keys), actual: ids(keys) });
}

/** The issuer and the keys by which the API server signs; undefined where we may not read them. */
async function ofCluster(api: KubeApi, look: Look): Promise<{ issuer: string; keys: Key[] } | undefined> {
  let path = DISCOVERY;
  try {
    const found = v.safeParse(discovery, await api.get(path, look.signal));
    const issuer = found.success ? found.output.issuer : '';
    path = JWKS;
    const keys = v.safeParse(keySet, await api.get(path, look.signal));
    if (issuer && keys.success) return { issuer: issuer.slice(0, 500), keys: keys.output.keys };
  } catch (error) {
    const codes = ['cluster.forbidden', 'cluster.notFound', 'cluster.badResponse'];
    if (!AgentIdError.is(error) || !codes.includes(error.code)) throw error;
  }
  look.unseen = new AgentIdError('doctor.issuerUnreadable', { path });
  return undefined;
}

/** A public document, asked for without any credentials; what can't be had from here, Entra may still reach. */
async function read<S extends v.GenericSchema>(
  url: string,
  schema: S,
  fetch: Fetch,
  look: Look,
): Promise<v.InferOutput<S> | undefined> {
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  let reason: string;
  try {
    const response = await fetch(url, {
      headers: { accept: 'application/json' },
      redirect: 'error', // Entra follows none either
      credentials: 'omit',
      signal: AbortSignal.any([look.signal, limit]),
    });
    const text = await readText(response, MAX_BYTES);
    const parsed = v.safeParse(schema, parseJson(text ?? ''));
    if (response.ok && parsed.success) return parsed.output;
    reason = response.ok ? 'no such document' : `status ${response.status}`;
  } catch (error) {
    look.signal.throwIfAborted();
    reason = networkReason(error);
  }
  look.unseen = new AgentIdError('doctor.issuerUnreachable', { url, reason });
  return undefined;
}

/** Entra reads over https only, and no name that ends inside the cluster. */
function isPublic(address: string): boolean {
  const url = URL.parse(address);
  return url?.protocol === 'https:' && !url.username && !/^kubernetes(\.|$)|\.(svc|local|internal)$/.test(url.hostname);
}

function ids(keys: readonly Key[]): string {
  return keys.map(({ kid }) => kid.slice(0, 60)).join(', ');
}

/** Graph: 3 to 120 characters, letters, digits, dashes. */
function credentialName({ namespace, serviceAccount }: Subject['agent']): string {
  return `kubernetes-${namespace}-${serviceAccount}`.replace(/[^\w-]/g, '-').slice(0, 120);
}
