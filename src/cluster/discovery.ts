import { AgentIdError } from '../base/errors.ts';
import { discoverGateway, type DiscoveredGateway } from './gatewayDiscovery.ts';
import { Problems, Reader, settle, SHAPES, type Sourced } from './findings.ts';
import type { KubeApi } from './kubeApi.ts';
import { kube, type Container, type Deployment } from './kubeObjects.ts';
import { PodEnvironment } from './podEnvironment.ts';

export type { DiscoveredGateway, Sourced };

/** A Deployment that stands for an agent identity, and what the cluster says about it. */
export interface DiscoveredAgent {
  deployment: string;
  namespace: string;
  serviceAccount: string;
  /** Labels of its pods. */
  selector: Record<string, string>;
  sidecarPort: number;
  /** What its container says of the sidecar. */
  sidecar: {
    /** Name of its container. */
    name: string;
    image: string;
    /** `Sidecar__AllowOverrides__GetAuthorizationHeader`. */
    overrides?: Sourced<string>;
    /** `AzureAd__ClientCredentials__0__SourceType`: how the blueprint proves itself. */
    credential?: Sourced<string>;
    /** `AzureAd__ClientCredentials__0__SignedAssertionFileDiskPath`: where it reads the pod's own token. */
    tokenFile?: Sourced<string>;
    /** `ASPNETCORE_ENVIRONMENT`. */
    environment?: Sourced<string>;
    /** Names of its variables, sorted; never a value. */
    variables: string[];
  };
  agentAppId?: Sourced<string>;
  blueprintAppId?: Sourced<string>;
  tenantId?: Sourced<string>;
  /** The sidecar's `DownstreamApis`; `audience` is the resource of its first scope, where the scope names one. */
  apis: { name: string; scopes: string[]; audience?: string; source: string }[];
  client: {
    llmDeployment?: Sourced<string>;
    llmApiVersion?: Sourced<string>;
    scopeName?: Sourced<string>;
    llmApi?: Sourced<string>;
    mcpApi?: Sourced<string>;
    llmPath?: Sourced<string>;
    systemPrompt?: Sourced<string>;
  };
  problems: AgentIdError[];
}

export interface Discovery {
  /** Sorted by name. */
  agents: DiscoveredAgent[];
  gateway?: DiscoveredGateway;
  /** What is wrong with the gateway, or with Deployments that are labelled as agents and are none. */
  problems: AgentIdError[];
}

const IDENTITY_ANNOTATION = 'agent-id.dev/agent-identity';
const BLUEPRINT_ANNOTATION = 'azure.workload.identity/client-id';
const TENANT_ANNOTATION = 'azure.workload.identity/tenant-id';
const CLIENT_CONFIG = 'agent-id-client';
const SIDECAR_NAME = 'sidecar';
const SIDECAR_IMAGE = /(^|\/)entra-sdk\/auth-sidecar(?=[:@]|$)/;
/** Where ASP.NET Core listens in Microsoft's images when nothing is said. */
const DEFAULT_SIDECAR_PORT = 8080;

/**
 * Looks for agents and the gateway in a namespace. An agent is a Deployment with our labels, or any with the sidecar's
 * image; the client's values come from its pod's own ConfigMaps or from `agent-id-client`. Nothing of it is trusted:
 * values that do not have the expected shape are left out and named in `problems`.
 * @throws what `KubeApi.get` throws for the list of Deployments
 */
export async function discover(api: KubeApi, namespace: string, signal?: AbortSignal): Promise<Discovery> {
  const reader = new Reader(api, namespace, signal);
  const problems = new Problems();
  const [deployments, services] = await Promise.all([
    kube.deployments(api, namespace, signal),
    settle(kube.services(api, namespace, signal)),
  ]);
  let gateway: DiscoveredGateway | undefined;
  if (services instanceof AgentIdError)
    problems.add('discovery.unreadable', { kind: 'Services', name: namespace, reason: services.code });
  else gateway = await discoverGateway(api, namespace, services, deployments, reader, problems, signal);
  const agents = deployments.flatMap(deployment => {
    const sidecar = findSidecar(deployment);
    if (sidecar) return [describeAgent(deployment, sidecar, namespace, gateway, reader)];
    const { name } = deployment.metadata;
    if (isLabelled(deployment)) problems.add('discovery.noSidecar', { deployment: name });
    return [];
  });
  return {
    agents: (await Promise.all(agents)).toSorted((a, b) => a.deployment.localeCompare(b.deployment)),
    ...(gateway ? { gateway } : {}),
    problems: problems.list,
  };
}

