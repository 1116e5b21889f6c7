// The agent's tokens of the simulated Entra: T1, T2 on behalf of a user, the agent's own ones, and what is refused.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { decodeJwt, decodeProtectedHeader, generateKeyPair, SignJWT } from 'jose';
import { accessToken, agentLegs, AZURE_OPENAI, claimsOf, type AgentLegs } from './support/agent.ts';
import { postForm, PUBLIC_CLIENT, signIn, startSandbox, type TestSandbox } from './support/sandbox.ts';

const TOKEN = 'oauth2/v2.0/token';
const EXCHANGE_APP = 'fb60f99c-7a34-4190-8149-302f77469936';

let sandbox: TestSandbox;
let agent: AgentLegs;
let tc: string;
before(async () => {
  sandbox = await startSandbox();
  agent = await agentLegs(sandbox);
  tc = (await signIn(sandbox)).access_token;
});
beforeEach(() => sandbox.control('/reset', {}));
after(() => sandbox.stop());

const facets = (value: unknown) =>
  String(value)
    .split(' ')
    .map(Number)
    .filter(n => n % 2 === 1)
    .sort((a, b) => a - b);
const mcpScope = () => `api://${sandbox.json.mcpAppId}/.default`;

test('T1 is for the exchange resource and names tenant, blueprint and agent in its subject', async () => {
  const { json } = sandbox;
  const answer = await agent.exchange();
  assert.deepEqual(Object.keys(answer.body).sort(), ['access_token', 'expires_in', 'ext_expires_in', 'token_type']);
  assert.equal(answer.body.expires_in, 3599);
  const claims = claimsOf(answer);
  assert.equal(claims.aud, EXCHANGE_APP);
  assert.equal(claims.iss, `${json.authority}/v2.0`);
  assert.equal(claims.azp, json.blueprintAppId);
  assert.equal(claims.azpacr, '1');
  assert.equal(claims.idtyp, 'app');
  const [, eid, c, pub, t, tenant, a, blueprint, id] = String(claims.sub).split('/');
  assert.deepEqual([eid, c, pub, t, a, id], ['eid1', 'c', 'pub', 't', 'a', agent.agentAppId]);
  assert.equal(guidOf(tenant), json.tenantId);
  assert.equal(guidOf(blueprint), json.blueprintAppId);
  assert.equal((claims.exp ?? 0) - (claims.iat ?? 0), 3900);
  assert.deepEqual(facets(claims.xms_act_fct), [3, 9]);
  for (const absent of ['scp', 'roles', 'xms_par_app_azp']) assert.equal(claims[absent], undefined);
});

test('T2 for Azure OpenAI is a v1 token of the agent for the user', async () => {
  const { json } = sandbox;
  const answer = await agent.onBehalfOf(tc, AZURE_OPENAI);
  const claims = claimsOf(answer);
  assert.equal(claims.aud, 'https://cognitiveservices.azure.com');
  assert.equal(claims.iss, `${new URL(json.authority).origin}/sts/${json.tenantId}/`);
  assert.equal(claims.ver, '1.0');
  assert.equal(claims.appid, agent.agentAppId);
  assert.equal(claims.appidacr, '2');
  assert.equal(claims.azp, undefined);
  assert.equal(claims.idtyp, 'user');
  assert.equal(claims.upn, json.users[0]?.upn);
  assert.equal(claims.oid, json.users[0]?.oid);
  assert.equal(claims.scp, 'user_impersonation');
  assert.deepEqual(claims.xms_st, { sub: decodeJwt(tc).sub });
  assert.notEqual(claims.sub, decodeJwt(tc).sub, 'the subject is pairwise');
  assert.deepEqual(facets(claims.xms_act_fct), [3, 9, 11]);
  assert.deepEqual(facets(claims.xms_sub_fct), [3]);
  assert.deepEqual(facets(claims.xms_idrel), [1]);
  assert.equal(claims.xms_par_app_azp, json.blueprintAppId);
  const header = decodeProtectedHeader(accessToken(answer));
  assert.equal(header.x5t, header.kid);
  assert.equal(answer.body.scope, `https://cognitiveservices.azure.com/user_impersonation ${AZURE_OPENAI}`);
  assert.equal(answer.body.refresh_token, undefined);
});

