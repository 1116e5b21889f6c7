import { AgentIdError } from '../base/errors.ts';
import { mcpRoutes, parseGatewayConfig } from './config.ts';
import { explainDenial } from './policy.ts';

/** What a cluster says of an agent before there is a token. */
export interface KnownAgent {
  agentAppId: string;
  blueprintAppId: string | undefined;
  tenantId: string | undefined;
}

/**
 * Whether the rules of the gateway's file refuse every tool to this agent because of who it is: its own id, its blueprint
 * or its tenant. There is no token yet, so nothing else of it is judged: true is a hint for a list, never a verdict. False
 * for a file that can't be read.
 *
 * Loads the CEL engine: import this module with `import()`.
 */
export function refusesAgent(gatewayFile: string, { agentAppId, blueprintAppId, tenantId }: KnownAgent): boolean {
  const known = {
    appid: agentAppId, // v1 tokens
    azp: agentAppId, // v2 tokens
    ...(blueprintAppId && { xms_par_app_azp: blueprintAppId }),
    ...(tenantId && { tid: tenantId }),
  };
  const claims = { ...known, xms_act_fct: '11' }; // facet 11: an agent identity acts
  try {
    const routes = mcpRoutes(parseGatewayConfig(gatewayFile));
    return (
      routes.length > 0 &&
      routes.every(route => {
        const denial = explainDenial(route, claims);
        return denial?.outcome === 'denied' && denial.claims.some(({ name }) => Object.hasOwn(known, name));
      })
    );
  } catch (error) {
    if (AgentIdError.is(error)) return false;
    throw error;
  }
}
