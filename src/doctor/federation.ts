import { BlockList, isIP } from 'node:net';
import * as v from 'valibot';
import type { OpenSignIn } from '../agent/openSignIn.ts';
import { AgentIdError } from '../base/errors.ts';
import type { Fetch } from '../base/fetch.ts';
import type { KubeApi } from '../cluster/kubeApi.ts';
import { kube } from '../cluster/kubeObjects.ts';
import { networkReason, parseJson, readText } from '../identity/http.ts';
import { EXCHANGE } from '../identity/wellKnown.ts';
import type { Look } from './chain.ts';
import type { Subject } from './clusterChecks.ts';
import { newest } from './podTrouble.ts';
import { audienceOfTokenFile } from './tokenFile.ts';

const DISCOVERY = '/.well-known/openid-configuration';
const JWKS = '/openid/v1/jwks';
/** Addresses that nobody on the internet reaches (RFC 1918, 6598, 3927, 4193, 4291). */
const INSIDE = new BlockList();
for (const range of [
  ...['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '169.254.0.0/16', '127.0.0.0/8'],
  ...['fc00::/7', 'fe80::/10', '::1/128'],
]) {
  const [network = '', bits] = range.split('/');
  INSIDE.addSubnet(network, Number(bits), isIP(network) === 6 ? 'ipv6' : 'ipv4');
}
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
 * Whether Entra can believe the pod's ServiceAccount token: whether the pod has one for Entra where the sidecar reads it,
 * and whether issuer and keys stand at the public address that the token names, where Entra reads them (kubernetes.io,
 * "Service account issuer discovery"). Reports the federated credential of the blueprint that would fit.
 */
export async function lookAtFederation(
  look: Look,
  found: Subject,
  { fetch, authority }: Pick<OpenSignIn, 'fetch' | 'authority'>,
): Promise<void> {
  const { api, agent, configuration } = found;
  const isPublic = (address: string) => isReachable(address, authority.loopback);
  const subject = `system:serviceaccount:${agent.namespace}:${agent.serviceAccount}`;
  look.fact('subject', subject);
  if (OTHER_PROOF.test(agent.sidecar.credential?.value ?? ''))
    return look.fact('credential', agent.sidecar.credential?.value);
  const audience = await audienceInPod(found, look);
  const needed = (issuer?: string) =>
    look.credential({
      blueprintAppId: configuration.blueprintAppId.value,
      body: { name: credentialName(agent), ...(issuer && { issuer }), subject, audiences: [audience] },
    });
  needed();
  const mine = await ofCluster(api, look);
  if (!mine) return;
  const { issuer, keys } = mine;
  look.fact('issuer', issuer);
  look.fact('keys', ids(keys));
  if (!isPublic(issuer)) throw new AgentIdError('doctor.issuerPrivate', { issuer });
  needed(issuer);
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

/** The audience of the token that the newest pod shows Entra; where there is no pod, that of Entra's worldwide cloud. */
async function audienceInPod({ api, agent }: Subject, look: Look): Promise<string> {
  const pod = newest(await kube.pods(api, agent.namespace, agent.selector, look.signal));
  if (!pod) return EXCHANGE;
  const audience = audienceOfTokenFile(pod, agent.sidecar.name, agent.sidecar.tokenFile?.value);
  look.fact('tokenAudience', audience);
  return audience;
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

/** Whether Entra could be there: over https only, and at no name or address inside of somebody's network. */
export function isReachable(address: string, sandbox: boolean): boolean {
  const url = URL.parse(address);
  if (url?.protocol !== 'https:' || url.username) return false;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const family = isIP(host);
  if (family === 0) return /\../.test(host) && !/^kubernetes\.default$|\.(svc|local|internal)$/.test(host);
  return sandbox || !INSIDE.check(host, family === 6 ? 'ipv6' : 'ipv4');
}

function ids(keys: readonly Key[]): string {
  return keys.map(({ kid }) => kid.slice(0, 60)).join(', ');
}

/** Graph: 3 to 120 characters, letters, digits, dashes. */
function credentialName({ namespace, serviceAccount }: Subject['agent']): string {
  return `kubernetes-${namespace}-${serviceAccount}`.replace(/[^\w-]/g, '-').slice(0, 120);
}
