import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PERMISSIONS } from '../../../scripts/tenant/signIn.ts';
import { ADMIN, COGNITIVE, ISSUER, TENANT } from './directory.ts';
import { modeOf, RESOURCE, useTenant } from './support.ts';

const it = useTenant();

function app(name: string) {
  const found = it.state.apps.find(({ shown }) => shown.displayName === name);
  assert.ok(found, `there is no ${name}`);
  return found;
}

test('makes everything that an agent needs, with the permissions of each call and nothing else', async () => {
  const { code, seen } = await it.setup('--agent', 'research', '--agent', 'intern');
  assert.equal(code, 0, seen);
  const [blueprint, mcp, client] = [
    app('Agent ID blueprint'),
    app('Agent ID MCP servers'),
    app('Agent ID for VS Code'),
  ];
  assert.deepEqual(blueprint.shown.identifierUris, [`api://${blueprint.appId}`]);
  assert.deepEqual(mcp.shown.identifierUris, [`api://${mcp.appId}`]);
  assert.deepEqual(
    blueprint.federated.map(({ name, issuer, subject, audiences }) => ({
      name: name.replace(/-[0-9a-f]{8}$/, ' and what tells clusters apart'),
      issuer,
      subject,
      audiences,
    })),
    [
      {
        name: 'kubernetes-agent-id-agent-blueprint and what tells clusters apart',
        issuer: ISSUER,
        subject: 'system:serviceaccount:agent-id:agent-blueprint',
        audiences: ['api://AzureADTokenExchange'],
      },
    ],
  );
  const claims = (mcp.shown.optionalClaims as { accessToken: { name: string }[] }).accessToken.map(({ name }) => name);
  assert.deepEqual(claims, ['xms_act_fct', 'xms_sub_fct', 'xms_par_app_azp', 'xms_idrel', 'xms_tnt_fct']);
  assert.equal(client.shown.isFallbackPublicClient, true);
  const { redirectUris } = client.shown.publicClient as { redirectUris: string[] };
  for (const uri of ['http://localhost', 'https://vscode.dev/redirect']) assert.ok(redirectUris.includes(uri), uri);
  const api = blueprint.shown.api as {
    oauth2PermissionScopes: { id: string; value: string }[];
    preAuthorizedApplications: unknown[];
  };
  const scope = api.oauth2PermissionScopes[0];
  assert.equal(scope?.value, 'access_as_user');
  assert.deepEqual(api.preAuthorizedApplications, [{ appId: client.appId, delegatedPermissionIds: [scope.id] }]);
  assert.deepEqual(client.shown.requiredResourceAccess, [
    { resourceAppId: blueprint.appId, resourceAccess: [{ id: scope.id, type: 'Scope' }] },
  ]);
  const agents = it.state.principals.filter(one => one.blueprint === blueprint.appId);
  assert.deepEqual(
    agents.map(one => one.displayName),
    ['Agent ID research agent', 'Agent ID intern agent'],
  );
  const nameOf = (id: string) => it.state.principals.find(one => one.id === id)?.displayName;
  assert.deepEqual(
    it.state.grants.map(({ clientId, resourceId, scope: words }) => [nameOf(clientId), nameOf(resourceId), words]),
    [
      ['Agent ID for VS Code', 'Microsoft Graph', 'openid profile offline_access'],
      ...['research', 'intern'].flatMap(name => [
        [`Agent ID ${name} agent`, 'Agent ID MCP servers', 'access_as_user'],
        [`Agent ID ${name} agent`, 'Microsoft Cognitive Services', 'user_impersonation'],
      ]),
    ],
  );
  assert.deepEqual(
    it.state.assignments.map(({ principalId, scope: where }) => [principalId, where]),
    [...agents.map(({ id }) => id), ADMIN].map(id => [id, RESOURCE]),
  );
});

test('asks for the permissions that its requests need by their documentation, and for no other', async () => {
  it.state.faults.onlyBlueprintCreates = true;
  for (const command of ['setup', 'check', 'remove'] as const) {
    it.state.used.clear();
    it.writeEnv(''); // so that it has to search
    const { code, seen } = await it.tenant(command, ['--tenant', TENANT, '--issuer', ISSUER, '--yes']);
    assert.equal(code, 0, seen);
    assert.deepEqual([...it.state.used].sort(), [...PERMISSIONS[command]], command);
  }
});

