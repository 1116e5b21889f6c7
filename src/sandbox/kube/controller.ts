import { randomBytes } from 'node:crypto';
import { typeByKind } from './resources.ts';
import type { Store } from './store.ts';
import type { KubeObject } from './types.ts';
import {
  deploymentStatus,
  newPod,
  ownedBy,
  podSpec,
  podStatus,
  templateHash,
  workloadSpec,
  type PodFault,
  type PodStage,
} from './workloads.ts';

/** What a pod is besides its object: its process. */
export interface RunningPod {
  readonly name: string;
  readonly namespace: string;
  readonly deployment: string;
  /** Id of its sandbox in the runtime: port-forward errors name it. */
  readonly id: string;
  readonly ip: string;
  readonly log: string[];
  stage: PodStage;
  terminating: boolean;
  /** Called when the pod's processes end, and with them its connections. */
  readonly onStop: Set<() => void>;
  readonly onLog: Set<(line: string) => void>;
}

const STOPS_AFTER_MS = 150;
const KEPT_LINES = 1000;

const DEPLOYMENT = typeByKind('Deployment');
const REPLICA_SET = typeByKind('ReplicaSet');
const POD = typeByKind('Pod');

/** Makes ReplicaSets and pods for Deployments, and moves pods through their life: controller, scheduler and kubelet in one. */
export class Controller {
  readonly #store: Store;
  readonly #clock: { now(): number };
  readonly #pods = new Map<string, RunningPod>();
  readonly #unready = new Set<string>();
  readonly #faults = new Map<string, PodFault>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #nextIp = 2;
  /** Milliseconds from the making of a pod until it is Ready; pods of a cluster that just starts don't wait. */
  readyDelayMs = 0;

  constructor(store: Store, clock: { now(): number }) {
    this.#store = store;
    this.#clock = clock;
  }

  pod(namespace: string, name: string): RunningPod | undefined {
    return this.#pods.get(`${namespace}/${name}`);
  }

