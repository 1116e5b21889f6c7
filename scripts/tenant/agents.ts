import { findAgent, findApplication, agentDisplayName, mustFind, type Context } from './context.ts';
import { explained, mayBeReplication, ServiceFailure } from './errors.ts';
import { Graph, parse } from './graph.ts';
import { missing, OK, type Item } from './item.ts';
import { agentVariable } from './options.ts';
import { createAgent } from './requests.ts';
import { Agent } from './schemas.ts';
import { withBlueprintToken } from './temporarySecret.ts';

const PAUSES_S = [5, 10, 15, 20, 30, 30];

/**
 * The agent identities. Since April 2026 Graph's reference says that a person may create them with AgentIdentity.Create.All
 * (agentidentity-post-permissions.md of microsoft-graph-docs-contrib), and then no credential is needed at all. Where
 * Graph refuses that, the blueprint itself does it, which takes a temporary secret.
 */
export function agents(context: Context): Item {
  const { options } = context;
  const lacking = async (blueprintAppId: string) => {
    const found = await Promise.all(options.agents.map(agent => findAgent(context, agent, blueprintAppId)));
    return options.agents.filter((_, index) => found[index] === undefined);
  };
  return {
    title: `Agent identities ${options.agents.join(', ')}`,
    anchor: 'agent-identities',
    remembered: () => options.agents.some(agent => options.env.get(agentVariable(agent)) !== undefined),
    async look() {
      const blueprint = await findApplication(context, 'blueprint');
      if (!blueprint) return missing('they need the blueprint');
      const names = await lacking(blueprint.appId);
      return names.length === 0 ? OK : missing(`there is no ${names.join(', ')}`);
    },
    async make() {
      const blueprint = await mustFind(context, 'blueprint');
      const refused: string[] = [];
      for (const agent of await lacking(blueprint.appId))
        if (!(await create(context, context.graph, agent, blueprint.appId))) refused.push(agent);
      if (refused.length === 0) return;
      await withBlueprintToken(context.world, { ...context, blueprint }, async token => {
        const graph = new Graph(context.world, token);
        for (const agent of refused) await createPatiently(context, graph, agent, blueprint.appId);
      });
    },
  };
}

/** False when Graph wants the blueprint to do it. Nothing is made twice in one run. */
async function create(context: Context, graph: Graph, agent: string, blueprintAppId: string): Promise<boolean> {
  const { options, world, made } = context;
  const variable = agentVariable(agent);
  if (made.has(variable)) return true;
  const request = createAgent(agentDisplayName(options, agent), blueprintAppId, options.sponsor ?? context.me);
  try {
    const { id } = parse(Agent, await graph.send(request, world.signal), request.path);
    made.add(variable);
    options.env.set(variable, id);
    return true;
  } catch (error) {
    // docs/agent-id/error-codes.md: Error_AgentIdentitySelfCreateRequired and its relatives
    if (!(error instanceof ServiceFailure) || (error.status !== 403 && !error.code.startsWith('Error_Agent')))
      throw error;
    if (graph !== context.graph) throw error;
    return false;
  }
}

/** The blueprint's right to create comes with its principal, and takes as long to arrive everywhere. */
async function createPatiently(context: Context, graph: Graph, agent: string, blueprintAppId: string): Promise<void> {
  for (const pause of [...PAUSES_S, undefined]) {
    try {
      await create(context, graph, agent, blueprintAppId);
      return;
    } catch (error) {
      const early = error instanceof ServiceFailure && error.status === 403;
      // told in words: to the caller a refusal would be one more reason to begin again, with a new secret
      if (pause === undefined || !(early || mayBeReplication(error))) throw explained(error, `Agent identity ${agent}`);
      await context.world.sleep(pause * 1000, context.world.signal);
    }
  }
}
