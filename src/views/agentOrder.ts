import type { DiscoveredAgent, Discovery } from '../cluster/discovery.ts';
import type { KnownAgent } from '../gateway/agentVerdict.ts';

/** An agent of the list, and whether the gateway's rules refuse it every tool as far as can be told without a token. */
export interface ListedAgent {
  agent: DiscoveredAgent;
  refused: boolean;
}

/** Agents as they are offered: the one used last, then those that the gateway's rules let in; each group by name. */
export function agentOrder(
  { agents, gateway }: Discovery,
  last: string | undefined,
  refuses: (gatewayFile: string, agent: KnownAgent) => boolean,
): ListedAgent[] {
  const file = gateway?.configText?.value;
  const listed = agents.map(agent => {
    const agentAppId = agent.agentAppId?.value;
    const known = { blueprintAppId: agent.blueprintAppId?.value, tenantId: agent.tenantId?.value };
    return {
      agent,
      refused: file !== undefined && agentAppId !== undefined && refuses(file, { agentAppId, ...known }),
    };
  });
  const rank = ({ agent, refused }: ListedAgent) => (agent.deployment === last ? 0 : refused ? 2 : 1);
  return listed.toSorted((a, b) => rank(a) - rank(b)); // stable: discovery sorts by name
}
