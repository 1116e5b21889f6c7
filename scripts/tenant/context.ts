import type { Azure } from './azure.ts';
import type { Directory } from './directory.ts';
import { NotYet, TenantError } from './errors.ts';
import type { Graph } from './graph.ts';
import { agentVariable, type Options } from './options.ts';
import { MARK } from './requests.ts';
import { GUID, type Agent, type Application } from './schemas.ts';
import type { World } from './world.ts';

/** The applications that the script makes: where the .env keeps the id, and what comes behind the name. */
export const APPLICATIONS = {
  blueprint: { variable: 'BLUEPRINT_APP_ID', suffix: 'blueprint', called: 'the blueprint' },
  mcp: { variable: 'MCP_APP_ID', suffix: 'MCP servers', called: 'the application of the MCP servers' },
  client: { variable: 'CLIENT_APP_ID', suffix: 'for VS Code', called: 'the sign-in client' },
} as const;
export type Kind = keyof typeof APPLICATIONS;

export const displayName = (options: Options, kind: Kind) => `${options.name} ${APPLICATIONS[kind].suffix}`;
export const agentDisplayName = (options: Options, agent: string) => `${options.name} ${agent} agent`;

/** One run of a command against one tenant. */
export interface Context {
  readonly world: World;
  readonly options: Options;
  readonly tenantId: string;
  /** Object id of the person who signed in. */
  readonly me: string;
  readonly graph: Graph;
  readonly directory: Directory;
  /** Absent where no Azure OpenAI resource is known. */
  readonly azure: Azure | undefined;
  /** What was made in this run, by variable of the .env: it is waited for, and not made again. */
  readonly made: Set<string>;
}

/** An id of the .env, in lower case. Throws `TenantError` for one that is no GUID. */
export function idOf({ env }: Options, variable: string): string | undefined {
  const id = env.get(variable);
  if (id === undefined || GUID.test(id)) return id?.toLowerCase();
  // not the value: it may be a secret in the wrong line
  throw new TenantError(`${variable} in ${env.path} is no GUID.`, 'Correct or empty that line.');
}

/** By the id of the .env, else by name and mark. Only `check` looks at what this script did not make. */
export async function findApplication(context: Context, kind: Kind): Promise<Application | undefined> {
  const { options, directory, world } = context;
  const { variable } = APPLICATIONS[kind];
  const id = idOf(options, variable);
  const app = id === undefined ? undefined : await directory.application(id, world.signal);
  if (app && !app.tags.includes(MARK) && options.command === 'setup')
    throw new TenantError(
      `${variable} in ${options.env.path} is "${app.displayName}", which this script did not make; it changes no other.`,
      'Empty that line to get a new one, or complete yours by hand: npm run tenant -- print.',
    );
  if (app || context.made.has(variable)) return app;
  const found = await directory.markedApplication(displayName(options, kind), kind === 'blueprint', world.signal);
  if (found && options.command === 'setup') options.env.set(variable, found.appId);
  return found;
}

export async function mustFind(context: Context, kind: Kind): Promise<Application> {
  const app = await findApplication(context, kind);
  if (!app) throw new NotYet(APPLICATIONS[kind].called);
  return app;
}

/** An agent identity. Its `id` in the directory is its app id as well. */
export async function findAgent(context: Context, agent: string, blueprintAppId: string): Promise<Agent | undefined> {
  const { options, directory, world } = context;
  const variable = agentVariable(agent);
  const id = idOf(options, variable);
  const held = id === undefined ? undefined : await directory.agent(id, world.signal);
  if (held && held.agentIdentityBlueprintId !== blueprintAppId)
    throw new TenantError(
      `${variable} in ${options.env.path} belongs to another blueprint (${held.agentIdentityBlueprintId}).`,
      'Empty that line, or correct BLUEPRINT_APP_ID.',
    );
  if (held || context.made.has(variable)) return held;
  const found = await directory.namedAgent(agentDisplayName(options, agent), blueprintAppId, world.signal);
  if (found && options.command === 'setup') options.env.set(variable, found.id);
  return found;
}
