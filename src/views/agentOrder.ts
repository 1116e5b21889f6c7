import type { DiscoveredAgent, Discovery } from '../cluster/discovery.ts';

/** An agent of the list, and whether the gateway's rules refuse it every tool as far as can be told without a token. */
export interface ListedAgent {
  agent: DiscoveredAgent;
  refused: boolean;
}

/** Agents as they are offered: the one used last, then those that the gateway's rules let in; each group by name. */
export function agentOrder(
  { agents, gateway }: Discovery,
  last: string | undefined,
  refuses: (gatewayFile: string, agentAppId: string) => boolean,
): ListedAgent[] {
  const file = gateway?.configText?.value;
  const listed = agents.map(agent => {
    const id = agent.agentAppId?.value;
    return { agent, refused: file !== undefined && id !== undefined && refuses(file, id) };
  });
  const rank = ({ agent, refused }: ListedAgent) => (agent.deployment === last ? 0 : refused ? 2 : 1);
  return listed.toSorted((a, b) => rank(a) - rank(b)); // stable: discovery sorts by name
}
