import path from 'node:path';
import { AgentIdError } from '../base/errors.ts';
import { settle, type Problems, type Reader, type Sourced } from './findings.ts';
import type { KubeApi } from './kubeApi.ts';
import { kube, type Container, type Deployment, type PodSpec, type Service } from './kubeObjects.ts';

export interface DiscoveredGateway {
  service: string;
  namespace: string;
  selector: Record<string, string>;
  /** Port of the pod, not of the Service. */
  port: number;
  configText?: Sourced<string>;
}

const NAME = 'agentgateway';
const NAME_LABEL = 'app.kubernetes.io/name';

/**
 * The gateway of a namespace: the Service that carries our label, or the one that is simply called `agentgateway`; its
 * file from the ConfigMap that its pods mount.
 */
export async function discoverGateway(
  api: KubeApi,
  namespace: string,
  services: readonly Service[],
  deployments: readonly Deployment[],
  reader: Reader,
  problems: Problems,
  signal: AbortSignal | undefined,
): Promise<DiscoveredGateway | undefined> {
  const service =
    services.find(({ metadata }) => metadata.labels?.[NAME_LABEL] === NAME) ??
    services.find(({ metadata }) => metadata.name === NAME);
  if (!service) return undefined;
  const name = service.metadata.name;
  const selector = service.spec.selector ?? {};
  if (Object.keys(selector).length === 0) {
    problems.add('discovery.gatewayIncomplete', { service: name, reason: 'selector' });
    return undefined;
  }
  const deployment = deployments.find(({ spec }) => selects(selector, spec.template.metadata?.labels ?? {}));
  let spec = deployment?.spec.template.spec;
  if (!spec) {
    const pods = await settle(kube.pods(api, namespace, selector, signal));
    if (!(pods instanceof AgentIdError)) spec = pods[0]?.spec;
  }
  const container = spec?.containers?.find(({ image }) => image?.includes(NAME)) ?? spec?.containers?.[0];
  const configText = spec && container && (await readConfig(spec, container, reader, problems));
  if (!configText) problems.add('discovery.gatewayIncomplete', { service: name, reason: 'config' });
  return { service: name, namespace, selector, port: podPort(service, spec), ...(configText ? { configText } : {}) };
}

function selects(selector: Record<string, string>, labels: Record<string, string>): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}

/** A Service's `targetPort` may be a number, the name of a container's port, or missing: then it is the same number. */
function podPort(service: Service, spec: PodSpec | undefined): number {
  const ports = service.spec.ports ?? [];
  const chosen = ports.find(({ name }) => name === 'http') ?? ports[0];
  const target = chosen?.targetPort ?? chosen?.port;
  if (typeof target === 'number') return target;
  const named = spec?.containers?.flatMap(({ ports: own }) => own ?? []).find(({ name }) => name === target);
  return named?.containerPort ?? chosen?.port ?? 80;
}

/** Finds the file that `-f` names in the volumes; without `-f`, the YAML file of the only ConfigMap that is mounted. */
async function readConfig(
  spec: PodSpec,
  container: Container,
  reader: Reader,
  problems: Problems,
): Promise<Sourced<string> | undefined> {
  const file = fileArgument([...(container.command ?? []), ...(container.args ?? [])]);
  for (const mount of container.volumeMounts ?? []) {
    const volume = spec.volumes?.find(({ name }) => name === mount.name)?.configMap;
    if (!volume?.name) continue;
    const inside = file === undefined ? '' : path.posix.relative(mount.mountPath, file);
    if (inside.startsWith('..')) continue;
    const data = await reader.configMap(volume.name, problems);
    const wanted = inside || mount.subPath;
    const key = wanted
      ? (volume.items?.find(item => item.path === wanted)?.key ?? wanted)
      : Object.keys(data).find(name => /\.ya?ml$/.test(name));
    const value = key === undefined ? undefined : data[key];
    if (value !== undefined) return { value, source: `ConfigMap ${volume.name}, key ${key}` };
  }
  return undefined;
}

function fileArgument(words: readonly string[]): string | undefined {
  for (const [index, word] of words.entries()) {
    if (word === '-f' || word === '--file') return words[index + 1];
    if (word.startsWith('--file=')) return word.slice('--file='.length);
  }
  return undefined;
}
