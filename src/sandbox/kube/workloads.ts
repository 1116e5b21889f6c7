import { createHash, randomInt } from 'node:crypto';
import * as v from 'valibot';
import { timestamp } from './store.ts';
import type { KubeObject, OwnerReference } from './types.ts';

const strings = v.record(v.string(), v.string());

const container = v.looseObject({
  name: v.string(),
  image: v.string(),
  ports: v.optional(v.array(v.looseObject({ name: v.optional(v.string()), containerPort: v.number() })), []),
});

const template = v.looseObject({
  metadata: v.looseObject({ labels: strings, annotations: v.optional(strings) }),
  spec: v.looseObject({
    serviceAccountName: v.optional(v.string(), 'default'),
    containers: v.pipe(v.array(container), v.minLength(1)),
  }),
});

const deploymentSpec = v.looseObject({
  replicas: v.optional(v.number(), 1),
  selector: v.looseObject({ matchLabels: strings }),
  template,
});

export type DeploymentSpec = v.InferOutput<typeof deploymentSpec>;
export type PodTemplate = DeploymentSpec['template'];

/** The spec of a Deployment or ReplicaSet; throws where it is not one. */
export const workloadSpec = (object: KubeObject): DeploymentSpec => v.parse(deploymentSpec, object.spec);

export const podSpec = (pod: KubeObject): PodTemplate['spec'] => v.parse(template.entries.spec, pod.spec);

/** Letters and digits of generated names: no vowels, and none that look alike (apimachinery `util/rand`). */
const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';

export const randomSuffix = (): string =>
  Array.from({ length: 5 }, () => ALPHABET.charAt(randomInt(ALPHABET.length))).join('');

/** A value for `pod-template-hash`: the same for equal templates. */
export function templateHash(pod: PodTemplate): string {
  const digest = createHash('sha256').update(JSON.stringify(pod)).digest();
  return [...digest.subarray(0, 10)].map(byte => ALPHABET.charAt(byte % ALPHABET.length)).join('');
}

export const ownedBy = (owner: KubeObject): OwnerReference => ({
  apiVersion: owner.apiVersion,
  kind: owner.kind,
  name: owner.metadata.name,
  uid: owner.metadata.uid ?? '',
  controller: true,
  blockOwnerDeletion: true,
});

export type PodStage = 'pending' | 'running' | 'ready';
/** Why a container does not come up, in the kubelet's words or in the scheduler's. */
export type PodFault = 'ImagePullBackOff' | 'CrashLoopBackOff' | 'Unschedulable';

const NODE = { name: 'sandbox-node', ip: '192.0.2.10' }; // TEST-NET-1: it names nothing real

/** The object of a new pod of a ReplicaSet, as scheduler and kubelet would complete it. */
export function newPod(replicaSet: KubeObject, pod: PodTemplate, hash: string): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `${replicaSet.metadata.name}-${randomSuffix()}`,
      namespace: replicaSet.metadata.namespace ?? 'default',
      labels: { ...pod.metadata.labels, 'pod-template-hash': hash },
      ...(pod.metadata.annotations && { annotations: pod.metadata.annotations }),
      ownerReferences: [ownedBy(replicaSet)],
    },
    spec: {
      ...pod.spec,
      containers: pod.spec.containers.map(each => ({
        ...each,
        imagePullPolicy: 'IfNotPresent',
        ports: each.ports.map(port => ({ ...port, protocol: 'TCP' })),
        terminationMessagePath: '/dev/termination-log',
        terminationMessagePolicy: 'File',
      })),
      nodeName: NODE.name,
      restartPolicy: 'Always',
      dnsPolicy: 'ClusterFirst',
      schedulerName: 'default-scheduler',
      terminationGracePeriodSeconds: 30,
    },
  };
}

/** `status` of a pod at a stage; `previous` keeps the times and the address that it has already. */
export function podStatus(
  pod: KubeObject,
  stage: PodStage,
  facts: { ip: string; id: string; now: number; fault?: PodFault | undefined },
): object {
  const at = timestamp(facts.now);
  const started = pod.metadata.creationTimestamp ?? at;
  const ready = stage === 'ready';
  const running = stage !== 'pending';
  const condition = (type: string, met: boolean, since: string) => ({
    type,
    status: met ? 'True' : 'False',
    lastProbeTime: null,
    lastTransitionTime: since,
    ...(!met && { reason: 'ContainersNotReady' }),
  });
  if (facts.fault === 'Unschedulable') {
    const reason = { reason: facts.fault, message: '0/1 nodes are available: 1 Insufficient memory.' };
    return {
      phase: 'Pending',
      qosClass: 'Burstable',
      conditions: [{ ...condition('PodScheduled', false, at), ...reason }],
    };
  }
  return {
    phase: running ? 'Running' : 'Pending',
    qosClass: 'Burstable',
    hostIP: NODE.ip,
    hostIPs: [{ ip: NODE.ip }],
    ...(running && { podIP: facts.ip, podIPs: [{ ip: facts.ip }] }),
    startTime: started,
    conditions: [
      condition('PodReadyToStartContainers', running, at),
      condition('Initialized', true, started),
      condition('Ready', ready, at),
      condition('ContainersReady', ready, at),
      condition('PodScheduled', true, started),
    ],
    containerStatuses: podSpec(pod).containers.map(each => ({
      name: each.name,
      image: each.image,
      imageID: '',
      ready,
      started: running,
      restartCount: 0,
      state: running ? { running: { startedAt: at } } : { waiting: { reason: 'ContainerCreating' } },
      lastState: {},
      ...(facts.fault && faultyStatus(facts.fault, each.image)),
      ...(running && { containerID: `containerd://${facts.id}` }),
    })),
  };
}

/** What the kubelet reports of a container that does not come up. */
function faultyStatus(fault: PodFault, image: string): object {
  if (fault === 'ImagePullBackOff')
    return { state: { waiting: { reason: fault, message: `Back-off pulling image "${image}": not found` } } };
  const message = 'back-off 40s restarting failed container';
  const lastState = { terminated: { exitCode: 139, reason: 'Error' } };
  return { restartCount: 4, state: { waiting: { reason: fault, message } }, lastState };
}

/** `status` of a Deployment from the number of its pods in each state; a condition that holds on keeps its times. */
export function deploymentStatus(deployment: KubeObject, count: PodCount, now: number): object {
  const { replicas } = workloadSpec(deployment);
  const available = count.ready >= replicas;
  const missing = Math.max(0, replicas - count.ready);
  const before = v.is(withConditions, deployment.status) ? deployment.status.conditions : [];
  const condition = (type: string, met: boolean, reason: string) => {
    const status = met ? 'True' : 'False';
    const same = before.find(each => each.type === type && each.status === status);
    const since = same?.lastTransitionTime ?? timestamp(now);
    return { type, status, reason, message: '', lastUpdateTime: since, lastTransitionTime: since };
  };
  return {
    observedGeneration: deployment.metadata.generation ?? 1,
    ...(count.all > 0 && { replicas: count.all }),
    ...(count.updated > 0 && { updatedReplicas: count.updated }),
    ...(count.ready > 0 && { readyReplicas: count.ready, availableReplicas: count.ready }),
    ...(missing > 0 && { unavailableReplicas: missing }),
    conditions: [
      condition('Available', available, available ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable'),
      condition('Progressing', true, 'NewReplicaSetAvailable'),
    ],
  };
}

const withConditions = v.object({
  conditions: v.array(v.object({ type: v.string(), status: v.string(), lastTransitionTime: v.string() })),
});

export interface PodCount {
  all: number;
  ready: number;
  updated: number;
}
