import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import type { Receipt } from '../../src/agent/receipts.ts';
import { STEPS } from '../../src/agent/steps.ts';
import { AgentIdError } from '../../src/base/errors.ts';
import { decodeToken, summarize } from '../../src/identity/claims.ts';
import { startCore } from './support/core.ts';
import { startSandbox, type TestSandbox } from './support/sandbox.ts';

let sandbox: TestSandbox;
let core: Awaited<ReturnType<typeof startCore>>;

before(async () => {
  sandbox = await startSandbox();
  core = await startCore(sandbox);
});
after(async () => {
  await core.stop();
  await sandbox.stop();
});

const TWO_TOOLS = 'Search the docs for the on-behalf-of flow and the web for agent identity.';

test('connecting signs in and ticks off every step', async () => {
  const connection = await core.connect();
  for (const step of STEPS)
    assert.equal(connection.step(step).kind, 'done', `${step}: ${JSON.stringify(connection.step(step))}`);
  assert.equal(core.session.mode, 'sandbox');
  assert.equal(connection.account?.username, sandbox.json.users[0]?.upn);
});

test('the tokens are who they should be, for whom they should be', async () => {
  const { connection } = core.session;
  assert.ok(connection);
  const { json } = sandbox;
  const tc = decodeToken((await connection.userToken({})).raw);
  assert.equal(tc.version, '2.0');
  assert.equal(tc.claims['aud'], json.blueprintAppId);
  assert.equal(tc.claims['appid'], undefined);
  assert.equal(tc.claims['xms_act_fct'], undefined);
  const llm = await connection.broker.get('openai');
  assert.deepEqual(summarize(llm.claims), {
    aud: 'https://cognitiveservices.azure.com',
    sub: json.users[0]?.upn,
    appid: json.agents[0]?.appId,
  });
  const mcp = await connection.broker.get('mcp');
  assert.equal(mcp.claims['aud'], `api://${json.mcpAppId}`);
  assert.ok(String(mcp.claims['xms_act_fct']).split(' ').includes('11'));
});

test('the tools of both targets are listed, the denied one is not', () => {
  const names = core.servers.catalog().map(entry => entry.tool.name);
  assert.ok(names.includes('microsoft_microsoft_docs_search'), names.join());
  assert.ok(names.includes('exa-ai_web_search_exa'), names.join());
  assert.ok(!names.includes('exa-ai_crawling_exa'), names.join());
});

test('a prompt that needs two tools of two targets is answered from their results', async () => {
  const { said, calls, outcome } = await core.say(TWO_TOOLS);
  assert.equal(outcome, 'done');
  assert.deepEqual(calls.map(call => [call.resolved?.target, call.status]).toSorted(), [
    ['exa-ai', 'done'],
    ['microsoft', 'done'],
  ]);
  for (const call of calls) {
    const words = (call.result ?? '').split(/\W+/).filter(word => word.length > 8);
    assert.ok(
      words.some(word => said.includes(word)),
      `nothing of ${call.modelName}'s result is in the answer`,
    );
  }
  assert.equal(core.approvals.length, 2);
});

test('each call left a receipt that names user, agent, audience and token, and holds no token', async () => {
  const text = await readFile(core.receipts.file, 'utf8');
  const receipts = text
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Receipt);
  assert.equal(receipts.length, 2);
  const mcp = await core.session.connection?.broker.get('mcp');
  for (const receipt of receipts) {
    assert.equal(receipt.user?.oid, sandbox.json.users[0]?.oid);
    assert.equal(receipt.agent, sandbox.json.agents[0]?.appId);
    assert.equal(receipt.blueprint, sandbox.json.blueprintAppId);
    assert.equal(receipt.audience, `api://${sandbox.json.mcpAppId}`);
    assert.equal(receipt.tokenFingerprint, mcp?.fingerprint);
    assert.equal(receipt.decision, 'ok');
  }
  assert.doesNotMatch(text, /eyJ/);
});

test('a tool that the policy hides is refused by the gateway, and the clause is named', async () => {
  const { calls } = await core.say('Use exa-ai_crawling_exa to read https://example.com/agents');
  const call = calls.find(candidate => candidate.modelName === 'exa-ai_crawling_exa');
  assert.equal(call?.status, 'denied', JSON.stringify(calls));
  assert.match(call?.denial?.clause ?? '', /crawling_exa/);
});

test('what is allowed for this session is not asked again', async () => {
  core.answerWith({ kind: 'session' });
  await core.say('Search the docs for workload identity federation.');
  const asked = core.approvals.length;
  const { calls } = await core.say('Search the docs for token exchange.');
  assert.equal(calls[0]?.status, 'done');
  assert.equal(core.approvals.length, asked);
});

test('an agent that the policy refuses connects, lists nothing, and its reason can be told', async () => {
  const refused = sandbox.json.agents[1];
  assert.ok(refused);
  const connection = await core.connect(refused.deployment);
  const tools = connection.step('tools');
  assert.deepEqual(tools, { kind: 'done', detail: '0' });
  const server = core.servers.list()[0];
  const reason = connection.explainDenial(server?.spec.id ?? '');
  assert.equal(reason?.everyTool, true);
  assert.ok(
    reason.claims.some(claim => claim.name.includes('appid') && claim.value === refused.appId),
    JSON.stringify(reason),
  );
});

test('a second window goes on silently from the kept sign-in, and sign-out ends it', async () => {
  const second = await startCore(sandbox, { secrets: core.secrets });
  try {
    const connection = await second.session.connect(second.plan(), undefined, AbortSignal.timeout(60_000));
    assert.equal(connection.firstFailure, undefined);
    await connection.signOut();
    await assert.rejects(connection.userToken({}), (error: unknown) => AgentIdError.is(error, 'agent.signInNeeded'));
    const again = await second.session.connect(second.plan(), undefined, AbortSignal.timeout(60_000));
    assert.ok(AgentIdError.is(again.firstFailure?.error, 'agent.signInNeeded'));
  } finally {
    await second.stop();
  }
});

test('no token ever reached the log', () => {
  assert.ok(core.log.length > 0);
  assert.doesNotMatch(core.log.join('\n'), /eyJ[\w-]{8,}\./);
});
