import { AgentIdError } from '../base/errors.ts';
import type { DiscoveredAgent, DiscoveredGateway, Sourced } from '../cluster/discovery.ts';
import { mcpRoutes, parseGatewayConfig, type GatewayConfig, type McpRoute } from '../gateway/config.ts';
import { DEFAULT_SYSTEM_PROMPT } from './conversation.ts';

/** What the person decided: it is kept, so that the next start connects without a question. */
export interface ConnectionPlan {
  mode: 'connected' | 'sandbox';
  /** Kubeconfig file; absent = `KUBECONFIG` or `~/.kube/config`. */
  kubeconfig?: string;
  context: string;
  namespace: string;
  deployment: string;
  /** Set for a connection file or a sandbox, which bring their own authority; never restored from storage. */
  world?: {
    /** Origin of the authority. */
    authority: string;
    /** PEM file of the CA that the authority's certificate comes from; absent = one of Microsoft's authorities. */
    caFile?: string;
    /** False for a sandbox that ends with the window: its sign-in stays in memory. */
    keepSignIn: boolean;
  };
  /** Values that the cluster does not say and the person gave. */
  answers: { agentAppId?: string; tenantId?: string; blueprintAppId?: string };
}

/**
 * The values that settings give or override; undefined = not set. Authority and client never come from the cluster: it is
 * not the root of trust.
 */
export interface Overrides {
  /** Origin, e.g. `https://login.microsoftonline.com`. */
  authority: string;
  clientId: string;
  clientIdIsDefault: boolean;
  /** The editor's own proxy setting, for the API server. */
  proxy?: string;
  scopeName?: string;
  llmDeployment?: string;
  llmApiVersion?: string;
  systemPrompt?: string;
}

/** Everything that a connection needs, each value with where it came from. */
export interface Configuration {
  tenantId: Sourced<string>;
  authority: Sourced<string>;
  clientId: Sourced<string>;
  scope: Sourced<string>;
  blueprintAppId: Sourced<string>;
  agentAppId: Sourced<string>;
  serviceAccount: Sourced<string>;
  llmApi: Sourced<string>;
  mcpApi: Sourced<string>;
  /** Audiences that a token of a downstream API may have, by the API's name. */
  audiences: Record<string, string[]>;
  llmPath: Sourced<string>;
  llmDeployment: Sourced<string>;
  llmApiVersion: Sourced<string>;
  systemPrompt: Sourced<string>;
  /** The gateway's file, where there is one and it can be read. */
  gatewayFile?: GatewayConfig;
  routes: McpRoute[];
  routesSource: string;
  /** What is wrong with the gateway's file; then `routes` is only a guess. */
  routesProblem?: AgentIdError;
}

const DEFAULT = 'default';

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const SCOPE_NAME = /^[\w.-]{1,120}$/;

/** Which of the three identifiers the cluster leaves open (or gives in a form that is no GUID). */
export function missingAnswers(
  agent: DiscoveredAgent,
  answers: ConnectionPlan['answers'],
): (keyof ConnectionPlan['answers'])[] {
  const keys = ['agentAppId', 'tenantId', 'blueprintAppId'] as const;
  return keys.filter(key => !isGuid(agent[key]?.value) && !isGuid(answers[key]));
}

export function isGuid(value: string | undefined): boolean {
  return value !== undefined && GUID.test(value);
}

/**
 * Brings together what the cluster says, what the person answered and what settings override.
 * Throws `agent.missingValue` for an identifier that nobody gave and `agent.setting` for a scope name that is none. A
 * gateway file that can't be read stops nobody from signing in: it is kept as `routesProblem`.
 */
