import * as v from 'valibot';
import { AgentIdError } from '../base/errors.ts';
import { settle } from './findings.ts';
import type { KubeApi } from './kubeApi.ts';

/** One thing that RBAC allows us in a namespace, or not. */
export interface Permission {
  verb: string;
  /** API group; empty for the core group. */
  group: string;
  /** As a rule spells it: `pods`, or `pods/portforward`. */
  resource: string;
  /** Needed from this minor version of Kubernetes 1 on. */
  since?: number;
}

/**
 * What nobody can connect without, as the Role agent-id-user grants it (k8s/base/role.yaml). ConfigMaps and ServiceAccounts
 * are granted by name: which ones are needed, only the agent's Deployment says, so discovery reports those.
 */
export const NEEDED: readonly Permission[] = [
  { verb: 'list', group: 'apps', resource: 'deployments' },
  { verb: 'list', group: '', resource: 'services' },
  { verb: 'list', group: '', resource: 'pods' },
  { verb: 'get', group: '', resource: 'pods/portforward' },
  // a WebSocket asks for create as well since kubernetes pull request 134577
  { verb: 'create', group: '', resource: 'pods/portforward', since: 35 },
];

const version = v.object({ major: v.string(), minor: v.string(), gitVersion: v.string() });

/** The API server's version: for people, and the minor of Kubernetes 1; undefined when it does not say. Errors as `KubeApi.get`. */
export async function serverVersion(
  api: KubeApi,
  signal?: AbortSignal,
): Promise<{ text: string; minor: number } | undefined> {
  const found = await settle(api.get('/version', signal));
  const parsed = v.safeParse(version, found);
  if (!parsed.success) return undefined;
  const { major, minor, gitVersion } = parsed.output; // some providers write "35+"
  return { text: gitVersion.slice(0, 60), minor: major === '1' ? Number.parseInt(minor, 10) : Infinity };
}

/**
 * Asks in one step, by SelfSubjectAccessReview, what of `wanted` we may not do in a namespace; in the order of `wanted`.
 * Without `minor` whatever any version needs counts. Errors as `KubeApi.canI`.
 */
export async function refusedAccess(
  api: KubeApi,
  namespace: string,
  options: { minor?: number; signal?: AbortSignal; wanted?: readonly Permission[] } = {},
): Promise<Permission[]> {
  const { minor = Infinity, signal, wanted = NEEDED } = options;
  const asked = wanted.filter(({ since = 0 }) => since <= minor);
  const allowed = await Promise.all(
    asked.map(({ verb, group, resource: whole }) => {
      const [resource = '', subresource] = whole.split('/');
      return api.canI({ verb, group, resource, namespace, ...(subresource && { subresource }) }, signal);
    }),
  );
  return asked.filter((_, index) => !allowed[index]);
}

/**
 * Refuses when something is missing that connecting needs, all of it in one error. A server that answers no reviews, or
 * does not say its version, is not asked for more: the requests will tell.
 * @throws cluster.forbidden, and what `KubeApi.get` throws when the server can't be reached
 */
export async function requireAccess(api: KubeApi, namespace: string, signal?: AbortSignal): Promise<void> {
  const [version, refused] = await Promise.all([
    serverVersion(api, signal),
    settle(refusedAccess(api, namespace, signal ? { signal } : {})),
  ]);
  if (refused instanceof AgentIdError) return;
  const [first, ...others] = refused.filter(({ since = 0 }) => since <= (version?.minor ?? 0));
  if (first) throw accessError(first, namespace, others);
}

/** The error that stands for a refused permission: the one that the request itself would have met. */
export function accessError(
  { verb, resource }: Permission,
  namespace: string,
  others: readonly Permission[] = [],
): AgentIdError {
  return new AgentIdError('cluster.forbidden', {
    verb,
    resource,
    namespace,
    reason: 'SelfSubjectAccessReview',
    ...(others.length > 0 && { others: others.map(other => `${other.verb} ${other.resource}`).join(', ') }),
  });
}