test('T2 for the MCP app loses the agent claims with a switch, and changes its shape with the token version', async () => {
  const { json } = sandbox;
  const claims = claimsOf(await agent.onBehalfOf(tc, mcpScope()));
  assert.equal(claims.aud, `api://${json.mcpAppId}`);
  assert.equal(claims.scp, 'access_as_user');
  assert.ok(facets(claims.xms_act_fct).includes(11));
  await sandbox.control('/entra', { agentClaims: false });
  const bare = claimsOf(await agent.onBehalfOf(tc, mcpScope()));
  assert.equal(bare.appid, agent.agentAppId);
  for (const name of ['xms_act_fct', 'xms_sub_fct', 'xms_par_app_azp', 'xms_idrel', 'xms_tnt_fct'])
    assert.equal(bare[name], undefined, name);
  assert.ok(
    facets(claimsOf(await agent.onBehalfOf(tc, AZURE_OPENAI)).xms_act_fct).includes(11),
    'not of a Microsoft API',
  );

  await sandbox.control('/entra', { tokenVersion: { blueprint: 2, mcp: 2 } });
  const v2 = claimsOf(await agent.onBehalfOf(tc, mcpScope()));
  assert.equal(v2.aud, json.mcpAppId);
  assert.equal(v2.iss, `${json.authority}/v2.0`);
  assert.equal(v2.azp, agent.agentAppId);
  assert.deepEqual([v2.appid, v2.upn, v2.preferred_username], [undefined, undefined, undefined], 'no profile scope');
});

test('a blueprint of token version 1 gives a v1 Tc that is exchanged as well', async () => {
  const { json } = sandbox;
  await sandbox.control('/entra', { tokenVersion: { blueprint: 1, mcp: 1 } });
  const v1 = (await signIn(sandbox)).access_token;
  const claims = decodeJwt(v1);
  assert.deepEqual([claims.aud, claims.ver, claims.appid], [`api://${json.blueprintAppId}`, '1.0', PUBLIC_CLIENT]);
  assert.equal(claims.upn, json.users[0]?.upn);
  assert.equal((await agent.onBehalfOf(v1, AZURE_OPENAI)).status, 200);
});

test('the second agent has tokens of its own, and one agent cannot use the T1 of another', async () => {
  const intern = await agentLegs(sandbox, 1);
  assert.equal(claimsOf(await intern.onBehalfOf(tc, mcpScope())).appid, sandbox.json.agents[1]?.appId);
  const foreign = accessToken(await intern.exchange());
  const answer = await agent.onBehalfOf(tc, mcpScope(), { client_assertion: foreign });
  assert.deepEqual([answer.status, answer.body.error, answer.body.error_codes], [401, 'invalid_client', [700213]]);
});

test('the agent refreshes with a fresh T1 and gets an agent token again', async () => {
  const { body } = await agent.onBehalfOf(tc, `${mcpScope()} offline_access`);
  assert.ok(body.refresh_token);
  const refreshed = await agent.withT1({ grant_type: 'refresh_token', refresh_token: body.refresh_token as string });
  const claims = claimsOf(refreshed);
  assert.equal(claims.appid, agent.agentAppId);
  assert.ok(facets(claims.xms_act_fct).includes(11));
});

test('an agent on its own gets an app token, the blueprint one for Graph only', async () => {
  const answer = await agent.withT1({ grant_type: 'client_credentials', scope: AZURE_OPENAI });
  const claims = claimsOf(answer);
  assert.deepEqual(
    [claims.idtyp, claims.appid, claims.oid, claims.sub],
    ['app', agent.agentAppId, agent.agentAppId, agent.agentAppId],
  );
  assert.deepEqual(facets(claims.xms_sub_fct), [3, 9, 11]);
  assert.equal(claims.upn, undefined);
  const graph = await agent.exchange({ scope: 'https://graph.microsoft.com/.default' });
  assert.equal(claimsOf(graph).appid, sandbox.json.blueprintAppId);
  assert.deepEqual((await agent.exchange({ scope: AZURE_OPENAI })).body.error_codes, [82001]);
  const named = await agent.withT1({ grant_type: 'client_credentials', scope: sandbox.json.mcpScope });
  assert.deepEqual(named.body.error_codes, [70011], 'an app token needs /.default');
});

