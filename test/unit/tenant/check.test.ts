import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { TENANT, type TenantState } from './directory.ts';
import { useTenant } from './support.ts';

const it = useTenant();

interface Damage {
  name: string;
  /** What check says of it. */
  says: RegExp;
  do(state: TenantState): void;
}

const app = (state: TenantState, name: string) => {
  const found = state.apps.find(({ shown }) => shown.displayName === `Agent ID ${name}`);
  assert.ok(found);
  return found;
};
const drop = <T>(list: T[], which: (item: T) => boolean) => {
  const index = list.findIndex(which);
  assert.ok(index >= 0);
  list.splice(index, 1);
};
const api = (state: TenantState, name: string) => app(state, name).shown.api as Record<string, unknown[] | number>;

const damages: Damage[] = [
  {
    name: 'the principal of the blueprint',
    says: /missing +Blueprint: its principal/,
    do: state => drop(state.principals, one => one.appId === app(state, 'blueprint').appId),
  },
  {
    name: 'the address of the blueprint',
    says: /it has no address api:/,
    do: state => void (app(state, 'blueprint').shown.identifierUris = []),
  },
  {
    name: 'the scope of the blueprint',
    says: /offers no scope access_as_user/,
    do: state => void (api(state, 'blueprint').oauth2PermissionScopes = []),
  },
  {
    name: 'the federated credential',
    says: /does not trust https:/,
    do: state => void app(state, 'blueprint').federated.pop(),
  },
  {
    name: 'the audience of the federated credential',
    says: /different +Federated credential.*\n.*its audience is api:\/\/other/,
    do: state => void (app(state, 'blueprint').federated[0]!.audiences = ['api://other']),
  },
  {
    name: 'an agent identity',
    says: /there is no research/,
    do: state => drop(state.principals, one => one.blueprint !== undefined),
  },
  {
    name: 'the MCP application',
    says: /missing +Application of the MCP servers "/,
    do: state => drop(state.apps, one => one === app(state, 'MCP servers')),
  },
  {
    name: 'version 1.0 of the tokens for tools',
    says: /different +Application of the MCP servers.*\n.*version 2\.0/,
    do: state => void (api(state, 'MCP servers').requestedAccessTokenVersion = 2),
  },
  {
    name: 'an agent claim',
    says: /its access tokens lack xms_act_fct/,
    do: state =>
      void (app(state, 'MCP servers').shown.optionalClaims as { accessToken: unknown[] }).accessToken.shift(),
  },
  {
    name: 'the sign-in client',
    says: /missing +Sign-in client "/,
    do: state => drop(state.apps, one => one === app(state, 'for VS Code')),
  },
  {
    name: 'public client flows',
    says: /does not allow public client flows/,
    do: state => void (app(state, 'for VS Code').shown.isFallbackPublicClient = false),
  },
  {
    name: 'a redirect URI',
    says: /lacks the redirect URI http:\/\/localhost/,
    do: state => void (app(state, 'for VS Code').shown.publicClient as { redirectUris: string[] }).redirectUris.shift(),
  },
  {
    name: 'the permission of the client',
    says: /does not name the scope of the blueprint/,
    do: state => void (app(state, 'for VS Code').shown.requiredResourceAccess = []),
  },
  {
    name: 'the pre-authorization',
    says: /pre-authorized.*\n.*users would be asked/,
    do: state => void (api(state, 'blueprint').preAuthorizedApplications = []),
  },
  {
    name: 'Cognitive Services',
    says: /the tenant has no principal of it/,
    do: state => drop(state.principals, one => one.displayName === 'Microsoft Cognitive Services'),
  },
  {
    name: 'the consent for the model',
    says: /missing +Consent for research: the model/,
    do: state => drop(state.grants, one => one.scope === 'user_impersonation'),
  },
  {
    name: 'the scope in the consent for the tools',
    says: /missing +Consent for research: the tools/,
    do: state => void (state.grants.find(one => one.scope === 'access_as_user')!.scope = 'read'),
  },
  {
    name: 'the consent to sign people in',
    says: /missing +Sign-in client: consent to sign people in/,
    do: state => drop(state.grants, one => one.scope.startsWith('openid')),
  },
  { name: 'the role of the agent', says: /missing +Role .* for research/, do: state => void state.assignments.shift() },
  { name: 'the role of the user', says: /missing +Role .* for user/, do: state => void state.assignments.pop() },
];

for (const damage of damages)
  test(`check misses ${damage.name}, says what to do, and setup mends it`, async () => {
    assert.equal((await it.setup()).code, 0);
    damage.do(it.state);
    const before = { mutations: it.state.mutations().length, env: readFileSync(it.env, 'utf8') };
    const check = await it.tenant('check');
    assert.equal(check.code, 1, check.stdout);
    assert.match(check.stdout, damage.says);
    assert.match(check.stdout, /docs\/setup-tenant\.md#/);
    assert.equal(it.state.mutations().length, before.mutations, 'check changes nothing');
    assert.equal(readFileSync(it.env, 'utf8'), before.env);
    const mended = await it.setup();
    assert.equal(mended.code, 0, mended.seen);
    assert.equal((await it.tenant('check')).code, 0);
  });

for (const [what, which, says] of [
  ['the principal of the blueprint', 'Agent ID blueprint', /different +Blueprint: its principal\n +it is disabled/],
  ['an agent identity', 'Agent ID research agent', /different +Agent identities research\n +disabled, .*: research/],
] as const)
  test(`check sees that somebody disabled ${what}, and setup leaves that to a person`, async () => {
    assert.equal((await it.setup()).code, 0);
    const found = it.state.principals.find(one => one.displayName === which);
    assert.ok(found);
    found.enabled = false;
    const check = await it.tenant('check');
    assert.equal(check.code, 1);
    assert.match(check.stdout, says);
    const before = it.state.snapshot();
    const { code, seen } = await it.setup();
    assert.equal(code, 1);
    assert.match(seen, /is disabled, so it gets no token\.\nAsk whoever disabled it/);
    assert.equal(it.state.snapshot(), before);
  });

test('a blueprint that somebody deleted leaves agents behind, and they are not given to another one', async () => {
  await it.setup();
  drop(it.state.apps, one => one.blueprint);
  assert.match((await it.tenant('check')).stdout, /missing +Blueprint "Agent ID blueprint"/);
  const { code, seen } = await it.setup();
  assert.equal(code, 1);
  assert.match(seen, /RESEARCH_AGENT_APP_ID in .* belongs to another blueprint/);
});

test('check of what is whole says so, with rights to read only', async () => {
  await it.setup();
  const { code, stdout } = await it.tenant('check');
  assert.equal(code, 0, stdout);
  assert.match(stdout, /All is there\./);
  assert.ok(stdout.split('\n').filter(line => line.startsWith('ok ')).length >= 18, stdout);
});

test('check takes what was made by hand', async () => {
  await it.setup();
  for (const { shown } of it.state.apps) shown.tags = [];
  assert.equal((await it.tenant('check')).code, 0);
});

test('check of an empty tenant lists everything', async () => {
  const { code, stdout } = await it.tenant('check', ['--tenant', TENANT]);
  assert.equal(code, 1);
  assert.match(stdout, /nobody said the issuer of the cluster/);
  assert.match(stdout, /not looked at: the role on the Azure OpenAI account/);
  assert.deepEqual(it.state.mutations(), []);
});
