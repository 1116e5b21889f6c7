import type { Tunnel } from '../cluster/tunnel.ts';
import type { McpServers, ServerSpec } from '../mcp/registry.ts';
import type { TokenSource } from '../mcp/types.ts';
import type { Configuration } from './configuration.ts';

/** Id of the server that a route of the gateway is. */
export const gatewayServerId = (path: string): string => `gateway:${path}`;

/**
 * Puts the gateway's routes into the list of servers and connects them; how many tools they offer. With `keep`, servers
 * that work stay as they are, with the calls that run on them: they ask for each request's token themselves. Throws what
 * the first server failed with.
 */
export async function connectGatewayServers(options: {
  servers: McpServers;
  configuration: Configuration;
  tunnel: Tunnel;
  token: TokenSource;
  keep: boolean;
  signal: AbortSignal;
}): Promise<number> {
  const { servers, configuration, tunnel, token, keep, signal } = options;
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
