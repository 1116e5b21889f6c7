/** What an object of the API looks like to the simulated server: parsed once when a manifest comes in, then trusted. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  [field: string]: unknown;
}

export interface ObjectMeta {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: OwnerReference[];
}

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller: true;
  blockOwnerDeletion: true;
}

export interface KubernetesOptions {
  /** Issues the API server's certificate; its PEM goes into the kubeconfig. */
  ca: { pem: string; issue(name: string, hosts: string[]): Promise<{ cert: string; key: string }> };
  /** Folder that receives `kubeconfig` (mode 0600). */
  directory: string;
  /** The `k8s` folder of the project: what its `base/kustomization.yaml` lists is served, rendered with `values`. */
  manifests: string;
  /** One value per `${VAR}` of the manifests (`k8s/README.md` lists them); a missing one is a start-up error. */
  values: Readonly<Record<string, string>>;
  /** The file that the simulated gateway runs on: shown in the ConfigMap `agentgateway-config`, key `config.yaml`. */
  gatewayConfigText: string;
  /** Where the listening port of each pod really is, as `host:port`. */
  ports: { sidecar: Readonly<Record<string /* Deployment */, string>>; gateway: string };
  /** The issuer that the API server names for the ServiceAccount tokens, and its public keys. */
  issuer: { named(): string; keys: readonly object[] };
  /** Name of the developer that the kubeconfig's bearer token stands for. */
  user: string;
  clock: { now(): number };
}

/** A request that RBAC would allow and `deny` refuses; `*` stands for any value, and an unset part for any as well. */
export interface Denial {
  verb: string;
  resource: string;
  subresource?: string;
}

export type FixtureName =
  'none' | 'one' | 'many' | 'unannotated' | 'noBlueprint' | 'secondBlueprint' | 'otherClientId' | 'reference';

/** Everything that a test or the control endpoint may do to the cluster. Names of Deployments are in the namespace of the manifests. */
export interface KubernetesControl {
  /** Pods of a Deployment, newest last, as the API shows them now. */
  pods(deployment: string): { name: string; ready: boolean; terminating: boolean }[];
  /** Deletes a pod as `kubectl delete pod` does: it terminates, its connections end, its replacement becomes Ready after a delay. */
  deletePod(name: string): void;
  /** Makes the readiness probe of every pod of a Deployment, present and future, pass or fail. */
  setReady(deployment: string, ready: boolean): void;
  /** The containers of a Deployment do not come up, for the reason that kubelet or scheduler give; `null`: they do again. */
  setPodFault(deployment: string, fault: 'ImagePullBackOff' | 'CrashLoopBackOff' | 'Unschedulable' | null): void;
  /** Makes the container's port refuse connections (the process is down), or accept them again. */
  setListening(deployment: string, listening: boolean): void;
  scale(deployment: string, replicas: number): void;
  /** Replaces every pod, as `kubectl rollout restart` does. */
  rollout(deployment: string): void;
  /** How long a new pod takes until it is Ready, in milliseconds. */
  setReadyDelay(milliseconds: number): void;
  /** Resets every TCP connection to the API server, tunnels included. */
  cutConnections(): void;
  /** Resets the connections that carry a port-forward, and no other. */
  cutTunnels(): void;
  /** Tunnels stay open and pass nothing in either direction, pongs included (a half-dead path), until `false`. */
  freezeTunnels(frozen: boolean): void;
  /** Answers every WebSocket upgrade with 403 and no body, as a proxy in front of the API server does, until `false`. */
  refuseUpgrades(refused: boolean): void;
  /** The API server stops listening and drops its connections. */
  goAway(): Promise<void>;
  /** The API server listens again on the same port. */
  back(): Promise<void>;
  deny(denial: Denial): void;
  /** Forgets every denial. */
  allowAll(): void;
  /** The bearer token in the kubeconfig is refused with 401 from now on. */
  expireToken(): void;
  /** Writes a new bearer token into the kubeconfig, as a credential plugin would. */
  renewToken(): Promise<void>;
  /** Sets (or, with `null`, removes) annotations of an object of the namespace, for example of kind `Deployment`. */
  annotate(kind: string, name: string, annotations: Record<string, string | null>): void;
  /** Merges keys into a ConfigMap, or makes it; `null` removes a key. */
  setConfigMap(name: string, data: Record<string, string | null>): void;
  /** Adds or replaces the objects of a YAML stream (`${VAR}` rendered with the start-up values and `values`). */
  apply(yaml: string, values?: Record<string, string>): void;
  remove(kind: string, name: string): void;
  /** Where a Deployment's container port really is, as `host:port`. */
  setBackend(deployment: string, port: number, address: string): void;
  /** Brings the cluster into a named state for discovery tests. */
  fixture(name: FixtureName): void;
  /** Adds a line to the log of each pod of a Deployment. */
  log(deployment: string, line: string): void;
  /** Forgets the watch history: resuming a watch or a list from before is answered 410. */
  compact(): void;
  /** Ends every running watch, as its timeout does. */
  endWatches(): void;
  /** Open port-forward connections, all pods. */
  tunnels(): number;
  /** Undoes everything above: the cluster is as it was at the start, with new pods. */
  reset(): Promise<void>;
}

export interface Kubernetes {
  /** `https://127.0.0.1:<port>` */
  readonly origin: string;
  /** Absolute path of the kubeconfig. */
  readonly kubeconfig: string;
  /** The current context: the developer, with the rights of the Role `agent-id-user`. */
  readonly context: string;
  /** A second context: an administrator, by client certificate. */
  readonly adminContext: string;
  readonly namespace: string;
  readonly control: KubernetesControl;
  close(): Promise<void>;
}
