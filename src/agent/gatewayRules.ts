import type { Clock } from '../base/clock.ts';
import type { McpRoute } from '../gateway/config.ts';
import { explainDenial, hiddenTools, type DenialReason, type HiddenTool } from '../gateway/policy.ts';
import { preflight, type PreflightOptions, type RouteVerdict } from '../gateway/preflight.ts';
import type { PresentedToken } from '../gateway/tokenCheck.ts';
import type { TokenBroker } from '../identity/broker.ts';
import { timeOf, type TokenClaims } from '../identity/claims.ts';
import type { SigningKeys } from '../identity/signingKeys.ts';
import { targetOf } from '../mcp/names.ts';
import type { McpServers } from '../mcp/registry.ts';
import type { Configuration } from './configuration.ts';
import { gatewayServerId } from './gatewayServers.ts';

export interface GatewayRulesDeps {
  configuration: Configuration;
  broker: Pick<TokenBroker, 'peek'>;
  servers: Pick<McpServers, 'list'>;
  signingKeys: Pick<SigningKeys, 'idsAt'>;
  clock: Clock;
}

/** The gateway's file, put to the tokens and the tools that a connection holds. It asks nobody for anything. */
export class GatewayRules {
  readonly #deps: GatewayRulesDeps;

  constructor(deps: GatewayRulesDeps) {
    this.#deps = deps;
  }

  /**
   * Why the gateway's own rules refuse a tool of one of its servers (by the name that its target gives it) to our token;
   * without a tool, why they refuse every one. Undefined when they do not, or when there is no token to judge by.
   */
  explainDenial(serverId: string, tool?: { name: string; target: string }): DenialReason | undefined {
    const judged = this.#judged(serverId);
    return judged && explainDenial(judged.route, judged.claims, tool);
  }

  /** The tools of a gateway server that its rules name and refuse to our token: the gateway never says what it hides. */
  hiddenTools(serverId: string): HiddenTool[] {
    const judged = this.#judged(serverId);
    return judged ? hiddenTools(judged.route, judged.claims) : [];
  }

  /**
   * Whether the gateway would let a token in: on the model's path, or on each MCP path, with the tools that it lists there
   * for the agent. Empty where the gateway's file could not be read.
   */
  preflight(api: 'llm' | 'mcp', token: PresentedToken): RouteVerdict[] {
    const { gatewayFile, llmPath, llmDeployment, routes } = this.#deps.configuration;
    if (!gatewayFile) return [];
    const now = this.#deps.clock.now();
    const keys = this.#keysFor(token);
    if (api === 'mcp')
      return routes.map(route => preflight(gatewayFile, route, token, now, { keys, tools: this.#listedTools(route) }));
    const path = `${llmPath.value}/openai/deployments/${llmDeployment.value}/chat/completions`;
    return [preflight(gatewayFile, { path }, token, now, { keys })];
  }

  /** Where the gateway gets its keys from the tenant, as `k8s/base` has it, they are the ones that we have seen. */
  #keysFor({ header, claims }: PresentedToken): NonNullable<PreflightOptions['keys']> {
    const { signingKeys } = this.#deps;
    return source =>
      source.kind === 'url' ? signingKeys.idsAt(source.location, header['kid'], timeOf(claims.iat)) : undefined;
  }

  #listedTools({ path, targets }: McpRoute): { name: string; target: string }[] {
    const server = this.#deps.servers.list().find(({ spec }) => spec.id === gatewayServerId(path));
    if (server?.state.kind !== 'ready') return [];
    return server.state.tools.flatMap(({ name }) => {
      const { target, ownName } = targetOf(name, targets);
      return target === undefined ? [] : [{ name: ownName, target }];
    });
  }

  /** A gateway server's route, and the claims that its rules judge. */
  #judged(serverId: string): { route: McpRoute; claims: TokenClaims } | undefined {
    const { configuration, broker } = this.#deps;
    const route = configuration.routes.find(candidate => gatewayServerId(candidate.path) === serverId);
    const token = broker.peek(configuration.mcpApi.value);
    return route && token && { route, claims: token.claims };
  }
}