/** The namespaces of the cluster, or undefined when we may not list them, which few may. */
export async function listNamespaces(api: KubeApi, signal?: AbortSignal): Promise<string[] | undefined> {
  const result = await settle(kube.namespaces(api, signal));
  return result instanceof AgentIdError ? undefined : result.map(({ metadata }) => metadata.name).toSorted();
}

function isLabelled({ metadata: { labels } }: Deployment): boolean {
  return labels?.['app.kubernetes.io/part-of'] === 'agent-id' && labels['app.kubernetes.io/component'] === 'agent';
}

function containersOf(deployment: Deployment): Container[] {
  const { containers, initContainers } = deployment.spec.template.spec;
  return [...(containers ?? []), ...(initContainers ?? [])]; // native sidecars live among the init containers
}

function findSidecar(deployment: Deployment): Container | undefined {
  const containers = containersOf(deployment);
  const byImage = containers.find(({ image }) => SIDECAR_IMAGE.test(image ?? ''));
  return byImage ?? (isLabelled(deployment) ? containers.find(({ name }) => name === SIDECAR_NAME) : undefined);
}

async function describeAgent(
  deployment: Deployment,
  sidecar: Container,
  namespace: string,
  gateway: DiscoveredGateway | undefined,
  reader: Reader,
): Promise<DiscoveredAgent> {
  const { name, annotations } = deployment.metadata;
  const problems = new Problems();
  const others = containersOf(deployment).filter(container => container !== sidecar);
  const serviceAccount = deployment.spec.template.spec.serviceAccountName || 'default';
  const [own, account, clientData, ...rest] = await Promise.all([
    PodEnvironment.of(sidecar, name, reader, problems),
    reader.annotations(serviceAccount, problems),
    reader.configMap(CLIENT_CONFIG, problems, true),
    ...others.map(container => PodEnvironment.of(container, name, reader, problems)),
  ]);
  const inPod = (key: string) => [...rest, own].map(environment => environment.get(key)).find(Boolean);
  const inClient = (key: string): Sourced<string> | undefined => {
    const value = clientData[key];
    return value === undefined ? undefined : { value, source: `ConfigMap ${CLIENT_CONFIG}, key ${key}` };
  };
  const annotation = (key: string): Sourced<string> | undefined => {
    const value = account[key];
    return value === undefined ? undefined : { value, source: `ServiceAccount ${serviceAccount}, annotation ${key}` };
  };

  const identity = annotations?.[IDENTITY_ANNOTATION];
  const agentAppId =
    problems.guid(
      identity === undefined
        ? undefined
        : { value: identity, source: `Deployment ${name}, annotation ${IDENTITY_ANNOTATION}` },
    ) ?? problems.guid(inPod('AGENT_IDENTITY_APP_ID'));
  const announced = problems.guid(annotation(BLUEPRINT_ANNOTATION));
  const configured = problems.guid(own.setting('AzureAd__ClientId'));
  if (announced && configured && announced.value.toLowerCase() !== configured.value.toLowerCase())
    problems.add('discovery.blueprintMismatch', {
      deployment: name,
      serviceAccount,
      annotation: announced.value,
      sidecar: configured.value,
    });
  const blueprintAppId = announced ?? configured ?? problems.guid(inPod('BLUEPRINT_APP_ID'));
  const tenantId =
    problems.guid(own.setting('AzureAd__TenantId')) ??
    problems.guid(annotation(TENANT_ANNOTATION)) ??
    problems.guid(inPod('TENANT_ID'));

  return {
    deployment: name,
    namespace,
    serviceAccount,
    selector: podLabels(deployment),
    sidecarPort: sidecarPort(sidecar, own),
    sidecar: {
      name: sidecar.name,
      image: sidecar.image ?? '',
      ...definedOnly({
        overrides: problems.shaped(own.setting('Sidecar__AllowOverrides__GetAuthorizationHeader'), 'name'),
        credential: problems.shaped(own.setting('AzureAd__ClientCredentials__0__SourceType'), 'name'),
        tokenFile: problems.shaped(own.setting('AzureAd__ClientCredentials__0__SignedAssertionFileDiskPath'), 'path'),
        environment: problems.shaped(own.setting('ASPNETCORE_ENVIRONMENT'), 'name'),
      }),
      variables: own.names().toSorted(),
    },
    ...(agentAppId ? { agentAppId } : {}),
    ...(blueprintAppId ? { blueprintAppId } : {}),
    ...(tenantId ? { tenantId } : {}),
    apis: downstreamApis(own, problems),
    client: definedOnly({
      llmDeployment: problems.shaped(inPod('AZURE_OPENAI_DEPLOYMENT') ?? first(inClient('LLM_DEPLOYMENTS')), 'name'),
      llmApiVersion: problems.shaped(inPod('AZURE_OPENAI_API_VERSION') ?? inClient('LLM_API_VERSION'), 'name'),
      scopeName: problems.shaped(inClient('BLUEPRINT_SCOPE'), 'name'),
      llmApi: problems.shaped(inPod('SIDECAR_OPENAI_API_NAME') ?? inClient('SIDECAR_LLM_API'), 'name'),
      mcpApi: problems.shaped(inPod('SIDECAR_MCP_API_NAME') ?? inClient('SIDECAR_MCP_API'), 'name'),
      llmPath: problems.shaped(
        pathOnGateway(inPod('AZURE_OPENAI_ENDPOINT'), gateway) ?? inClient('GATEWAY_LLM_PATH'),
        'path',
      ),
      systemPrompt: problems.shaped(inClient('SYSTEM_PROMPT'), 'prompt'),
    }),
    problems: problems.list,
  };
}

