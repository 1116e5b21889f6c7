import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { COGNITIVE, ISSUER, TENANT } from './directory.ts';
import { RESOURCE, useTenant } from './support.ts';

const it = useTenant();
const root = path.join(import.meta.dirname, '..', '..', '..');

/** The calls of a printed page: method, address, body. */
function callsOf(page: string) {
  return [...page.matchAll(/```http\n(\w+) (\S+(?: \S+)*?)\n\n([\s\S]*?)\n```/g)].map(
    ([, method = '', url = '', body = '']) => ({
      method,
      path: url.replace('https://graph.microsoft.com', ''),
      body: JSON.parse(body) as unknown,
    }),
  );
}

test('writes down every change that setup makes, in its order, without signing in', async () => {
  const { code, stdout } = await it.tenant('print', [
    '--tenant',
    TENANT,
    '--issuer',
    ISSUER,
    '--openai-resource',
    RESOURCE,
  ]);
  assert.equal(code, 0);
  assert.deepEqual(it.state.log, []);
  assert.doesNotMatch(stdout, /roleAssignments/, 'no name of an assignment for an id that nobody knows yet');
  const printed = callsOf(stdout).map(({ method, path: where }) => `${method} ${where.replace(/<[^>]*>/g, 'ID')}`);
  await it.setup();
  const made = it.state
    .mutations()
    .filter(line => !line.includes('roleAssignments'))
    .map(line => line.replace(/[0-9a-f-]{36}/g, 'ID'));
  // Cognitive Services is in nearly every tenant: the page has a sentence for it
  made.splice(made.lastIndexOf('POST /v1.0/servicePrincipals'), 1);
  assert.deepEqual(printed, made);
});

test('fills in what the .env knows, and names what only an answer will say', async () => {
  await it.setup();
  const { stdout } = await it.tenant('print');
  const agent = it.readEnv('RESEARCH_AGENT_APP_ID');
  const mcp = it.readEnv('MCP_APP_ID');
  assert.ok(
    stdout.includes(
      `https://login.microsoftonline.com/${TENANT}/v2.0/adminconsent?client_id=${agent}&scope=api://${mcp}/access_as_user&redirect_uri=https://entra.microsoft.com/TokenAuthorize`,
    ),
  );
  assert.ok(stdout.includes('scope=https://cognitiveservices.azure.com/user_impersonation'));
  assert.ok(stdout.includes(`--scope "${RESOURCE}"`));
  // the same call as setup makes, under the same name
  const [assigned] = it.state.assignments;
  assert.ok(stdout.includes(`/roleAssignments/${assigned?.name}?api-version=2022-04-01`));
  assert.match(stdout, /<object id of the blueprint>/);
});

test('runs as a command: usage, mistakes, print', () => {
  const tenant = (...args: string[]) => {
    const done = spawnSync(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', path.join(root, 'scripts', 'tenant.ts'), ...args],
      { encoding: 'utf8' },
    );
    return { code: done.status, out: done.stdout, err: done.stderr };
  };
  assert.equal(tenant().code, 2);
  const help = tenant('--help');
  assert.equal(help.code, 0);
  assert.match(help.out, /setup +make what is missing/);
  const printed = tenant('print', '--env', it.env, '--tenant', TENANT);
  assert.equal(printed.code, 0, printed.err);
  assert.match(printed.out, /# For an administrator of the tenant 3d1e2be9/);
  const noTenant = tenant('setup', '--env', it.env);
  assert.equal(noTenant.code, 1);
  assert.match(noTenant.err, /No tenant was named/);
});

for (const [args, says] of [
  [['bogus'], /There is no command bogus/],
  [['setup', '--tenant', 'contoso.com'], /--tenant .* is the GUID of a tenant/],
  [['setup', '--issuer', 'http://x'], /--issuer .* is an https address/],
  [['setup', '--agent', 'Not A Name'], /--agent is a name in lower case/],
  [['setup', '--openai-resource', 'contoso'], /--openai-resource/],
  // print writes it into a command that people copy
  [['print', '--openai-resource', RESOURCE.replace('/rg/', '/$(id)/')], /--openai-resource/],
  [['print', '--openai-resource', `${RESOURCE}\n`], /--openai-resource/],
  [['setup', '--bogus'], /Unknown option '--bogus'/],
] as const)
  test(`does not start with ${JSON.stringify(args)}`, async () => {
    const [command, ...rest] = args;
    const { code, seen } = await it.tenant(command, rest);
    assert.equal(code, 2);
    assert.match(seen, says);
    assert.deepEqual(it.state.log, []);
  });

for (const instance of ['https://login.microsoftonline.us/', 'https://login.partner.microsoftonline.cn', 'nonsense'])
  test(`another cloud than the worldwide one is refused before anybody signs in: ${instance}`, async () => {
    it.writeEnv(`ENTRA_INSTANCE=${instance}\n`);
    for (const command of ['setup', 'check', 'remove', 'print']) {
      const { code, seen } = await it.tenant(command, ['--tenant', TENANT]);
      assert.equal(code, 2);
      assert.match(seen, /ENTRA_INSTANCE in .* is another cloud than Entra's worldwide one/);
      assert.match(seen, /docs\/setup-tenant\.md#other-clouds/);
    }
    assert.deepEqual(it.state.log, []);
  });

test('the worldwide cloud may be named', async () => {
  it.writeEnv('ENTRA_INSTANCE=https://login.microsoftonline.com\n');
  assert.equal((await it.setup()).code, 0);
});

for (const [what, where] of [
  ['read', root],
  ['written', path.join(root, 'package.json', '.env')],
] as const)
  test(`a .env that can not be ${what} is named before anything is changed`, async () => {
    const { code, seen } = await it.tenant('setup', ['--tenant', TENANT, '--env', where]);
    assert.equal(code, what === 'read' ? 2 : 1);
    assert.match(seen, new RegExp(`can't be ${what} \\(E[A-Z]+\\)\\.\\nName another file with --env`));
    assert.deepEqual(it.state.mutations(), []);
  });

test('a .env of another tenant is not mixed up with this one', async () => {
  it.writeEnv(`TENANT_ID=${COGNITIVE}\n`);
  const { code, seen } = await it.setup();
  assert.equal(code, 2);
  assert.match(seen, /is about the tenant 7d312290/);
});

test('an id in the .env that is none is named before anything is changed', async () => {
  it.writeEnv('BLUEPRINT_APP_ID=my-blueprint\n');
  const { code, seen } = await it.setup();
  assert.equal(code, 1);
  assert.match(seen, /BLUEPRINT_APP_ID in .* is no GUID\.\n/);
  assert.ok(!seen.includes('my-blueprint'));
  assert.deepEqual(it.state.mutations(), []);
});

test('every place of docs/setup-tenant.md that the script points to is there', async () => {
  const page = readFileSync(path.join(root, 'docs', 'setup-tenant.md'), 'utf8');
  const anchors = [...page.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w\s-]/g, '')
      .replace(/\s/g, '-'),
  );
  const { stdout } = await it.tenant('check', ['--tenant', TENANT]);
  const used = [...stdout.matchAll(/docs\/setup-tenant\.md#([\w-]+)/g)].map(([, anchor = '']) => anchor);
  assert.ok(used.length > 5);
  for (const anchor of new Set([...used, 'signing-in', 'roles', 'when-it-fails', 'role-on-the-model', 'other-clouds']))
    assert.ok(anchors.includes(anchor), anchor);
});
