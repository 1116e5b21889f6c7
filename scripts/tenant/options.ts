import path from 'node:path';
import { parseArgs } from 'node:util';
import * as v from 'valibot';
import { root } from '../host/paths.ts';
import { RESOURCE_ID } from './azure.ts';
import { EnvFile } from './envFile.ts';
import { TenantError } from './errors.ts';
import { guid } from './schemas.ts';
import { GRAPH_CLIENT, LOGIN } from './signIn.ts';

export const USAGE = `Usage: npm run tenant -- <command> [options]

  setup    make what is missing in the tenant, and write the .env that k8s/deploy.sh reads
  check    say of each item whether it is there; exit code 1 if one is not
  remove   delete what setup made
  print    write down, for an administrator, what setup would do; needs no sign-in

  --tenant ID            the Entra tenant (a GUID)
  --agent NAME           an agent identity; repeat it for several (default: research)
  --issuer URL           the cluster's issuer, for the federated credential
  --namespace NAME       the agents' namespace (default: agent-id)
  --openai-resource ID   Azure resource id of the Azure OpenAI account, for the role of agents and users
  --openai-user ID       object id of somebody who may use the model; repeat it (default: you)
  --sponsor ID           object id of the person who answers for the blueprint (default: you)
  --name TEXT            first words of every display name (default: Agent ID)
  --client-id ID         the public client to sign in with (default: Microsoft Graph Command Line Tools)
  --browser              sign in with a browser on this machine, where device codes are blocked
  --env FILE             the .env (default: k8s/.env); what it says need not be said again
  --yes                  remove does not ask

docs/setup-tenant.md explains each step, and how to do it by hand.`;

export const COMMANDS = ['setup', 'check', 'remove', 'print'] as const;
export type Command = (typeof COMMANDS)[number];

/** Everything that was said, on the command line or in the .env; the command line wins. */
export interface Options {
  readonly command: Command;
  readonly env: EnvFile;
  readonly tenantId: string | undefined;
  readonly name: string;
  /** Lower case, as in `research`: the .env calls its id RESEARCH_AGENT_APP_ID, k8s/base its file research-agent.yaml. */
  readonly agents: readonly string[];
  readonly issuer: string | undefined;
  readonly namespace: string;
  /** `system:serviceaccount:<namespace>:<name>`: who the pods are to the cluster. */
  readonly subject: string;
  readonly resource: string | undefined;
  readonly users: readonly string[];
  readonly sponsor: string | undefined;
  readonly clientId: string;
  readonly browser: boolean;
  readonly yes: boolean;
}

/** The ServiceAccount of k8s/base/service-account.yaml. */
const SERVICE_ACCOUNT = 'agent-blueprint';