test("the agent's own user account takes three legs", async () => {
  const leg2 = await agent.withT1({ grant_type: 'client_credentials', scope: 'api://AzureADTokenExchange/.default' });
  const second = claimsOf(leg2);
  assert.deepEqual([second.aud, second.azp, second.sub], [EXCHANGE_APP, agent.agentAppId, agent.agentAppId]);
  const form = {
    grant_type: 'user_fic',
    scope: mcpScope(),
    user_federated_identity_credential: accessToken(leg2),
    requested_token_use: 'on_behalf_of',
  };
  const claims = claimsOf(await agent.withT1({ ...form, username: 'research-agent@sandbox.example' }));
  assert.deepEqual([claims.upn, claims.appid], ['research-agent@sandbox.example', agent.agentAppId]);
  assert.ok(facets(claims.xms_sub_fct).includes(13));
  const byId = claimsOf(await agent.withT1({ ...form, user_id: String(claims.oid) }));
  assert.equal(byId.oid, claims.oid);
  const other = await agent.withT1({ ...form, username: sandbox.json.users[0]?.upn ?? '' });
  assert.deepEqual(other.body.error_codes, [50034], 'a person is not the account of the agent');
});

test('an assertion must be alive, ours, of a user, and for the blueprint', async () => {
  const { json } = sandbox;
  const graph = (await signIn(sandbox, { scope: 'User.Read' })).access_token;
  const mcp = (await signIn(sandbox, { scope: json.mcpScope })).access_token;
  const t2 = accessToken(await agent.onBehalfOf(tc, mcpScope()));
  const { privateKey } = await generateKeyPair('RS256');
  const forged = await new SignJWT(decodeJwt(tc)).setProtectedHeader({ alg: 'RS256' }).sign(privateKey);
  const foreign = await new SignJWT({ ...decodeJwt(tc), iss: 'https://sts.windows.net/x/' })
    .setProtectedHeader({ alg: 'RS256' })
    .sign(privateKey);
  const cases: [name: string, assertion: string, code: number][] = [
    ['Graph', graph, 50013],
    ['MCP app', mcp, 500131],
    ['T2', t2, 500131],
    ['forged', forged, 50013],
    ['foreign issuer', foreign, 50013],
    ['no token', 'not-a-token', 50013],
  ];
  for (const [name, assertion, code] of cases) {
    const { status, body } = await agent.onBehalfOf(assertion, mcpScope());
    assert.deepEqual([status, body.error, body.error_codes], [400, 'invalid_grant', [code]], name);
  }
  const { body } = await agent.onBehalfOf(mcp, mcpScope());
  assert.ok(String(body.error_description).includes(`'api://${json.mcpAppId}'`));
  assert.ok(String(body.error_description).includes(`'${json.blueprintAppId}'`));

  await sandbox.control('/clock', { offsetSeconds: 2 * 3600 });
  const late = await agent.onBehalfOf(tc, mcpScope());
  assert.deepEqual(late.body.error_codes, [500133]);
});

test('clients must prove who they are', async () => {
  const { json } = sandbox;
  const obo = { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: tc, scope: mcpScope() };
  const cases: [form: Record<string, string>, status: number, code: number][] = [
    [{ client_id: agent.agentAppId }, 401, 7000218],
    [{ client_id: agent.agentAppId, client_secret: 'a secret' }, 401, 7000215],
    [{ client_id: json.blueprintAppId, client_secret: 'wrong' }, 401, 7000215],
    [{ client_id: PUBLIC_CLIENT }, 401, 7000218],
    [{ client_id: agent.agentAppId, client_assertion: 'junk', client_assertion_type: assertionType }, 401, 700027],
    [{ client_id: agent.agentAppId, client_assertion: tc, client_assertion_type: assertionType }, 401, 700212],
  ];
  for (const [form, status, code] of cases) {
    const answer = await postForm(sandbox, TOKEN, { ...obo, requested_token_use: 'on_behalf_of', ...form });
    assert.deepEqual([answer.status, answer.body.error_codes], [status, [code]], JSON.stringify(form).slice(0, 80));
  }
  const stale = accessToken(await agent.exchange());
  await sandbox.control('/clock', { offsetSeconds: 3700 });
  const answer = await agent.onBehalfOf(tc, mcpScope(), { client_assertion: stale });
  assert.deepEqual(answer.body.error_codes, [700024]);
});

test('the blueprint may prove itself by HTTP Basic', async () => {
  const { blueprintSecret } = (await sandbox.control('/entra')) as { blueprintSecret: string };
  const basic = Buffer.from(`${sandbox.json.blueprintAppId}:${blueprintSecret}`).toString('base64');
  const form = {
    grant_type: 'client_credentials',
    scope: 'api://AzureADTokenExchange/.default',
    fmi_path: agent.agentAppId,
  };
  const answer = await postForm(sandbox, TOKEN, form, { Authorization: `Basic ${basic}` });
  assert.equal(claimsOf(answer).azp, sandbox.json.blueprintAppId);
});

