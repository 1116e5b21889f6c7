import type { Cluster } from './cluster.ts';
import type { RunningPod } from './controller.ts';
import { typeByKind } from './resources.ts';
import { merge, withAnnotations } from './fixtures.ts';
import type { KubernetesControl } from './types.ts';
import { workloadSpec } from './workloads.ts';

const configMaps = typeByKind('ConfigMap');

type ClusterControl = Pick<
  KubernetesControl,
  | 'pods'
  | 'deletePod'
  | 'setReady'
  | 'setPodFault'
  | 'setListening'
  | 'scale'
  | 'rollout'
  | 'setReadyDelay'
  | 'deny'
  | 'allowAll'
  | 'annotate'
  | 'setConfigMap'
  | 'apply'
  | 'remove'
  | 'setBackend'
  | 'log'
  | 'compact'
>;

/** The control functions that act on objects and pods; every name is checked, so that a typing error is no silent success. */
export function clusterControl(cluster: Cluster, clock: { now(): number }): ClusterControl {
  const { controller, namespace, store } = cluster;
  const deployment = (name: string) => cluster.get('Deployment', name);
  const podsOf = (name: string): RunningPod[] => cluster.pods(deployment(name).metadata.name);
  return {
    pods: name =>
      podsOf(name).map(pod => ({ name: pod.name, ready: pod.stage === 'ready', terminating: pod.terminating })),
    deletePod(name) {
      const pod = controller.pod(namespace, name);
      if (!pod) throw new Error(`There is no pod ${name} in the namespace ${namespace}.`);
      controller.deletePod(pod);
    },
    setReady: (name, ready) => controller.setReady(namespace, deployment(name).metadata.name, ready),
    setPodFault: (name, fault) => controller.setFault(namespace, deployment(name).metadata.name, fault),
    setListening: (name, listening) => cluster.setListening(deployment(name).metadata.name, listening),
    scale(name, replicas) {
      const object = deployment(name);
      cluster.put({ ...object, spec: { ...workloadSpec(object), replicas } });
    },
    rollout(name) {
      const object = deployment(name);
      const spec = workloadSpec(object);
      const annotations = {
        ...spec.template.metadata.annotations,
        'kubectl.kubernetes.io/restartedAt': new Date(clock.now()).toISOString(),
      };
      const template = { ...spec.template, metadata: { ...spec.template.metadata, annotations } };
      cluster.put({ ...object, spec: { ...spec, template } });
    },
    setReadyDelay(milliseconds) {
      controller.readyDelayMs = milliseconds;
    },
    deny: denial => void cluster.authorizer.denials.push(denial),
    allowAll: () => void (cluster.authorizer.denials.length = 0),
    annotate: (kind, name, annotations) => cluster.put(withAnnotations(cluster.get(kind, name), annotations)),
    setConfigMap(name, data) {
      const type = { apiVersion: 'v1', kind: 'ConfigMap' };
      const present = store.list(configMaps, namespace).find(object => object.metadata.name === name);
      const object = present ?? { ...type, metadata: { name, namespace } };
      cluster.put({ ...object, data: merge((object.data as Record<string, string> | undefined) ?? {}, data) });
    },
    apply: (yaml, values) => cluster.apply(yaml, values),
    remove(kind, name) {
      cluster.get(kind, name);
      cluster.remove(kind, name);
    },
    setBackend: (name, port, address) => cluster.setBackend(name, port, address),
    log(name, line) {
      for (const pod of podsOf(name)) if (pod.stage !== 'pending') controller.log(pod, line);
    },
    compact: () => store.compact(),
  };
}