function podLabels(deployment: Deployment): Record<string, string> {
  const { selector, template } = deployment.spec;
  const own = selector.matchLabels ?? {};
  return Object.keys(own).length > 0 ? own : (template.metadata?.labels ?? {}); // a selector may consist of expressions alone
}

/** What ASP.NET Core is told to listen on counts; a container's ports are only a note. */
function sidecarPort(sidecar: Container, environment: PodEnvironment): number {
  const urls = environment.setting('Kestrel__Endpoints__Http__Url') ?? environment.setting('ASPNETCORE_URLS');
  const ports = environment.setting('ASPNETCORE_HTTP_PORTS');
  const told = /http:\/\/[^;:]*:(\d{1,5})/.exec(urls?.value ?? '')?.[1] ?? /^\d{1,5}/.exec(ports?.value ?? '')?.[0];
  if (told && Number(told) > 0 && Number(told) <= 65535) return Number(told);
  const noted = sidecar.ports?.find(({ name }) => name === 'http') ?? sidecar.ports?.[0];
  return noted?.containerPort ?? DEFAULT_SIDECAR_PORT;
}

/** `DownstreamApis__<name>__Scopes__<index>`: the index is part of the key (Microsoft.Identity.Web binds an array). */
function downstreamApis(environment: PodEnvironment, problems: Problems): DiscoveredAgent['apis'] {
  const apis = new Map<string, { name: string; scopes: string[]; source: string }>();
  for (const variable of environment.names().toSorted()) {
    const match = /^DownstreamApis__(?<name>.+?)__(?<rest>.+)$/i.exec(variable)?.groups;
    const found = environment.get(variable);
    if (!match?.['name'] || !found) continue;
    const { name, rest = '' } = match;
    if (!SHAPES.name.test(name)) {
      problems.add('discovery.invalidValue', { value: name.slice(0, 80), source: found.source });
      continue;
    }
    const source = found.source.replace(/, (key|variable) .*$/, '');
    const api = apis.get(name.toLowerCase()) ?? { name, scopes: [], source };
    apis.set(name.toLowerCase(), api);
    if (/^Scopes__\d+$/i.test(rest)) api.scopes.push(found.value.trim());
  }
  return [...apis.values()].map(api => {
    const audience = /^(?<resource>\w+:\/\/.+)\/[^/]+$/.exec(api.scopes[0] ?? '')?.groups?.['resource'];
    return { ...api, ...(audience ? { audience } : {}) };
  });
}

/** The first of a list with commas. */
function first(found: Sourced<string> | undefined): Sourced<string> | undefined {
  return found && { ...found, value: found.value.split(',')[0] ?? '' };
}

/** The path of an in-cluster URL such as `http://agentgateway.entra-demo:3000/llm`, if its host is the gateway. */
function pathOnGateway(
  endpoint: Sourced<string> | undefined,
  gateway: DiscoveredGateway | undefined,
): Sourced<string> | undefined {
  if (!endpoint || !gateway || !URL.canParse(endpoint.value)) return undefined;
  const url = new URL(endpoint.value);
  return url.hostname.split('.')[0] === gateway.service ? { value: url.pathname, source: endpoint.source } : undefined;
}

function definedOnly<T extends Record<string, unknown>>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
