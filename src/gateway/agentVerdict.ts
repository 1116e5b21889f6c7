import { AgentIdError } from '../base/errors.ts';
import { mcpRoutes, parseGatewayConfig } from './config.ts';
import { explainDenial } from './policy.ts';

/** The claims by which a gateway tells agents apart (v1 and v2 tokens), and how a rule names them. */
const AGENT_CLAIMS = ['appid', 'azp'];

/**
 * Whether the rules of the gateway's file refuse every tool to this agent because of who it is. There is no token yet, so
 * nothing else of it is judged: true is a hint for a list, never a verdict. False for a file that can't be read.
 *
 * Loads the CEL engine: import this module with `import()`.
 */
export function refusesAgent(gatewayFile: string, agentAppId: string): boolean {
  const claims = { appid: agentAppId, azp: agentAppId, xms_act_fct: '11' }; // facet 11: an agent identity acts
  try {
    const routes = mcpRoutes(parseGatewayConfig(gatewayFile));
    return (
      routes.length > 0 &&
      routes.every(route => {
        const denial = explainDenial(route, claims);
        return denial?.outcome === 'denied' && denial.claims.some(({ name }) => AGENT_CLAIMS.includes(name));
      })
    );
  } catch (error) {
    if (AgentIdError.is(error)) return false;
    throw error;
  }
}
