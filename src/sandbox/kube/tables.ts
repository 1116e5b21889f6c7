import * as v from 'valibot';
import { qualified, type ResourceType } from './resources.ts';
import type { KubeObject } from './types.ts';
import { workloadSpec } from './workloads.ts';

/** A column: name, whether only wide output shows it, and its cell. */
type Column = [name: string, wide: boolean, cell: (object: KubeObject, now: number) => string | number];

const podView = v.object({
  metadata: v.object({ deletionTimestamp: v.optional(v.string()) }),
  spec: v.object({ nodeName: v.optional(v.string()), containers: v.array(v.unknown()) }),
  status: v.object({
    phase: v.string(),
    podIP: v.optional(v.string()),
    containerStatuses: v.array(v.object({ ready: v.boolean(), restartCount: v.number() })),
  }),
});

const serviceView = v.object({
  spec: v.object({
    type: v.string(),
    clusterIP: v.string(),
    selector: v.optional(v.record(v.string(), v.string()), {}),
    ports: v.array(v.object({ port: v.number(), protocol: v.string() })),
  }),
});

const countsView = v.object({
  status: v.optional(
    v.object({
      replicas: v.optional(v.number(), 0),
      readyReplicas: v.optional(v.number(), 0),
      updatedReplicas: v.optional(v.number(), 0),
      availableReplicas: v.optional(v.number(), 0),
    }),
    {},
  ),
});

const pod = (object: KubeObject) => v.parse(podView, object);
const service = (object: KubeObject) => v.parse(serviceView, object).spec;
const counts = (object: KubeObject) => v.parse(countsView, object).status;
const containers = (object: KubeObject) => workloadSpec(object).template.spec.containers;
const selector = (labels: Record<string, string>) =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',') || '<none>';

const NAME: Column = ['Name', false, object => object.metadata.name];
const AGE: Column = ['Age', false, (object, now) => age(object, now)];
const WORKLOAD: Column[] = [
  [
    'Containers',
    true,
    object =>
      containers(object)
        .map(each => each.name)
        .join(','),
  ],
  [
    'Images',
    true,
    object =>
      containers(object)
        .map(each => each.image)
        .join(','),
  ],
  ['Selector', true, object => selector(workloadSpec(object).selector.matchLabels)],
];

/** The columns of the API server's own printers (Kubernetes `pkg/printers/internalversion`). */
const COLUMNS: Readonly<Record<string, readonly Column[]>> = {
  pods: [
    NAME,
    [
      'Ready',
      false,
      object =>
        `${pod(object).status.containerStatuses.filter(each => each.ready).length}/${pod(object).spec.containers.length}`,
    ],
    ['Status', false, object => (pod(object).metadata.deletionTimestamp ? 'Terminating' : pod(object).status.phase)],
    [
      'Restarts',
      false,
      object => pod(object).status.containerStatuses.reduce((sum, each) => sum + each.restartCount, 0),
    ],
    AGE,
    ['IP', true, object => pod(object).status.podIP ?? '<none>'],
    ['Node', true, object => pod(object).spec.nodeName ?? '<none>'],
    ['Nominated Node', true, () => '<none>'],
    ['Readiness Gates', true, () => '<none>'],
  ],
  'deployments.apps': [
    NAME,
    ['Ready', false, object => `${counts(object).readyReplicas ?? 0}/${workloadSpec(object).replicas}`],
    ['Up-to-date', false, object => counts(object).updatedReplicas ?? 0],
    ['Available', false, object => counts(object).availableReplicas ?? 0],
    AGE,
    ...WORKLOAD,
  ],
  'replicasets.apps': [
    NAME,
    ['Desired', false, object => workloadSpec(object).replicas],
    ['Current', false, object => counts(object).replicas ?? 0],
    ['Ready', false, object => counts(object).readyReplicas ?? 0],
    AGE,
    ...WORKLOAD,
  ],
  services: [
    NAME,
    ['Type', false, object => service(object).type],
    ['Cluster-IP', false, object => service(object).clusterIP],
    ['External-IP', false, () => '<none>'],
    [
      'Port(s)',
      false,
      object =>
        service(object)
          .ports.map(each => `${each.port}/${each.protocol}`)
          .join(','),
    ],
    AGE,
    ['Selector', true, object => selector(service(object).selector)],
  ],
  configmaps: [NAME, ['Data', false, object => Object.keys((object.data as object | undefined) ?? {}).length], AGE],
  serviceaccounts: [NAME, ['Secrets', false, () => 0], AGE],
  namespaces: [NAME, ['Status', false, () => 'Active'], AGE],
};

const DEFAULT: readonly Column[] = [NAME, ['Created At', false, object => object.metadata.creationTimestamp ?? '']];

/** Whether the client asks for a Table before plain objects, as kubectl does. */
export function wantsTable(accept: string): boolean {
  const [, ...parameters] = (accept.split(',')[0] ?? '').split(';').map(part => part.trim());
  return ['as=Table', 'g=meta.k8s.io', 'v=v1'].every(parameter => parameters.includes(parameter));
}

/** A `meta.k8s.io/v1` Table; each row carries the object's metadata. */
export function table(type: ResourceType, objects: readonly KubeObject[], metadata: object, now: number): object {
  const columns = COLUMNS[qualified(type)] ?? DEFAULT;
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: columns.map(([name, wide]) => ({
      name,
      type: 'string',
      format: name === 'Name' ? 'name' : '',
      description: '',
      priority: wide ? 1 : 0,
    })),
    rows: objects.map(object => ({
      cells: columns.map(([, , cell]) => cell(object, now)),
      object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata },
    })),
  };
}

/** Time since the creation, with the unit that kubectl would choose, roughly: `12s`, `5m`, `3h`, `2d`. */
function age(object: KubeObject, now: number): string {
  const seconds = Math.max(0, Math.floor((now - Date.parse(object.metadata.creationTimestamp ?? '')) / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86400)}d`;
}
