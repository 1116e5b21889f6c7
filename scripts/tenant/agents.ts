import { agentDisplayName, APPLICATIONS, findAgent, findApplication, mustFind, type Context } from './context.ts';
import { explained, mayBeReplication, ServiceFailure } from './errors.ts';
import { Graph, parse } from './graph.ts';
import { different, missing, OK, switchedOff, type Item } from './item.ts';
import { agentVariable } from './options.ts';
import { createAgent } from './requests.ts';
import { Agent } from './schemas.ts';
import { withBlueprintToken } from './temporarySecret.ts';

const PAUSES_S = [5, 10, 15, 20, 30, 30];
const OWNER_PAUSES_S = [5, 10];

/**
 * The agent identities. Since April 2026 Graph's reference says that a person may create them with AgentIdentity.Create.All
 * (agentidentity-post-permissions.md of microsoft-graph-docs-contrib), and then no credential is needed at all. Where
 * Graph refuses that, the blueprint itself does it, which takes a temporary secret.
 */
export function agents(context: Context): Item {
  const { options } = context;
  const survey = async (blueprintAppId: string) => {
    const found = await Promise.all(options.agents.map(agent => findAgent(context, agent, blueprintAppId)));
    return {
      lacking: options.agents.filter((_, index) => found[index] === undefined),
      off: options.agents.filter((_, index) => found[index]?.accountEnabled === false),
    };
  };
  return {
    title: `Agent identities ${options.agents.join(', ')}`,
    anchor: 'agent-identities',
    remembered: () => options.agents.some(agent => options.env.get(agentVariable(agent)) !== undefined),
    async look() {
      const blueprint = await findApplication(context, 'blueprint');
      if (!blueprint) return missing('they need the blueprint');
      const { lacking, off } = await survey(blueprint.appId);
      if (lacking.length > 0) return missing(`there is no ${lacking.join(', ')}`);
      return off.length === 0 ? OK : different(`disabled, so without tokens: ${off.join(', ')}`);
    },
    async make() {
      const blueprint = await mustFind(context, 'blueprint');
      const { lacking, off } = await survey(blueprint.appId);
      const refused: string[] = [];
      for (const agent of lacking) if (!(await createAsPerson(context, agent, blueprint.appId))) refused.push(agent);
      if (refused.length > 0)
        await withBlueprintToken(context.world, { ...context, blueprint }, async token => {
          for (const agent of refused) await createAsBlueprint(context, token, agent, blueprint.appId);
        });
      if (off.length > 0) throw switchedOff(`Agent identity ${off.join(', ')}`);
    },
  };
}

/** Nothing is made twice in one run. Throws `ServiceFailure`. */
async function create(context: Context, graph: Graph, agent: string, blueprintAppId: string): Promise<void> {
  const { options, world, made } = context;
  const variable = agentVariable(agent);
  if (made.has(variable)) return;
  const request = createAgent(agentDisplayName(options, agent), blueprintAppId, options.sponsor ?? context.me);
  const { id } = parse(Agent, await graph.send(request, world.signal), request.path);
  made.add(variable);
  options.env.set(variable, id);
}

/**
 * False when Graph wants the blueprint to do it. A person who has just made the blueprint may be refused for as long as
 * the directory does not know them as its owner, so a refusal is asked about again before a secret is made for it.
 */
async function createAsPerson(context: Context, agent: string, blueprintAppId: string): Promise<boolean> {
  const fresh = context.made.has(APPLICATIONS.blueprint.variable);
  for (const pause of [...(fresh ? OWNER_PAUSES_S : []), undefined]) {
    try {
      await create(context, context.graph, agent, blueprintAppId);
      return true;
    } catch (error) {
      if (!(error instanceof ServiceFailure)) throw error;
      // docs/agent-id/error-codes.md: Error_AgentIdentitySelfCreateRequired and its relatives
      if (error.code.startsWith('Error_Agent')) return false;
      if (error.status !== 403) throw error;
      if (pause === undefined) return false;
      await context.world.sleep(pause * 1000, context.world.signal);
    }
  }
  return false;
}

/**
 * The blueprint's right to create comes with its principal, and takes as long to arrive everywhere. Each try has a token
 * of its own: one that Entra made before it knew the principal names no object, and Graph answers 401
 * Authorization_IdentityNotFound to it for as long as it lives.
 */
async function createAsBlueprint(
  context: Context,
  token: () => Promise<string>,
  agent: string,
  blueprintAppId: string,
): Promise<void> {
  for (const pause of [...PAUSES_S, undefined]) {
    try {
      await create(context, new Graph(context.world, await token()), agent, blueprintAppId);
      return;
    } catch (error) {
      const early =
        error instanceof ServiceFailure && (error.status === 403 || error.code === 'Authorization_IdentityNotFound');
      // told in words: to the caller a refusal would be one more reason to begin again, with a new secret
      if (pause === undefined || !(early || mayBeReplication(error))) throw explained(error, `Agent identity ${agent}`);
      await context.world.sleep(pause * 1000, context.world.signal);
    }
  }
}
