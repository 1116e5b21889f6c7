import { GRAPH } from '../../src/identity/wellKnown.ts';
import { AZURE, assignmentOf, azCommand, type Assignee } from './azure.ts';
import { agentDisplayName, displayName, idOf } from './context.ts';
import { agentVariable, type Options } from './options.ts';
import * as requests from './requests.ts';
import { GUID } from './schemas.ts';
import { LOGIN, PERMISSIONS } from './signIn.ts';

/** An id that only an answer will tell. */
const later = (what: string) => `<${what}>`;

/**
 * What setup would do, for somebody who may: every call with its body, in order, and the pages where consent can be
 * given instead. Ids that the .env knows are filled in; `<…>` is what an earlier answer says. No sign-in, no network.
 */
export function print(options: Options): string {
  const known = (variable: string, what: string) => idOf(options, variable) ?? later(what);
  const sponsor = options.sponsor ?? later('object id of the person who answers for it');
  const blueprint = blank(known('BLUEPRINT_APP_ID', 'appId of the blueprint'), 'object id of the blueprint');
  const mcp = blank(known('MCP_APP_ID', 'appId of the MCP application'), 'object id of the MCP application');
  const client = blank(known('CLIENT_APP_ID', 'appId of the sign-in client'), 'object id of the sign-in client');
  const scope = requests.stableGuid(`${blueprint.appId} ${requests.SCOPE}`);
  const agents = options.agents.map(name => ({ name, id: known(agentVariable(name), `id of the agent ${name}`) }));
  const issuer = options.issuer ?? later('issuer of the cluster');
  return [
    `# For an administrator of the tenant ${options.tenantId ?? later('tenant id')}`,
    `Please make these objects, in this order, or run \`npm run tenant -- setup\` of Agent ID for VS Code, which does the same. \`<…>\` stands for what an earlier answer says. docs/setup-tenant.md explains each step and which role it takes.

Graph calls need \`Authorization: Bearer …\` (delegated permissions: ${PERMISSIONS.setup.join(', ')}; neither Directory.AccessAsUser.All nor Directory.ReadWrite.All in the token), \`OData-Version: 4.0\` and \`Content-Type: application/json\`. A change right after a creation may be answered 404 or 400: repeat it after some seconds, and read it back. Lists in a PATCH replace the list: add what is there already.`,
    section('1. Blueprint', [
      requests.createBlueprint(displayName(options, 'blueprint'), sponsor),
      requests.createBlueprintPrincipal(blueprint.appId),
      requests.expose(blueprint, requests.SCOPE_WORDS.blueprint, false),
    ]),
    section('2. Federated credential: the cluster may speak for the blueprint', [
      requests.federate(blueprint.id, { issuer, subject: options.subject }),
    ]),
    section(
      '3. Agent identities',
      agents.map(({ name }) => requests.createAgent(agentDisplayName(options, name), blueprint.appId, sponsor)),
      'Where Graph refuses this to a person, the blueprint does it with its own token: make a secret (addPassword), ask for a token of the blueprint (client_credentials, https://graph.microsoft.com/.default), create the agents with that, and remove the secret (removePassword) at once.',
    ),
    section('4. Application of the MCP servers', [
      requests.createApplication(displayName(options, 'mcp')),
      requests.createPrincipal(mcp.appId),
      requests.expose(mcp, requests.SCOPE_WORDS.mcp, false),
      requests.emitAgentClaims(mcp),
    ]),
    section(
      '5. Sign-in client',
      [
        requests.createApplication(displayName(options, 'client')),
        requests.createPrincipal(client.appId),
        requests.configureClient(client, blueprint.appId, scope),
        requests.preAuthorize(blueprint, client.appId, scope),
        requests.consent(
          later('object id of the principal of the sign-in client'),
          later('object id of the principal of Microsoft Graph in your tenant'),
          requests.SIGN_IN.scopes,
          undefined,
        ),
      ],
      `GET ${GRAPH}/v1.0/servicePrincipals(appId='${requests.SIGN_IN.appId}') says the last id.`,
    ),
    section(
      '6. Consents of the agents',
      agents.flatMap(({ id }) => [
        requests.consent(id, later('object id of the principal of the MCP application'), [requests.SCOPE], undefined),
        requests.consent(
          id,
          later('object id of the principal of Microsoft Cognitive Services in your tenant'),
          [requests.COGNITIVE_SERVICES.scope],
          undefined,
        ),
      ]),
      `GET ${GRAPH}/v1.0/servicePrincipals(appId='${requests.COGNITIVE_SERVICES.appId}') says the last id; on 404 make it with POST /servicePrincipals. Or in the browser, where Entra lets agents consent that way (AADSTS82014 says that it does not):\n\n${agents.flatMap(({ id }) => consentPages(options, id, mcp.appId)).join('\n')}`,
    ),
    roles(
      options,
      agents.map(({ id }) => id),
    ),
    `## 8. Send back

TENANT_ID, BLUEPRINT_APP_ID, MCP_APP_ID, CLIENT_APP_ID and ${agents.map(({ name }) => agentVariable(name)).join(', ')}: they go into k8s/.env. No secret is among them.`,
  ].join('\n\n');
}

/** An application with nothing in it, for the calls that add to one. */
function blank(appId: string, id: string) {
  return {
    id: later(id),
    appId,
    identifierUris: [],
    api: undefined,
    optionalClaims: undefined,
    publicClient: undefined,
    requiredResourceAccess: [],
  };
}

function section(title: string, calls: readonly requests.GraphRequest[], more?: string): string {
  const blocks = calls.map(
    ({ method, path, body }) =>
      `\`\`\`http\n${method} ${GRAPH}/v1.0${path}\n\n${JSON.stringify(body, null, 2)}\n\`\`\``,
  );
  return [`## ${title}`, ...blocks, ...(more ? [more] : [])].join('\n\n');
}

/** Admin consent for an agent identity (interactive-agent-request-admin-authorization.md of MicrosoftDocs/entra-docs). */
function consentPages({ tenantId }: Options, agentId: string, mcpAppId: string): string[] {
  return [
    `api://${mcpAppId}/${requests.SCOPE}`,
    `https://cognitiveservices.azure.com/${requests.COGNITIVE_SERVICES.scope}`,
  ].map(
    scope =>
      `- ${LOGIN}/${tenantId ?? '<tenant id>'}/v2.0/adminconsent?client_id=${agentId}&scope=${scope}&redirect_uri=https://entra.microsoft.com/TokenAuthorize`,
  );
}

function roles({ resource, users }: Options, agents: readonly string[]): string {
  const people = users.length > 0 ? users : [later('object id of each user')];
  const assignees: Assignee[] = [
    ...agents.map(principalId => ({ principalId, principalType: 'ServicePrincipal' as const })),
    ...people.map(principalId => ({ principalId, principalType: 'User' as const })),
  ];
  const commands = assignees.map(to => azCommand(resource ?? later('resource id of the Azure OpenAI account'), to));
  // only for an id that is known: the name of an assignment follows from it, and no two may have the same
  const [first] = assignees.filter(({ principalId }) => GUID.test(principalId));
  const example = first && resource && assignmentOf(resource, first);
  const call = example
    ? `\n\nThe same as a call: \`PUT ${AZURE}${example.path}\` with \`${JSON.stringify(example.body)}\`.`
    : '';
  return `## 7. Role on the Azure OpenAI account, for agents and users\n\n\`\`\`sh\n${commands.join('\n')}\n\`\`\`${call}`;
}
