import * as v from 'valibot';
import { typeByKind } from './resources.ts';
import type { Store } from './store.ts';
import type { Denial, KubeObject } from './types.ts';

export interface Identity {
  name: string;
  groups: readonly string[];
}

/** What a request wants: either on a resource or on a path that is none. */
export interface Attributes {
  verb: string;
  group: string;
  resource: string;
  subresource: string;
  namespace: string;
  name: string;
  /** Set for requests that concern no resource, such as `/version`. */
  path?: string;
}

export interface Decision {
  allowed: boolean;
  /** As the API server words it; empty when no rule applies. */
  reason: string;
}

const list = v.optional(v.array(v.string()), []);
const rule = v.object({ verbs: list, apiGroups: list, resources: list, resourceNames: list, nonResourceURLs: list });
export type Rule = v.InferOutput<typeof rule>;

const roleSchema = v.object({ rules: v.optional(v.nullable(v.array(rule)), []) });
const bindingSchema = v.object({
  roleRef: v.object({ kind: v.picklist(['Role', 'ClusterRole']), name: v.string() }),
  subjects: v.optional(
    v.array(v.object({ kind: v.string(), name: v.string(), namespace: v.optional(v.string()) })),
    [],
  ),
});

const ROLE = typeByKind('Role');
const CLUSTER_ROLE = typeByKind('ClusterRole');
const ROLE_BINDING = typeByKind('RoleBinding');
const CLUSTER_ROLE_BINDING = typeByKind('ClusterRoleBinding');

/** Decides by the Role and ClusterRole objects in the store, as the API server's RBAC authorizer does. */
export class Authorizer {
  readonly #store: Store;
  readonly denials: Denial[] = [];

  constructor(store: Store) {
    this.#store = store;
  }

  decide(identity: Identity, wanted: Attributes): Decision {
    if (identity.groups.includes('system:masters')) return { allowed: true, reason: '' };
    if (wanted.path === undefined && this.denials.some(denial => denies(denial, wanted)))
      return { allowed: false, reason: '' };
    for (const { rules, reason } of this.#grants(identity, wanted.namespace))
      if (rules.some(each => covers(each, wanted))) return { allowed: true, reason };
    return { allowed: false, reason: '' };
  }

  /** All rules that hold for somebody in a namespace. */
  rules(identity: Identity, namespace: string): Rule[] {
    const everything = { verbs: ['*'], apiGroups: ['*'], resources: ['*'], resourceNames: [], nonResourceURLs: [] };
    if (identity.groups.includes('system:masters'))
      return [everything, { ...everything, apiGroups: [], resources: [], nonResourceURLs: ['*'] }];
    return this.#grants(identity, namespace).flatMap(grant => grant.rules);
  }

  #grants(identity: Identity, namespace: string): { rules: Rule[]; reason: string }[] {
    const bindings = [
      ...this.#store.list(CLUSTER_ROLE_BINDING),
      ...(namespace === '' ? [] : this.#store.list(ROLE_BINDING, namespace)),
    ];
    return bindings.flatMap(binding => {
      const { roleRef, subjects } = v.parse(bindingSchema, binding);
      const match = subjects.find(
        each =>
          (each.kind === 'User' && each.name === identity.name) ||
          (each.kind === 'Group' && identity.groups.includes(each.name)),
      );
      if (!match) return [];
      const cluster = roleRef.kind === 'ClusterRole';
      const role = this.#store.get(cluster ? CLUSTER_ROLE : ROLE, cluster ? undefined : namespace, roleRef.name);
      if (!role) return [];
      const rules = v.parse(roleSchema, role).rules ?? [];
      const within = binding.metadata.namespace ? `/${binding.metadata.namespace}` : '';
      const by = `${binding.kind} "${binding.metadata.name}${within}" of ${roleRef.kind} "${roleRef.name}"`;
      return [{ rules, reason: `RBAC: allowed by ${by} to ${match.kind} "${match.name}"` }];
    });
  }
}

const includes = (values: readonly string[], wanted: string) => values.includes('*') || values.includes(wanted);

function covers(each: Rule, wanted: Attributes): boolean {
  if (!includes(each.verbs, wanted.verb)) return false;
  const path = wanted.path;
  if (path !== undefined)
    return each.nonResourceURLs.some(url => url === path || (url.endsWith('*') && path.startsWith(url.slice(0, -1))));
  const resource = wanted.subresource ? `${wanted.resource}/${wanted.subresource}` : wanted.resource;
  const onResource =
    includes(each.resources, resource) ||
    (wanted.subresource !== '' && each.resources.includes(`*/${wanted.subresource}`));
  const onName = each.resourceNames.length === 0 || each.resourceNames.includes(wanted.name);
  return includes(each.apiGroups, wanted.group) && onResource && onName;
}

const denies = (denial: Denial, wanted: Attributes) =>
  (denial.verb === '*' || denial.verb === wanted.verb) &&
  (denial.resource === '*' || denial.resource === wanted.resource) &&
  (denial.subresource === undefined || denial.subresource === '*' || denial.subresource === wanted.subresource);

/** The sentence of a refusal, without its `… is forbidden:` (apiserver `responsewriters/errors.go`). */
export function refusal(identity: Identity, wanted: Attributes): string {
  const who = `User "${identity.name}" cannot ${wanted.verb}`;
  if (wanted.path !== undefined) return `${who} path "${wanted.path}"`;
  const resource = wanted.subresource ? `${wanted.resource}/${wanted.subresource}` : wanted.resource;
  const where = wanted.namespace ? `in the namespace "${wanted.namespace}"` : 'at the cluster scope';
  return `${who} resource "${resource}" in API group "${wanted.group}" ${where}`;
}

const clusterRole = (name: string, rules: Partial<Rule>[]): KubeObject => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRole',
  metadata: { name },
  rules,
});

