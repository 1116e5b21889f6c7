import type { KubeObject } from './types.ts';

/** A resource type that the simulated API server serves. */
export interface ResourceType {
  group: string;
  version: string;
  plural: string;
  singular: string;
  kind: string;
  namespaced: boolean;
  verbs: readonly string[];
  shortNames?: readonly string[];
  categories?: readonly string[];
}

const READ = ['get', 'list', 'watch'];

const core = (kind: string, plural: string, namespaced: boolean, extra: Partial<ResourceType> = {}): ResourceType => ({
  group: '',
  version: 'v1',
  kind,
  plural,
  singular: kind.toLowerCase(),
  namespaced,
  verbs: READ,
  ...extra,
});

const rbac = (kind: string, plural: string, namespaced: boolean): ResourceType =>
  core(kind, plural, namespaced, { group: 'rbac.authorization.k8s.io' });

export const RESOURCES: readonly ResourceType[] = [
  core('ConfigMap', 'configmaps', true, { shortNames: ['cm'] }),
  core('Event', 'events', true, { shortNames: ['ev'] }),
  core('Namespace', 'namespaces', false, { shortNames: ['ns'] }),
  core('Pod', 'pods', true, { shortNames: ['po'], categories: ['all'], verbs: [...READ, 'delete'] }),
  core('Secret', 'secrets', true),
  core('Service', 'services', true, { shortNames: ['svc'], categories: ['all'] }),
  core('ServiceAccount', 'serviceaccounts', true, { shortNames: ['sa'] }),
  core('Deployment', 'deployments', true, { group: 'apps', shortNames: ['deploy'], categories: ['all'] }),
  core('ReplicaSet', 'replicasets', true, { group: 'apps', shortNames: ['rs'], categories: ['all'] }),
  core('NetworkPolicy', 'networkpolicies', true, { group: 'networking.k8s.io', shortNames: ['netpol'] }),
  rbac('ClusterRole', 'clusterroles', false),
  rbac('ClusterRoleBinding', 'clusterrolebindings', false),
  rbac('Role', 'roles', true),
  rbac('RoleBinding', 'rolebindings', true),
];

/** Resources that exist as requests only: nothing of them is stored. */
const VIRTUAL: readonly (ResourceType & { subresource?: string })[] = [
  core('Pod', 'pods', true, { verbs: ['get'] }),
  core('PodPortForwardOptions', 'pods', true, { verbs: ['create', 'get'] }),
  core('SelfSubjectAccessReview', 'selfsubjectaccessreviews', false, {
    group: 'authorization.k8s.io',
    verbs: ['create'],
  }),
  core('SelfSubjectRulesReview', 'selfsubjectrulesreviews', false, {
    group: 'authorization.k8s.io',
    verbs: ['create'],
  }),
].map((type, index) => ({ ...type, subresource: ['log', 'portforward'][index] }));

const GROUPS = ['apps', 'authorization.k8s.io', 'networking.k8s.io', 'rbac.authorization.k8s.io'];

/** `pods`, `deployments.apps`: how messages and the store name a type. */
export const qualified = (type: { plural: string; group: string }): string =>
  type.group ? `${type.plural}.${type.group}` : type.plural;

export const apiVersion = (type: { group: string; version: string }): string =>
  type.group ? `${type.group}/${type.version}` : type.version;

export function typeOf(object: Pick<KubeObject, 'apiVersion' | 'kind'>): ResourceType {
  const found = RESOURCES.find(type => type.kind === object.kind && apiVersion(type) === object.apiVersion);
  if (!found) throw new Error(`The simulated cluster does not serve ${object.apiVersion} ${object.kind}.`);
  return found;
}

export function typeByKind(kind: string): ResourceType {
  const found = RESOURCES.find(type => type.kind === kind);
  if (!found) throw new Error(`The simulated cluster does not serve the kind ${kind}.`);
  return found;
}

export function findType(group: string, version: string, plural: string): ResourceType | undefined {
  return RESOURCES.find(type => type.group === group && type.version === version && type.plural === plural);
}

const groupEntry = (name: string) => {
  const version = { groupVersion: `${name}/v1`, version: 'v1' };
  return { name, versions: [version], preferredVersion: version };
};

const resourceEntry = (type: ResourceType & { subresource?: string }) => ({
  name: type.subresource ? `${type.plural}/${type.subresource}` : type.plural,
  singularName: type.subresource ? '' : type.singular,
  namespaced: type.namespaced,
  kind: type.kind,
  verbs: [...type.verbs].sort(),
  ...(type.shortNames && { shortNames: type.shortNames }),
  ...(type.categories && { categories: type.categories }),
});

function resourceList(group: string): object {
  const types = [...RESOURCES, ...VIRTUAL].filter(type => type.group === group);
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: apiVersion({ group, version: 'v1' }),
    resources: types.map(resourceEntry).sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

/** The unaggregated discovery documents (`/api`, `/apis`, `/apis/<group>`, and one resource list per group version). */
export function discoveryDocument(path: string, address: string): object | undefined {
  if (path === '/api') {
    const serverAddressByClientCIDRs = [{ clientCIDR: '0.0.0.0/0', serverAddress: address }];
    return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs };
  }
  if (path === '/api/v1') return resourceList('');
  if (path === '/apis') return { kind: 'APIGroupList', apiVersion: 'v1', groups: GROUPS.map(groupEntry) };
  for (const group of GROUPS) {
    if (path === `/apis/${group}`) return { kind: 'APIGroup', apiVersion: 'v1', ...groupEntry(group) };
    if (path === `/apis/${group}/v1`) return resourceList(group);
  }
  return undefined;
}

/** `/version`. The build metadata says what answers; the minor version decides which rights a port-forward needs. */
export const VERSION = {
  major: '1',
  minor: '35',
  gitVersion: 'v1.35.2+agent-id.sandbox',
  gitCommit: '0000000000000000000000000000000000000000',
  gitTreeState: 'clean',
  buildDate: '2026-02-01T00:00:00Z',
  goVersion: 'none',
  compiler: 'none',
  platform: 'linux/amd64',
};