const agentName = v.pipe(v.string(), v.regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/), v.maxLength(40));
const Values = v.object({
  tenantId: v.optional(guid),
  // goes into names that people read, and as it is into a line of the .env
  name: v.pipe(v.string(), v.regex(/^[\p{L}\p{N}][\p{L}\p{N} ._()-]{0,79}$/u)),
  agents: v.pipe(v.array(agentName), v.minLength(1)),
  // exact and case-sensitive: Entra compares it letter by letter with the `iss` of the pod's token
  issuer: v.optional(v.pipe(v.string(), v.regex(/^https:\/\/[^\s?#]+$/), v.maxLength(600))),
  namespace: v.pipe(v.string(), v.regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/)),
  resource: v.optional(v.pipe(v.string(), v.regex(RESOURCE_ID))),
  users: v.array(guid),
  sponsor: v.optional(guid),
  clientId: guid,
});

const SAID: Record<keyof v.InferOutput<typeof Values>, string> = {
  tenantId: '--tenant (TENANT_ID) is the GUID of a tenant',
  name: '--name has 1 to 80 letters, digits, spaces and . _ ( ) -',
  agents: '--agent is a name in lower case, such as research or two-words',
  issuer: '--issuer (CLUSTER_ISSUER) is an https address, exactly as the tokens of the cluster have it',
  namespace: '--namespace (NAMESPACE) is the name of a namespace',
  resource:
    '--openai-resource (AZURE_OPENAI_RESOURCE_ID) is /subscriptions/…/resourceGroups/…/providers/Microsoft.CognitiveServices/accounts/…',
  users: '--openai-user (OPENAI_USERS) is the object id of a person',
  sponsor: '--sponsor is the object id of a person',
  clientId: '--client-id is the application id of a public client',
};

export const agentVariable = (agent: string) => `${agent.toUpperCase().replaceAll('-', '_')}_AGENT_APP_ID`;
const agentOf = (variable: string) => variable.slice(0, -'_AGENT_APP_ID'.length).toLowerCase().replaceAll('_', '-');

/** Throws `TenantError` for what can't be meant; undefined when only the usage was asked for. */
export function readOptions(argv: readonly string[]): Options | undefined {
  const { values, positionals } = parse(argv);
  if (values.help || positionals.length === 0) return undefined;
  const command = COMMANDS.find(name => name === positionals[0]);
  if (!command || positionals.length > 1)
    throw new TenantError(`There is no command ${positionals.join(' ')}.`, `The commands are ${COMMANDS.join(', ')}.`);
  const file = values.env === undefined ? path.join(root, 'k8s', '.env') : path.resolve(values.env);
  const env = new EnvFile(file, path.join(root, 'k8s', 'env.example'));
  const listed = env.names().filter(name => /^[A-Z][A-Z0-9_]*_AGENT_APP_ID$/.test(name) && env.get(name) !== undefined);
  const agents = [...new Set([...listed.map(agentOf), ...(values.agent ?? [])])];
  const parsed = v.safeParse(Values, {
    tenantId: values.tenant ?? env.get('TENANT_ID'),
    name: values.name ?? env.get('ENTRA_NAME') ?? 'Agent ID',
    agents: agents.length > 0 ? agents : ['research'],
    issuer: values.issuer ?? env.get('CLUSTER_ISSUER'),
    namespace: values.namespace ?? env.get('NAMESPACE') ?? 'agent-id',
    resource: values['openai-resource'] ?? env.get('AZURE_OPENAI_RESOURCE_ID'),
    users: values['openai-user'] ?? env.get('OPENAI_USERS')?.split(/[\s,]+/) ?? [],
    sponsor: values.sponsor,
    clientId: values['client-id'] ?? GRAPH_CLIENT,
  });
  if (!parsed.success) {
    const field = parsed.issues[0].path?.[0].key as keyof typeof SAID;
    throw new TenantError(`${SAID[field]}.`, 'Correct it and run this again; nothing was changed.');
  }
  const { tenantId, issuer, resource, sponsor, ...rest } = parsed.output;
  const cloud = env.get('ENTRA_INSTANCE');
  if (cloud !== undefined && URL.parse(cloud)?.origin !== LOGIN)
    throw new TenantError(
      `ENTRA_INSTANCE in ${file} is another cloud than Entra's worldwide one, which is the only one that this script knows.`,
      'Do it by hand, with the addresses of your cloud: docs/setup-tenant.md#other-clouds.',
    );
  const held = env.get('TENANT_ID')?.toLowerCase();
  if (tenantId !== undefined && held !== undefined && tenantId !== held)
    throw new TenantError(
      `${file} is about the tenant ${held}, and its ids mean nothing in ${tenantId}.`,
      'Name another file with --env; nothing was changed.',
    );
  const subject = `system:serviceaccount:${rest.namespace}:${SERVICE_ACCOUNT}`;
  const flags = { browser: values.browser === true, yes: values.yes === true };
  return { command, env, tenantId, issuer, resource, sponsor, subject, ...flags, ...rest };
}

function parse(argv: readonly string[]) {
  const text = { type: 'string' } as const;
  const many = { type: 'string', multiple: true } as const;
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        tenant: text,
        agent: many,
        issuer: text,
        namespace: text,
        'openai-resource': text,
        'openai-user': many,
        sponsor: text,
        name: text,
        'client-id': text,
        env: text,
        browser: { type: 'boolean' },
        yes: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new TenantError(
      error instanceof Error ? error.message : String(error),
      'npm run tenant -- --help lists the options.',
    );
  }
}
