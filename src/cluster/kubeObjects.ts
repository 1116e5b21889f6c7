import * as v from 'valibot';
import { AgentIdError } from '../base/errors.ts';
import type { KubeApi } from './kubeApi.ts';

/** The parts of Kubernetes objects that we read. Source: kubernetes.io/docs/reference/kubernetes-api. */

const text = v.nullish(v.string());
const labels = v.nullish(v.record(v.string(), v.string()), {});
const port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65535));

const metadata = v.object({
  name: v.string(),
  creationTimestamp: text,
  deletionTimestamp: text,
  labels,
  annotations: labels,
});

const keyRef = v.nullish(v.object({ name: v.nullish(v.string(), ''), key: v.string() }));

const container = v.object({
  name: v.string(),
  image: v.nullish(v.string(), ''),
  command: v.nullish(v.array(v.string()), []),
  args: v.nullish(v.array(v.string()), []),
  ports: v.nullish(v.array(v.object({ name: text, containerPort: port })), []),
  env: v.nullish(
    v.array(v.object({ name: v.string(), value: text, valueFrom: v.nullish(v.object({ configMapKeyRef: keyRef })) })),
    [],
  ),
  envFrom: v.nullish(
    v.array(v.object({ prefix: text, configMapRef: v.nullish(v.object({ name: v.nullish(v.string(), '') })) })),
    [],
  ),
  volumeMounts: v.nullish(v.array(v.object({ name: v.string(), mountPath: v.string(), subPath: text })), []),
});

/** A token that the kubelet makes for the pod; without an audience it is for the API server. */
const serviceAccountToken = v.nullish(v.object({ path: v.string(), audience: text }));

const podSpec = v.object({
  serviceAccountName: text,
  containers: v.nullish(v.array(container), []),
  initContainers: v.nullish(v.array(container), []),
  volumes: v.nullish(
    v.array(
      v.object({
        name: v.string(),
        configMap: v.nullish(
          v.object({
            name: v.nullish(v.string(), ''),
            items: v.nullish(v.array(v.object({ key: v.string(), path: v.string() })), []),
          }),
        ),
        projected: v.nullish(v.object({ sources: v.nullish(v.array(v.object({ serviceAccountToken })), []) })),
      }),
    ),
    [],
  ),
});

const deployment = v.object({
  metadata,
  spec: v.object({
    selector: v.object({ matchLabels: labels }),
    template: v.object({ metadata: v.nullish(v.object({ labels }), {}), spec: podSpec }),
  }),
});

const state = v.nullish(
  v.object({
    waiting: v.nullish(v.object({ reason: text, message: text })),
    terminated: v.nullish(v.object({ reason: text, exitCode: v.nullish(v.number()) })),
  }),
);

const containerStatuses = v.nullish(
  v.array(v.object({ name: v.string(), image: text, restartCount: v.nullish(v.number()), state, lastState: state })),
  [],
);

const pod = v.object({
  metadata,
  spec: podSpec,
  status: v.nullish(
    v.object({
      phase: text,
      conditions: v.nullish(
        v.array(v.object({ type: v.string(), status: v.string(), reason: text, message: text })),
        [],
      ),
      containerStatuses,
      initContainerStatuses: containerStatuses,
    }),
    {},
  ),
});

const service = v.object({
  metadata,
  spec: v.object({
    selector: labels,
    ports: v.nullish(v.array(v.object({ name: text, port, targetPort: v.nullish(v.union([port, v.string()])) })), []),
  }),
});

const configMap = v.object({ metadata, data: v.nullish(v.record(v.string(), v.string()), {}) });
const serviceAccount = v.object({ metadata });

const list = <T extends v.GenericSchema>(item: T) => v.object({ items: v.nullish(v.array(item), []) });
const schemas = {
  namespaces: list(v.object({ metadata })),
  deployments: list(deployment),
  pods: list(pod),
  services: list(service),
  configMap,
  serviceAccount,
};

export type Container = v.InferOutput<typeof container>;
export type PodSpec = v.InferOutput<typeof podSpec>;
export type Deployment = v.InferOutput<typeof deployment>;
export type Pod = v.InferOutput<typeof pod>;
export type Service = v.InferOutput<typeof service>;
export type ConfigMap = v.InferOutput<typeof configMap>;

async function read<K extends keyof typeof schemas>(
  api: KubeApi,
  kind: K,
  path: string,
  signal: AbortSignal | undefined,
): Promise<v.InferOutput<(typeof schemas)[K]>> {
  const result = v.safeParse(schemas[kind], await api.get(path, signal));
  if (result.success) return result.output;
  const field = v.getDotPath(result.issues[0]) ?? 'the document';
  const reason = `${path} is not what the API describes: ${field}`;
  throw new AgentIdError('cluster.badResponse', { server: api.server, status: 200, reason });
}

const core = (namespace: string) => `/api/v1/namespaces/${encodeURIComponent(namespace)}`;

/** Readers of one kind each; they throw what `KubeApi.get` throws. */
export const kube = {
  namespaces: async (api: KubeApi, signal?: AbortSignal) =>
    (await read(api, 'namespaces', '/api/v1/namespaces', signal)).items,
  deployments: async (api: KubeApi, namespace: string, signal?: AbortSignal) =>
    (await read(api, 'deployments', `/apis/apps/v1/namespaces/${encodeURIComponent(namespace)}/deployments`, signal))
      .items,
  services: async (api: KubeApi, namespace: string, signal?: AbortSignal) =>
    (await read(api, 'services', `${core(namespace)}/services`, signal)).items,
  pods: async (api: KubeApi, namespace: string, selector: Record<string, string>, signal?: AbortSignal) =>
    (
      await read(
        api,
        'pods',
        `${core(namespace)}/pods?labelSelector=${encodeURIComponent(selectorText(selector))}`,
        signal,
      )
    ).items,
  configMap: (api: KubeApi, namespace: string, name: string, signal?: AbortSignal) =>
    read(api, 'configMap', `${core(namespace)}/configmaps/${encodeURIComponent(name)}`, signal),
  serviceAccount: (api: KubeApi, namespace: string, name: string, signal?: AbortSignal) =>
    read(api, 'serviceAccount', `${core(namespace)}/serviceaccounts/${encodeURIComponent(name)}`, signal),
};

/** A selector as the API spells it: `a=b,c=d`. */
export function selectorText(selector: Record<string, string>): string {
  return Object.entries(selector)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}