test('writes the .env that deploy.sh reads, for this user only', async () => {
  it.writeEnv('# mine\nNAMESPACE=agents # here\nAZURE_OPENAI_HOST=contoso.openai.azure.com\nRESEARCH_AGENT_APP_ID=\n');
  const { code, seen } = await it.setup();
  assert.equal(code, 0, seen);
  assert.equal(modeOf(it.env), 0o600);
  assert.equal(it.readEnv('TENANT_ID'), TENANT);
  assert.equal(it.readEnv('NAMESPACE'), 'agents # here');
  assert.equal(it.readEnv('AZURE_OPENAI_HOST'), 'contoso.openai.azure.com');
  assert.equal(it.readEnv('BLUEPRINT_APP_ID'), app('Agent ID blueprint').appId);
  assert.equal(it.readEnv('MCP_APP_ID'), app('Agent ID MCP servers').appId);
  assert.equal(it.readEnv('CLIENT_APP_ID'), app('Agent ID for VS Code').appId);
  assert.equal(it.readEnv('RESEARCH_AGENT_APP_ID'), it.state.principals.find(one => one.blueprint)?.id);
  assert.equal(app('Agent ID blueprint').federated[0]?.subject, 'system:serviceaccount:agents:agent-blueprint');
});

test('the host of the model comes from the account that was named; who may not read it fills it in', async () => {
  const { seen } = await it.setup();
  assert.equal(it.readEnv('AZURE_OPENAI_HOST'), 'agents-model.openai.azure.com');
  assert.match(seen, /Then deploy: fill in LLM_DEPLOYMENT there, and run/);
  it.writeEnv('');
  it.state.accountReadable = false;
  const { code, seen: other } = await it.setup();
  assert.equal(code, 0, other);
  assert.equal(it.readEnv('AZURE_OPENAI_HOST'), undefined);
  assert.match(other, /Then deploy: fill in AZURE_OPENAI_HOST and LLM_DEPLOYMENT there, and run/);
});

test('a second run changes nothing and says so, with the .env and without it', async () => {
  assert.equal((await it.setup()).code, 0);
  const before = it.state.snapshot();
  const mutations = it.state.mutations().length;
  const again = await it.tenant('setup');
  assert.equal(again.code, 0, again.seen);
  assert.match(again.seen, /Nothing had to be changed/);
  it.writeEnv('');
  const anew = await it.setup();
  assert.match(anew.seen, /Nothing had to be changed/);
  assert.equal(it.state.snapshot(), before);
  assert.equal(it.state.mutations().length, mutations);
});

test('adds to what others configured and takes nothing away', async () => {
  assert.equal((await it.setup()).code, 0);
  const [blueprint, mcp, client] = [
    app('Agent ID blueprint'),
    app('Agent ID MCP servers'),
    app('Agent ID for VS Code'),
  ];
  const other = 'bbbbbbbb-0000-4000-8000-000000000001';
  const api = blueprint.shown.api as { preAuthorizedApplications: unknown[]; oauth2PermissionScopes: object[] };
  const theirs = { appId: other, delegatedPermissionIds: [other] };
  api.preAuthorizedApplications = [theirs];
  const second = { ...api.oauth2PermissionScopes[0], id: other, value: 'read' };
  api.oauth2PermissionScopes = [second];
  mcp.shown.optionalClaims = { idToken: [{ name: 'email' }], accessToken: [{ name: 'ipaddr', essential: true }] };
  client.shown.publicClient = { redirectUris: ['http://127.0.0.1'] };
  client.shown.requiredResourceAccess = [{ resourceAppId: other, resourceAccess: [{ id: other, type: 'Scope' }] }];
  for (const grant of it.state.grants) grant.scope = 'something.else';
  const { code, seen } = await it.setup();
  assert.equal(code, 0, seen);
  const now = blueprint.shown.api as typeof api;
  assert.deepEqual(now.preAuthorizedApplications[0], theirs);
  assert.equal(now.preAuthorizedApplications.length, 2);
  assert.deepEqual(now.oauth2PermissionScopes[0], second);
  assert.equal(now.oauth2PermissionScopes.length, 2);
  const claims = mcp.shown.optionalClaims as { idToken: unknown[]; accessToken: unknown[] };
  assert.deepEqual(claims.idToken, [{ name: 'email' }]);
  assert.deepEqual(claims.accessToken[0], { name: 'ipaddr', essential: true });
  assert.equal(claims.accessToken.length, 6);
  assert.ok((client.shown.publicClient as { redirectUris: string[] }).redirectUris.includes('http://127.0.0.1'));
  assert.equal((client.shown.requiredResourceAccess as unknown[]).length, 2);
  for (const { scope } of it.state.grants)
    assert.match(scope, /^something\.else (access_as_user|user_impersonation|openid profile offline_access)$/);
});

