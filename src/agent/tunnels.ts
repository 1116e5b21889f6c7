import type { Logger } from '../base/logger.ts';
import type { DiscoveredAgent, DiscoveredGateway } from '../cluster/discovery.ts';
import type { KubeApi } from '../cluster/kubeApi.ts';
import { openTunnel, type Tunnel } from '../cluster/tunnel.ts';

/** Tunnels at most: the sidecar answers in milliseconds; a route of the gateway holds one for its live stream, beside these. */
const SIDECAR_CONNECTIONS = 4;
const GATEWAY_CONNECTIONS = 8;

/** The way to the agent's sidecar, and to the gateway where there is one. */
export interface Tunnels {
  sidecar: Tunnel;
  gateway: Tunnel | undefined;
}

/** Opens them; each dials on first use. `routes`: how many MCP routes the gateway has. */
export async function openTunnels(options: {
  api: KubeApi;
  agent: DiscoveredAgent;
  gateway: DiscoveredGateway | undefined;
  routes: number;
  logger: Logger;
}): Promise<Tunnels> {
  const { api, agent, gateway, routes, logger } = options;
  const common = { api, logger };
  const sidecar = await openTunnel({
    ...common,
    name: 'sidecar',
    namespace: agent.namespace,
    selector: agent.selector,
    port: agent.sidecarPort,
    connections: SIDECAR_CONNECTIONS,
  });
  const through =
    gateway &&
    (await openTunnel({
      ...common,
      name: 'gateway',
      namespace: gateway.namespace,
      selector: gateway.selector,
      port: gateway.port,
      connections: GATEWAY_CONNECTIONS + routes,
    }));
  return { sidecar, gateway: through };
}