const clusterBinding = (name: string, ...groups: string[]): KubeObject => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRoleBinding',
  metadata: { name },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
  subjects: groups.map(group => ({ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: group })),
});

const DISCOVERY = [
  '/api',
  '/api/*',
  '/apis',
  '/apis/*',
  '/healthz',
  '/livez',
  '/openapi',
  '/openapi/*',
  '/readyz',
  '/version',
];
const PUBLIC = ['/healthz', '/livez', '/readyz', '/version'];

/**
 * The default roles of a cluster that matter here, and one of the sandbox's own: developers may list the namespaces, as
 * most clusters let them.
 */
export const DEFAULT_ROLES: readonly KubeObject[] = [
  clusterRole('system:basic-user', [
    {
      verbs: ['create'],
      apiGroups: ['authorization.k8s.io'],
      resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'],
    },
  ]),
  clusterBinding('system:basic-user', 'system:authenticated'),
  clusterRole('system:discovery', [{ verbs: ['get'], nonResourceURLs: DISCOVERY }]),
  clusterBinding('system:discovery', 'system:authenticated'),
  clusterRole('system:public-info-viewer', [{ verbs: ['get'], nonResourceURLs: PUBLIC }]),
  clusterBinding('system:public-info-viewer', 'system:authenticated', 'system:unauthenticated'),
  clusterRole('system:service-account-issuer-discovery', [
    { verbs: ['get'], nonResourceURLs: ['/.well-known/openid-configuration', '/openid/v1/jwks'] },
  ]),
  clusterBinding('system:service-account-issuer-discovery', 'system:serviceaccounts'),
  clusterRole('sandbox:namespace-viewer', [{ verbs: ['get', 'list'], apiGroups: [''], resources: ['namespaces'] }]),
  clusterBinding('sandbox:namespace-viewer', 'system:authenticated'),
];

/** Names a resource in a refusal. */
export const targetOf = (wanted: Attributes) => ({
  group: wanted.group,
  plural: wanted.resource,
  ...(wanted.name && { name: wanted.name }),
});