test('a second cluster is trusted beside the first', async () => {
  await it.setup();
  await it.setup('--issuer', 'https://oidc.example.com/other');
  assert.deepEqual(
    app('Agent ID blueprint').federated.map(({ issuer }) => issuer),
    [ISSUER, 'https://oidc.example.com/other'],
  );
});

test('without issuer and resource it says what is left, with the commands for the role', async () => {
  const { code, seen } = await it.tenant('setup', ['--tenant', TENANT]);
  assert.equal(code, 0, seen);
  assert.match(seen, /trusts no cluster yet/);
  const agent = it.readEnv('RESEARCH_AGENT_APP_ID');
  assert.ok(seen.includes(`--assignee-object-id "${agent}" --assignee-principal-type ServicePrincipal`));
  assert.ok(seen.includes(`--assignee-object-id "${ADMIN}" --assignee-principal-type User`));
  assert.ok(!it.state.log.some(line => line.includes('/roleAssignments')));
});

test('an application that it did not make is not changed', async () => {
  const theirs = it.state.addApp('Production blueprint', true, {});
  it.writeEnv(`BLUEPRINT_APP_ID=${theirs.appId}\n`);
  const { code, seen } = await it.setup();
  assert.equal(code, 1);
  assert.match(seen, /which this script did not make/);
  assert.deepEqual(it.state.mutations(), []);
});

test('others may use the same name; two of its own make it stop', async () => {
  it.state.addApp('Agent ID blueprint', true, {});
  assert.equal((await it.setup()).code, 0);
  assert.equal(it.state.apps.filter(({ shown }) => shown.displayName === 'Agent ID blueprint').length, 2);
  it.state.addApp('Agent ID blueprint', true, { tags: ['agent-id-vscode'] });
  it.writeEnv('');
  const { code, seen } = await it.setup();
  assert.equal(code, 1);
  assert.match(seen, /There are 2 applications "Agent ID blueprint"/);
});

test('Microsoft Cognitive Services is there already in most tenants', async () => {
  it.state.addPrincipal({ appId: COGNITIVE, displayName: 'Microsoft Cognitive Services' });
  assert.equal((await it.setup()).code, 0);
  assert.equal(it.state.principals.filter(({ appId }) => appId === COGNITIVE).length, 1);
});

test('a role that is held already, here or on the subscription, is enough', async () => {
  const roleDefinitionId =
    '/subscriptions/11111111-2222-3333-4444-555555555555/providers/Microsoft.Authorization/roleDefinitions/5e0bd9bd-7b93-4f28-af87-19fc36ad61bd';
  it.state.assignments.push({
    name: 'x',
    scope: '/subscriptions/11111111-2222-3333-4444-555555555555',
    principalId: ADMIN,
    roleDefinitionId,
  });
  assert.equal((await it.setup()).code, 0);
  assert.equal(it.state.assignments.filter(({ principalId }) => principalId === ADMIN).length, 1);
});

test('a role that a group gives is enough', async () => {
  const group = 'dddddddd-0000-4000-8000-000000000009';
  it.state.groups.set(group, [ADMIN]);
  it.state.assignments.push({
    name: 'x',
    scope: RESOURCE,
    principalId: group,
    roleDefinitionId:
      '/subscriptions/11111111-2222-3333-4444-555555555555/providers/Microsoft.Authorization/roleDefinitions/5e0bd9bd-7b93-4f28-af87-19fc36ad61bd',
  });
  assert.equal((await it.setup()).code, 0);
  assert.ok(!it.state.assignments.some(({ principalId }) => principalId === ADMIN));
  assert.equal((await it.tenant('check')).code, 0);
});
