import { azCommand } from './azure.ts';
import { findAgent, findApplication, type Context } from './context.ts';
import { converge } from './converge.ts';
import { items, users } from './items.ts';

const HOST = 'AZURE_OPENAI_HOST';

/** Makes what is missing, in order; a second pass finds what the directory rolled back after it had shown it. */
export async function setup(context: Context): Promise<void> {
  const { world, options, made } = context;
  remember(context);
  const all = items(context);
  let changes = 0;
  for (const pass of [1, 2]) {
    for (const item of all) {
      const { changed, note } = await converge(world, item, () => made.size > 0);
      if (changed) changes++;
      const did = changed ? (pass === 1 ? 'made' : 'made again') : 'ok';
      if (changed || pass === 1) world.say(`${did.padEnd(10)} ${item.title}${note ? ` (${note})` : ''}`);
    }
    if (changes === 0) break;
  }
  world.say('');
  world.say(
    changes === 0
      ? 'Nothing had to be changed.'
      : `Changed: ${changes}. It can take Entra some minutes until every service knows it.`,
  );
  if (options.env.get(HOST) === undefined) {
    const host = await context.azure?.host(world.signal);
    if (host !== undefined) options.env.set(HOST, host);
  }
  world.say(`The ids are in ${options.env.path}.`);
  for (const line of await leftToDo(context)) world.say(line);
}

/** What a later `check`, `remove` or `print` need not be told again. */
function remember({ options, tenantId, me }: Context): void {
  const { env } = options;
  env.set('TENANT_ID', tenantId);
  env.set('NAMESPACE', options.namespace);
  if (options.name !== 'Agent ID' || env.get('ENTRA_NAME') !== undefined) env.set('ENTRA_NAME', options.name);
  if (options.issuer !== undefined) env.set('CLUSTER_ISSUER', options.issuer);
  if (options.resource !== undefined) env.set('AZURE_OPENAI_RESOURCE_ID', options.resource);
  env.set('OPENAI_USERS', users({ options, me }).join(','));
}

async function leftToDo(context: Context): Promise<string[]> {
  const { options } = context;
  const lines: string[] = [];
  if (options.issuer === undefined)
    lines.push(
      '- The blueprint trusts no cluster yet. Run setup again with --issuer; the cluster says it: kubectl get --raw /.well-known/openid-configuration',
    );
  if (options.resource === undefined) {
    lines.push(
      '- Agents and users need a role on the Azure OpenAI account. Run setup again with --openai-resource, or:',
    );
    const blueprint = await findApplication(context, 'blueprint');
    for (const agent of options.agents) {
      const principalId = (blueprint && (await findAgent(context, agent, blueprint.appId)))?.id ?? `<id of ${agent}>`;
      lines.push(`    ${azCommand('<resource id>', { principalId, principalType: 'ServicePrincipal' })}`);
    }
    for (const principalId of users(context))
      lines.push(`    ${azCommand('<resource id>', { principalId, principalType: 'User' })}`);
  }
  const client = options.env.get('CLIENT_APP_ID');
  if (client !== undefined) lines.push(`- Setting of everybody who connects: "agentId.clientId": "${client}"`);
  const empty = [HOST, 'LLM_DEPLOYMENT'].filter(name => options.env.get(name) === undefined);
  lines.push(
    `- Then deploy: ${empty.length > 0 ? `fill in ${empty.join(' and ')} there, and ` : ''}run k8s/deploy.sh.`,
  );
  return lines;
}