export function resolveConfiguration(
  agent: DiscoveredAgent,
  gateway: DiscoveredGateway | undefined,
  plan: ConnectionPlan,
  overrides: Overrides,
): Configuration {
  const identifier = (key: keyof ConnectionPlan['answers']): Sourced<string> => {
    const found = agent[key];
    if (found && isGuid(found.value)) return found;
    const answer = plan.answers[key];
    if (answer !== undefined && isGuid(answer)) return { value: answer, source: 'your answer' };
    throw new AgentIdError('agent.missingValue', { what: key, where: `Deployment ${agent.deployment}` });
  };
  const pick = (
    setting: string | undefined,
    settingName: string,
    found: Sourced<string> | undefined,
    fallback: string,
  ): Sourced<string> => {
    if (setting) return { value: setting, source: `setting ${settingName}` };
    return found ?? { value: fallback, source: DEFAULT };
  };

  const tenantId = identifier('tenantId');
  const blueprintAppId = identifier('blueprintAppId');
  const scopeName = pick(overrides.scopeName, 'agentId.scopeName', agent.client.scopeName, 'access_as_user');
  if (!SCOPE_NAME.test(scopeName.value)) {
    throw new AgentIdError('agent.setting', {
      setting: 'agentId.scopeName',
      problem: `"${scopeName.value}" is no scope name`,
    });
  }
  const { file, routes, problem } = routesOf(gateway);
  return {
    tenantId,
    blueprintAppId,
    agentAppId: identifier('agentAppId'),
    authority: {
      value: `${plan.world?.authority ?? overrides.authority}/${tenantId.value}`,
      source: worldSource(plan) ?? 'setting agentId.authority',
    },
    clientId: { value: overrides.clientId, source: overrides.clientIdIsDefault ? DEFAULT : 'setting agentId.clientId' },
    scope: { value: `api://${blueprintAppId.value}/${scopeName.value}`, source: scopeName.source },
    serviceAccount: { value: agent.serviceAccount, source: `Deployment ${agent.deployment}` },
    llmApi: apiName(agent, agent.client.llmApi ?? { value: 'openai', source: DEFAULT }),
    mcpApi: apiName(agent, agent.client.mcpApi ?? { value: 'mcp', source: DEFAULT }),
    audiences: Object.fromEntries(agent.apis.map(api => [api.name, api.audience ? [api.audience] : []])),
    llmPath: agent.client.llmPath ?? { value: '/llm', source: DEFAULT },
    llmDeployment: pick(overrides.llmDeployment, 'agentId.llmDeployment', agent.client.llmDeployment, 'gpt-4.1-mini'),
    llmApiVersion: pick(overrides.llmApiVersion, 'agentId.llmApiVersion', agent.client.llmApiVersion, '2024-10-21'),
    systemPrompt: pick(
      overrides.systemPrompt,
      'agentId.systemPrompt',
      agent.client.systemPrompt,
      DEFAULT_SYSTEM_PROMPT,
    ),
    ...(file && { gatewayFile: file }),
    routes: routes.length > 0 ? routes : [{ name: 'mcp', path: '/mcp', targets: [], rules: [], audiences: [] }],
    routesSource: routes.length > 0 ? (gateway?.configText?.source ?? DEFAULT) : DEFAULT,
    ...(problem && { routesProblem: problem }),
  };
}

/** Where the values come from that a connection file or a running sandbox gives; undefined when neither is there. */
export function worldSource({ world }: ConnectionPlan): string | undefined {
  return world && (world.keepSignIn ? 'connection file' : 'the sandbox');
}

function routesOf(gateway: DiscoveredGateway | undefined): {
  file?: GatewayConfig;
  routes: McpRoute[];
  problem?: AgentIdError;
} {
  if (!gateway?.configText) return { routes: [] };
  try {
    const file = parseGatewayConfig(gateway.configText.value);
    return { file, routes: mcpRoutes(file) };
  } catch (error) {
    if (!AgentIdError.is(error)) throw error;
    return { routes: [], problem: error };
  }
}

/** The API by the name that the sidecar's settings give it: .NET reads them without regard to case. */
function apiName(agent: DiscoveredAgent, wanted: Sourced<string>): Sourced<string> {
  const known = agent.apis.find(api => api.name.toLowerCase() === wanted.value.toLowerCase());
  return known ? { ...wanted, value: known.name } : wanted;
}
