import type { Cluster } from './cluster.ts';
import { reference } from './referenceFixture.ts';
import { typeByKind } from './resources.ts';
import type { FixtureName, KubeObject, KubernetesOptions } from './types.ts';
import { workloadSpec } from './workloads.ts';

const AGENT_IDENTITY = 'agent-id.dev/agent-identity';
const CLIENT_ID = 'azure.workload.identity/client-id';

/** Ids that stand for nothing in the sandbox's tenant. */
export const STRANGERS = {
  blueprint: '0c9d3f7a-52e1-4b86-9d40-6e8a1b7c2f35',
  agents: [
    '41f8b0d6-7c93-4e25-a1b8-d05c9e3f7a62',
    '92ae6c17-0b4d-4f83-b5d9-7f1e2a8c6d04',
    'd7305e9b-8a26-4c1f-90e4-3b6c5f8a1d72',
  ],
} as const;

type Context = Pick<KubernetesOptions, 'values' | 'ports' | 'user'>;

/** Brings a cluster in its initial state into one that discovery must cope with. */
const FIXTURES: Readonly<Record<FixtureName, (cluster: Cluster, context: Context) => void>> = {
  /** No agent at all, only the gateway. */
  none(cluster) {
    for (const name of ['research-agent', 'intern-agent']) cluster.remove('Deployment', name);
  },
  one(cluster) {
    cluster.remove('Deployment', 'intern-agent');
  },
  many(cluster, { ports }) {
    for (const [index, appId] of STRANGERS.agents.entries())
      addAgent(cluster, ports, `agent-${index + 1}`, { [AGENT_IDENTITY]: appId });
  },
  /** Agents whose Deployments do not say which identity they are. */
  unannotated(cluster) {
    for (const name of ['research-agent', 'intern-agent'])
      cluster.put(withAnnotations(cluster.get('Deployment', name), { [AGENT_IDENTITY]: null }));
  },
  /** A ServiceAccount that does not say which blueprint it stands for. */
  noBlueprint(cluster) {
    cluster.put(withAnnotations(cluster.get('ServiceAccount', 'agent-blueprint'), { [CLIENT_ID]: null }));
  },
  /** One more agent, of another blueprint: its own ServiceAccount and sidecar settings. */
  secondBlueprint(cluster, { ports }) {
    const account = cluster.get('ServiceAccount', 'agent-blueprint');
    const settings = cluster.get('ConfigMap', 'agent-id-sidecar');
    cluster.put(withAnnotations(renamed(account, 'other-blueprint'), { [CLIENT_ID]: STRANGERS.blueprint }));
    cluster.put({
      ...renamed(settings, 'other-sidecar'),
      data: { ...(settings.data as object), AzureAd__ClientId: STRANGERS.blueprint },
    });
    const annotations = { [AGENT_IDENTITY]: STRANGERS.agents[0] };
    addAgent(cluster, ports, 'other-agent', annotations, { account: 'other-blueprint', settings: 'other-sidecar' });
    extendRole(cluster, ['other-sidecar', 'other-blueprint']);
  },
  /** The sidecar is set up for another blueprint than the ServiceAccount's. */
  otherClientId(cluster) {
    const settings = cluster.get('ConfigMap', 'agent-id-sidecar');
    cluster.put({ ...settings, data: { ...(settings.data as object), AzureAd__ClientId: STRANGERS.blueprint } });
  },
  /** The terminal client's own deployment, in a namespace of its own; ours has no agent then. */
  reference(cluster, context) {
    for (const name of ['research-agent', 'intern-agent']) cluster.remove('Deployment', name);
    for (const object of reference(context.values, context.user)) cluster.put(object);
    cluster.setBackend('ai-agent-cli', 5000, context.ports.sidecar['research-agent'] ?? '');
  },
};

export function applyFixture(name: FixtureName, cluster: Cluster, context: Context): void {
  FIXTURES[name](cluster, context);
}

/** The object with annotations set, or removed where the value is `null`. */
export function withAnnotations(object: KubeObject, changes: Readonly<Record<string, string | null>>): KubeObject {
  const annotations = merge(object.metadata.annotations ?? {}, changes);
  return { ...object, metadata: { ...object.metadata, annotations } };
}

export function merge(
  present: Readonly<Record<string, string>>,
  changes: Readonly<Record<string, string | null>>,
): Record<string, string> {
  const entries = Object.entries({ ...present, ...changes });
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => entry[1] !== null));
}

/** A copy under another name, as if it had just been written by hand. */
const renamed = (object: KubeObject, name: string): KubeObject => {
  const { labels, annotations, namespace } = object.metadata;
  const metadata = {
    name,
    ...(namespace && { namespace }),
    ...(labels && { labels }),
    ...(annotations && { annotations }),
  };
  return { ...object, metadata };
};

function addAgent(
  cluster: Cluster,
  ports: KubernetesOptions['ports'],
  name: string,
  annotations: Record<string, string>,
  use?: { account: string; settings: string },
): void {
  const model = cluster.get('Deployment', 'research-agent');
  const spec = workloadSpec(model);
  const labels = { ...model.metadata.labels, 'app.kubernetes.io/name': name };
  const selector = { 'app.kubernetes.io/name': name, 'app.kubernetes.io/component': 'agent' };
  const containers = spec.template.spec.containers.map(each => ({
    ...each,
    ...(use && { envFrom: [{ configMapRef: { name: use.settings } }] }),
  }));
  cluster.setBackend(name, 5000, ports.sidecar['research-agent'] ?? '');
  cluster.put({
    apiVersion: model.apiVersion,
    kind: model.kind,
    metadata: { ...renamed(model, name).metadata, labels, annotations },
    spec: {
      ...spec,
      selector: { matchLabels: selector },
      template: {
        metadata: { labels },
        spec: { ...spec.template.spec, ...(use && { serviceAccountName: use.account }), containers },
      },
    },
  });
}

/** Lets the developer read the objects that this fixture adds, as whoever added them for real would. */
function extendRole(cluster: Cluster, names: readonly string[]): void {
  const role = cluster.store.get(typeByKind('Role'), cluster.namespace, 'agent-id-user');
  if (!role) return;
  const rule = { apiGroups: [''], resources: ['configmaps', 'serviceaccounts'], resourceNames: names, verbs: ['get'] };
  cluster.put({ ...role, rules: [...(role.rules as object[]), rule] });
}