  /** Oldest first. */
  podsOf(namespace: string, deployment: string): RunningPod[] {
    return [...this.#pods.values()].filter(pod => pod.namespace === namespace && pod.deployment === deployment);
  }

  /** Makes what exists match the Deployment; without one of that name its pods go. */
  sync(namespace: string, name: string): void {
    const deployment = this.#store.get(DEPLOYMENT, namespace, name);
    const alive = () => this.podsOf(namespace, name).filter(pod => !pod.terminating);
    if (!deployment) {
      for (const pod of alive()) this.deletePod(pod);
      for (const set of this.#sets(namespace, name)) this.#store.delete(REPLICA_SET, namespace, set.metadata.name);
      return;
    }
    const spec = workloadSpec(deployment);
    const hash = templateHash(spec.template);
    const current = this.#replicaSet(deployment, hash);
    const updated = (pod: RunningPod) => pod.name.startsWith(`${current.metadata.name}-`);
    for (let count = alive().filter(updated).length; count < spec.replicas; count++) this.#create(current, name, hash);
    const surplus = alive().filter(updated).slice(spec.replicas);
    const replaced = alive().filter(pod => !updated(pod));
    // A rollout takes old pods away only when the new ones can serve.
    const rolled = alive().filter(pod => updated(pod) && pod.stage === 'ready').length >= spec.replicas;
    for (const pod of [...surplus, ...(rolled ? replaced : [])]) this.deletePod(pod, false);
    this.#report(deployment, hash, alive(), updated);
  }

  /** Readiness of all pods of a Deployment, now and in future. */
  setReady(namespace: string, deployment: string, ready: boolean): void {
    if (ready) this.#unready.delete(`${namespace}/${deployment}`);
    else this.#unready.add(`${namespace}/${deployment}`);
    for (const pod of this.podsOf(namespace, deployment))
      if (pod.stage !== 'pending' && !pod.terminating) this.#stage(pod, ready ? 'ready' : 'running');
    this.sync(namespace, deployment);
  }

  /** Why the containers of a Deployment do not come up; they are not ready then. */
  setFault(namespace: string, deployment: string, fault: PodFault | null): void {
    if (fault) this.#faults.set(`${namespace}/${deployment}`, fault);
    else this.#faults.delete(`${namespace}/${deployment}`);
    this.setReady(namespace, deployment, fault === null);
  }

  /** Every readiness probe passes again. */
  allReady(): void {
    this.#unready.clear();
    this.#faults.clear();
  }

  /** Graceful deletion: marked at once, stopped shortly after, gone then. */
  deletePod(pod: RunningPod, sync = true): void {
    if (pod.terminating) return;
    pod.terminating = true;
    this.#change(pod, object => ({
      ...object,
      metadata: {
        ...object.metadata,
        deletionTimestamp: new Date(this.#clock.now() + 30_000).toISOString().replace(/\.\d+Z$/, 'Z'),
        deletionGracePeriodSeconds: 30,
      },
    }));
    if (sync) this.sync(pod.namespace, pod.deployment);
    this.#later(STOPS_AFTER_MS, () => {
      this.#stage(pod, 'running');
      for (const stop of [...pod.onStop]) stop();
      this.#pods.delete(`${pod.namespace}/${pod.name}`);
      this.#store.delete(POD, pod.namespace, pod.name);
      this.sync(pod.namespace, pod.deployment);
    });
  }

  log(pod: RunningPod, line: string): void {
    const entry = `${new Date(this.#clock.now()).toISOString()} ${line}`;
    pod.log.push(entry);
    if (pod.log.length > KEPT_LINES) pod.log.shift();
    for (const listener of [...pod.onLog]) listener(entry);
  }

  dispose(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #sets(namespace: string, deployment: string): KubeObject[] {
    return this.#store
      .list(REPLICA_SET, namespace)
      .filter(set => set.metadata.ownerReferences?.some(owner => owner.name === deployment));
  }

  #replicaSet(deployment: KubeObject, hash: string): KubeObject {
    const { name, namespace = 'default' } = deployment.metadata;
    const existing = this.#store.get(REPLICA_SET, namespace, `${name}-${hash}`);
    if (existing) return existing;
    const { selector, template, replicas } = workloadSpec(deployment);
    const labels = { ...template.metadata.labels, 'pod-template-hash': hash };
    const revision = String(this.#sets(namespace, name).length + 1);
    this.#store.put({
      ...deployment,
      metadata: {
        ...deployment.metadata,
        annotations: { ...deployment.metadata.annotations, 'deployment.kubernetes.io/revision': revision },
      },
    });
    return this.#store.put({
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: {
        name: `${name}-${hash}`,
        namespace,
        labels,
        annotations: { 'deployment.kubernetes.io/revision': revision },
        ownerReferences: [ownedBy(deployment)],
      },
      spec: {
        replicas,
        selector: { matchLabels: { ...selector.matchLabels, 'pod-template-hash': hash } },
        template: { ...template, metadata: { ...template.metadata, labels } },
      },
    });
  }

  #create(replicaSet: KubeObject, deployment: string, hash: string): void {
    const object = newPod(replicaSet, workloadSpec(replicaSet).template, hash);
    const id = randomBytes(32).toString('hex');
    const ip = `10.244.0.${this.#nextIp++}`;
    this.#store.put({ ...object, status: podStatus(object, 'pending', { id, ip, now: this.#clock.now() }) });
    const pod: RunningPod = {
      name: object.metadata.name,
      namespace: object.metadata.namespace ?? 'default',
      deployment,
      id,
      ip,
      log: [],
      stage: 'pending',
      terminating: false,
      onStop: new Set(),
      onLog: new Set(),
    };
    this.#pods.set(`${pod.namespace}/${pod.name}`, pod);
    const start = () => {
      this.#stage(pod, 'running');
      for (const { name } of podSpec(object).containers) this.log(pod, `${name}: started (SANDBOX)`);
    };
    const probe = () => {
      if (!this.#unready.has(`${pod.namespace}/${deployment}`)) this.#stage(pod, 'ready');
    };
    if (this.readyDelayMs === 0) {
      start();
      probe(); // the sync that makes this pod counts it as well
      return;
    }
    this.#later(this.readyDelayMs / 2, () => {
      if (!pod.terminating) start();
    });
    this.#later(this.readyDelayMs, () => {
      if (pod.terminating) return;
      probe();
      this.sync(pod.namespace, deployment);
    });
  }

  #stage(pod: RunningPod, stage: PodStage): void {
    pod.stage = stage;
    const fault = this.#faults.get(`${pod.namespace}/${pod.deployment}`);
    const facts = { ip: pod.ip, id: pod.id, now: this.#clock.now(), fault };
    this.#change(pod, object => ({ ...object, status: podStatus(object, stage, facts) }));
  }

  #change(pod: RunningPod, change: (object: KubeObject) => KubeObject): void {
    const object = this.#store.get(POD, pod.namespace, pod.name);
    if (object) this.#store.put(change(object));
  }

  #report(deployment: KubeObject, hash: string, pods: RunningPod[], updated: (pod: RunningPod) => boolean): void {
    const { name, namespace = 'default' } = deployment.metadata;
    const ready = (some: RunningPod[]) => some.filter(pod => pod.stage === 'ready').length;
    for (const set of this.#sets(namespace, name)) {
      const own = pods.filter(pod => pod.name.startsWith(`${set.metadata.name}-`));
      const replicas = set.metadata.name.endsWith(`-${hash}`) ? workloadSpec(deployment).replicas : 0;
      this.#store.put({
        ...set,
        spec: { ...workloadSpec(set), replicas },
        status: {
          replicas: own.length,
          fullyLabeledReplicas: own.length,
          readyReplicas: ready(own),
          availableReplicas: ready(own),
          observedGeneration: set.metadata.generation ?? 1,
        },
      });
    }
    const latest = this.#store.get(DEPLOYMENT, namespace, name) ?? deployment;
    const count = { all: pods.length, ready: ready(pods), updated: pods.filter(updated).length };
    this.#store.put({ ...latest, status: deploymentStatus(latest, count, this.#clock.now()) });
  }

  #later(milliseconds: number, work: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      work();
    }, milliseconds);
    this.#timers.add(timer);
  }
}
