import { Controller, type RunningPod } from './controller.ts';
import { parseManifests, render } from './manifests.ts';
import { Authorizer, DEFAULT_ROLES } from './rbac.ts';
import { typeByKind, typeOf } from './resources.ts';
import { Store } from './store.ts';
import type { KubeObject } from './types.ts';

const SYSTEM_NAMESPACES = ['default', 'kube-node-lease', 'kube-public', 'kube-system'];
const BORN_WITH = ['default', 'kube-root-ca.crt'];
/** Kinds that a manifest, a fixture or a test may have left in a namespace. */
const KINDS = ['Deployment', 'Service', 'ConfigMap', 'ServiceAccount', 'Role', 'RoleBinding'];

/** The state of the simulated cluster: objects, pods and where their ports really are. */
export class Cluster {
  readonly store: Store;
  readonly controller: Controller;
  readonly authorizer: Authorizer;
  readonly namespace: string;
  readonly #values: Readonly<Record<string, string>>;
  readonly #caPem: string;
  readonly #backends = new Map<string, string>();
  readonly #down = new Set<string>();
  #nextService = 10;

  constructor(options: {
    clock: { now(): number };
    namespace: string;
    values: Readonly<Record<string, string>>;
    caPem: string;
  }) {
    this.store = new Store(options.clock);
    this.controller = new Controller(this.store, options.clock);
    this.authorizer = new Authorizer(this.store);
    this.namespace = options.namespace;
    this.#values = options.values;
    this.#caPem = options.caPem;
    for (const name of SYSTEM_NAMESPACES) this.#addNamespace(name);
    for (const object of DEFAULT_ROLES) this.store.put(object);
    this.put({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: {
        name: 'kubernetes',
        namespace: 'default',
        labels: { component: 'apiserver', provider: 'kubernetes' },
      },
      spec: { clusterIP: '10.96.0.1', ports: [{ name: 'https', port: 443, targetPort: 6443 }] },
    });
  }

  /** Adds or replaces the objects of a YAML stream, namespaces first. */
  apply(yaml: string, values: Readonly<Record<string, string>> = {}): void {
    const objects = parseManifests(render(yaml, { ...this.#values, ...values }));
    for (const object of objects.filter(each => each.kind === 'Namespace')) this.put(object);
    for (const object of objects.filter(each => each.kind !== 'Namespace')) this.put(object);
  }

  /** Stores an object with what the API server would default, and lets the controller act on it. */
  put(object: KubeObject): void {
    const type = typeOf(object);
    const namespace = type.namespaced ? (object.metadata.namespace ?? this.namespace) : undefined;
    const placed = { ...object, metadata: { ...object.metadata, ...(namespace && { namespace }) } };
    if (object.kind === 'Namespace') this.#addNamespace(object.metadata.name, object);
    else if (object.kind === 'Service') this.store.put(this.#service(placed));
    else this.store.put({ ...this.#keepStatus(placed), ...placed });
    if (object.kind === 'Deployment' && namespace) this.controller.sync(namespace, object.metadata.name);
  }

  get(kind: string, name: string): KubeObject {
    const found = this.store.get(typeByKind(kind), this.namespace, name);
    if (!found) throw new Error(`There is no ${kind} ${name} in the namespace ${this.namespace}.`);
    return found;
  }

  remove(kind: string, name: string, namespace = this.namespace): void {
    this.store.delete(typeByKind(kind), namespace, name);
    if (kind === 'Deployment') this.controller.sync(namespace, name);
  }

  pods(deployment: string): RunningPod[] {
    return this.controller.podsOf(this.namespace, deployment);
  }

  setBackend(deployment: string, port: number, address: string): void {
    this.#backends.set(`${deployment}:${port}`, address);
  }

  setListening(deployment: string, listening: boolean): void {
    if (listening) this.#down.delete(deployment);
    else this.#down.add(deployment);
  }

  /** Removes everything that is not the system's own, so that the manifests can be laid anew, and undoes all faults. */
  clear(): void {
    this.#down.clear();
    this.controller.allReady();
    for (const { metadata } of this.store.list(typeByKind('Namespace'))) {
      const namespace = metadata.name;
      if (SYSTEM_NAMESPACES.includes(namespace)) continue;
      const foreign = namespace !== this.namespace;
      for (const kind of KINDS)
        for (const { metadata } of this.store.list(typeByKind(kind), namespace))
          if (foreign || !BORN_WITH.includes(metadata.name)) this.remove(kind, metadata.name, namespace);
      if (foreign) this.store.delete(typeByKind('Namespace'), undefined, namespace);
    }
  }

  /** Where a port of a pod really is; `undefined` when nothing listens on it. */
  address(pod: RunningPod, port: number): string | undefined {
    if (pod.stage === 'pending' || this.#down.has(pod.deployment)) return undefined;
    return this.#backends.get(`${pod.deployment}:${port}`);
  }

  #keepStatus(object: KubeObject): { status?: unknown } {
    const before = this.store.get(typeOf(object), object.metadata.namespace, object.metadata.name);
    return before?.status === undefined ? {} : { status: before.status };
  }

  /** A namespace with what every namespace is born with. */
  #addNamespace(name: string, object?: KubeObject): void {
    const labels = { ...object?.metadata.labels, 'kubernetes.io/metadata.name': name };
    const metadata = { ...object?.metadata, name, labels };
    this.store.put({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata,
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
    });
    this.store.put({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: name } });
    this.store.put({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'kube-root-ca.crt', namespace: name },
      data: { 'ca.crt': this.#caPem },
    });
  }

  #service(object: KubeObject): KubeObject {
    const spec = object.spec as { clusterIP?: string; ports: object[] };
    const before = this.store.get(typeOf(object), object.metadata.namespace, object.metadata.name);
    const known = (before?.spec as { clusterIP?: string } | undefined)?.clusterIP;
    const clusterIP = spec.clusterIP ?? known ?? `10.96.0.${this.#nextService++}`;
    return {
      ...object,
      spec: {
        type: 'ClusterIP',
        internalTrafficPolicy: 'Cluster',
        ipFamilies: ['IPv4'],
        ipFamilyPolicy: 'SingleStack',
        sessionAffinity: 'None',
        ...spec,
        clusterIP,
        clusterIPs: [clusterIP],
        ports: spec.ports.map(port => ({ protocol: 'TCP', ...port })),
      },
      status: { loadBalancer: {} },
    };
  }
}