test('a token that nobody federated is refused by issuer', async () => {
  const { privateKey } = await generateKeyPair('RS256');
  const now = Math.floor(Date.now() / 1000);
  const projected = await new SignJWT({ sub: 'system:serviceaccount:agent-id:agent-blueprint' })
    .setProtectedHeader({ alg: 'RS256', kid: 'x' })
    .setIssuer('https://another-cluster.example')
    .setAudience('api://AzureADTokenExchange')
    .setExpirationTime(now + 60)
    .sign(privateKey);
  const { status, body } = await postForm(sandbox, TOKEN, {
    client_id: sandbox.json.blueprintAppId,
    client_assertion_type: assertionType,
    client_assertion: projected,
    grant_type: 'client_credentials',
    scope: 'api://AzureADTokenExchange/.default',
  });
  assert.deepEqual([status, body.error_codes], [401, [700211]]);
  assert.match(String(body.error_description), /issuer 'https:\/\/another-cluster\.example'/);
});

test('consent is missing per agent and resource', async () => {
  await sandbox.control('/entra', { consentMissing: ['research-agent/openai'] });
  const refused = await agent.onBehalfOf(tc, AZURE_OPENAI);
  assert.equal(refused.status, 400);
  assert.deepEqual(
    [refused.body.error, refused.body.suberror, refused.body.error_codes],
    ['invalid_grant', 'consent_required', [65001]],
  );
  assert.ok(String(refused.body.error_description).includes(`ID '${agent.agentAppId}'`));
  assert.equal((await agent.onBehalfOf(tc, mcpScope())).status, 200);
  assert.equal((await (await agentLegs(sandbox, 1)).onBehalfOf(tc, AZURE_OPENAI)).status, 200);
  await sandbox.control('/entra', { consentMissing: [] });
  assert.equal((await agent.onBehalfOf(tc, AZURE_OPENAI)).status, 200);
});

test('conditional access: a block stays, multi-factor goes with a new sign-in, or with its claims', async () => {
  await sandbox.control('/entra', { conditionalAccess: { kind: 'block', resources: ['mcp'] } });
  const blocked = await agent.onBehalfOf(tc, mcpScope());
  assert.deepEqual([blocked.body.error, blocked.body.error_codes], ['interaction_required', [53003]]);
  assert.equal((await agent.onBehalfOf(tc, AZURE_OPENAI)).status, 200, 'the other resource is free');

  await sandbox.control('/entra', { conditionalAccess: { kind: 'mfa' } });
  const challenged = await agent.onBehalfOf(tc, AZURE_OPENAI);
  assert.deepEqual([challenged.body.error, challenged.body.error_codes], ['interaction_required', [50076]]);
  const again = (await signIn(sandbox)).access_token;
  assert.equal((await agent.onBehalfOf(again, AZURE_OPENAI)).status, 200);

  await sandbox.control('/entra', { conditionalAccess: { kind: 'mfaWithClaims' } });
  const plain = (await signIn(sandbox)).access_token;
  const { body } = await agent.onBehalfOf(plain, AZURE_OPENAI);
  const claims = String(body.claims);
  assert.deepEqual(Object.keys(JSON.parse(claims) as object), ['access_token']);
  const stepped = (await signIn(sandbox, { claims })).access_token;
  const t2 = claimsOf(await agent.onBehalfOf(stepped, AZURE_OPENAI));
  assert.deepEqual(t2.amr, ['pwd', 'mfa']);
});

test('a scripted fault of the exchange happens once, with its own words', async () => {
  await sandbox.control('/entra', { oboFault: { code: 50105 } });
  assert.deepEqual(((await sandbox.control('/entra')) as { oboFault: unknown }).oboFault, { code: 50105, times: 1 });
  assert.deepEqual((await agent.onBehalfOf(tc, mcpScope())).body.error_codes, [50105]);
  assert.equal((await agent.onBehalfOf(tc, mcpScope())).status, 200);
  await assert.rejects(sandbox.control('/entra', { oboFault: { code: 12345 } }), /AADSTS number/);
});

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** A GUID from its packed form, written independently of the sandbox. */
function guidOf(packed = ''): string {
  const hex = Buffer.from(packed, 'base64url').toString('hex');
  const swapped = (from: number, to: number) => hex.slice(from, to).match(/../g)?.reverse().join('');
  return [swapped(0, 8), swapped(8, 12), swapped(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
