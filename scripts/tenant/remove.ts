import { assignmentOf, type Assignee } from './azure.ts';
import {
  agentDisplayName,
  APPLICATIONS,
  displayName,
  findAgent,
  findApplication,
  type Context,
  type Kind,
} from './context.ts';
import { explained, ServiceFailure, TenantError } from './errors.ts';
import { users } from './items.ts';
import { agentVariable } from './options.ts';
import { deleteAgent, deleteApplication, MARK } from './requests.ts';

interface Doomed {
  readonly title: string;
  readonly variable?: string;
  delete(): Promise<unknown>;
  /** True while it still shows. */
  shows(): Promise<boolean>;
}

const LOOKS_S = [0, 1, 2, 4, 8, 15, 30];

/**
 * Deletes what setup made, after a question: applications that carry its mark, agent identities of its blueprint that
 * the .env or --agent names, role assignments by the name that only it gives. Agent identities go before their
 * blueprint: without it they would stay behind (concept-agent-identity-deletion.md of MicrosoftDocs/entra-docs).
 */
export async function remove(context: Context): Promise<void> {
  const { world, options } = context;
  const doomed = await list(context);
  if (doomed.length === 0) {
    world.say('There is nothing of this script in the tenant.');
    return;
  }
  world.say('This will be deleted:');
  for (const { title } of doomed) world.say(`  ${title}`);
  if (!options.yes) {
    const answer = await world.ask('Delete it? [y/N] ');
    if (answer === undefined)
      throw new TenantError('Nobody is there to answer, so nothing was deleted.', 'Add --yes if you mean it.');
    if (!/^y(es)?$/i.test(answer.trim())) throw new TenantError('Nothing was deleted.', 'Answer y to delete.');
  }
  for (const one of doomed) {
    await removeOne(context, one);
    if (one.variable !== undefined) options.env.set(one.variable, '');
    world.say(`deleted  ${one.title}`);
  }
  world.say(
    'Applications and agent identities stay in the recycle bin for 30 days, and count for the quota until then.',
  );
  world.say(
    'Consents and the federated credential went with them. Microsoft Cognitive Services stays in the tenant: others may use it.',
  );
}

async function list(context: Context): Promise<Doomed[]> {
  const { world, directory, options } = context;
  const [blueprint, mcp, client] = await Promise.all([
    marked(context, 'blueprint'),
    marked(context, 'mcp'),
    marked(context, 'client'),
  ]);
  const doomed: Doomed[] = [];
  const agents: Doomed[] = [];
  for (const agent of blueprint ? options.agents : []) {
    const id = blueprint && (await findAgent(context, agent, blueprint.appId))?.id;
    if (id === undefined) continue;
    doomed.push(...(await assignment(context, agent, { principalId: id, principalType: 'ServicePrincipal' })));
    agents.push({
      title: `agent identity "${agentDisplayName(options, agent)}" (${id})`,
      variable: agentVariable(agent),
      delete: () => context.graph.send(deleteAgent(id), world.signal),
      shows: async () => (await directory.agent(id, world.signal)) !== undefined,
    });
  }
  for (const user of users(context))
    doomed.push(...(await assignment(context, `user ${user}`, { principalId: user, principalType: 'User' })));
  if (blueprint) {
    const others = (await directory.agentsOf(blueprint.appId, world.signal)).length - agents.length;
    if (others > 0)
      throw new TenantError(
        `The blueprint has ${others} agent identities that this run was not told of, and without it they could not work.`,
        'Name them with --agent, or delete them first; nothing was deleted.',
      );
  }
  return [...doomed, ...agents, ...[client, mcp, blueprint].filter(app => app !== undefined)];
}

async function marked(context: Context, kind: Kind): Promise<(Doomed & { appId: string }) | undefined> {
  const { directory, graph, options, world } = context;
  const app = await findApplication(context, kind);
  if (app && !app.tags.includes(MARK)) {
    world.say(`"${app.displayName}" (${app.appId}) was not made by this script, so it stays.`);
    return undefined;
  }
  return (
    app && {
      appId: app.appId,
      title: `application "${displayName(options, kind)}" (${app.appId})`,
      variable: APPLICATIONS[kind].variable,
      delete: () => graph.send(deleteApplication(app.id, kind === 'blueprint'), world.signal),
      shows: async () => (await directory.application(app.appId, world.signal)) !== undefined,
    }
  );
}

/** The role assignment that setup made for somebody; others that give the same role are not touched. */
async function assignment({ azure, options, world }: Context, who: string, to: Assignee): Promise<Doomed[]> {
  if (!azure || options.resource === undefined) return [];
  const { name } = assignmentOf(options.resource, to);
  const shows = async () => (await azure.assignments(to.principalId, world.signal)).includes(name);
  if (!(await shows())) return [];
  const title = `role Cognitive Services OpenAI User of ${who}`;
  return [{ title, delete: () => azure.unassign(to, world.signal), shows }];
}

async function removeOne({ world }: Context, { title, ...one }: Doomed): Promise<void> {
  try {
    await one.delete().catch((error: unknown) => {
      if (!(error instanceof ServiceFailure) || error.status !== 404) throw error;
    });
    for (const pause of LOOKS_S) {
      await world.sleep(pause * 1000, world.signal);
      if (!(await one.shows())) return;
    }
  } catch (error) {
    throw explained(error, `Deleting the ${title}`);
  }
  throw new TenantError(`The ${title} still shows after it was deleted.`, 'Run remove again in a few minutes.');
}
