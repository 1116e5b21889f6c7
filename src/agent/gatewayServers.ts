import type { Disposable } from '../base/disposable.ts';
import { AgentIdError } from '../base/errors.ts';
import type { DiscoveredAgent, DiscoveredGateway } from '../cluster/discovery.ts';
import type { Tunnel } from '../cluster/tunnel.ts';
import type { McpServers, ServerSpec } from '../mcp/registry.ts';
import type { TokenSource } from '../mcp/types.ts';
import type { Configuration } from './configuration.ts';

/** Id of the server that a route of the gateway is. */
export const gatewayServerId = (path: string): string => `gateway:${path}`;

export interface GatewayServersDeps {
  servers: McpServers;
  configuration: Configuration;
  agent: DiscoveredAgent;
  gateway: DiscoveredGateway | undefined;
  tunnel: Tunnel | undefined;
  /** The agent's token for MCP, which each request asks for itself. */
  token: TokenSource;
}

/** The gateway's part of the window's list of servers. A connection that has ended has no part in it. */
export class GatewayServers implements Disposable {
  readonly #deps: GatewayServersDeps;
  #disposed = false;

  constructor(deps: GatewayServersDeps) {
    this.#deps = deps;
  }

  /**
   * Puts the gateway's routes into the list and connects them; how many tools they offer. With `keep`, servers that work
   * stay as they are, with the calls that run on them. Throws `agent.noGateway`, what is wrong with the gateway's file,
   * and what the first server failed with.
   */
  async connect(keep: boolean, signal: AbortSignal): Promise<number> {
    const { servers, configuration, gateway, tunnel, token, agent } = this.#deps;
    if (!tunnel || !gateway) throw new AgentIdError('agent.noGateway', { namespace: agent.namespace });
    if (configuration.routesProblem) throw configuration.routesProblem;
    const specs = configuration.routes.map((route): ServerSpec => ({
      id: gatewayServerId(route.path),
      label: configuration.routes.length === 1 ? 'AgentGateway' : `AgentGateway ${route.path}`,
      kind: 'gateway',
      url: `${tunnel.origin}${route.path}`,
      targets: route.targets,
    }));
    const mine = () => servers.list().filter(server => server.spec.kind === 'gateway');
    if (keep && specs.every(({ id }) => mine().some(({ spec }) => spec.id === id))) {
      const failed = mine().filter(({ state }) => state.kind === 'failed');
      await Promise.all(failed.map(({ spec }) => servers.refresh(spec.id)));
    } else {
      servers.setGateway(specs, { fetch: tunnel.fetch, token });
      await servers.refreshGateway(signal);
    }
    for (const server of mine()) if (server.state.kind === 'failed') throw server.state.error;
    return mine().reduce((sum, server) => sum + (server.state.kind === 'ready' ? server.state.tools.length : 0), 0);
  }

  /** Takes them out of the list; with a reason, the gateway stands there with it. */
  clear(reason?: AgentIdError): void {
    if (!this.#disposed) this.#deps.servers.setGateway(reason ? { unavailable: reason } : []);
  }

  dispose(): void {
    this.#disposed = true;
  }
}
