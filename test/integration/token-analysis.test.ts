// What the inspector says of the tokens that the sandbox really issues: signatures by its JWKS over TLS, both versions.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { Authority } from '../../src/identity/authority.ts';
import { classify, type Classification } from '../../src/identity/classify.ts';
import { decodeToken, type DecodedToken } from '../../src/identity/claims.ts';
import { compareTokens } from '../../src/identity/compare.ts';
import { SigningKeys } from '../../src/identity/signingKeys.ts';
import { judge, verifySignature, type Expectation } from '../../src/identity/verify.ts';
import { startCore } from './support/core.ts';
import { PUBLIC_CLIENT, startSandbox, type TestSandbox } from './support/sandbox.ts';

let sandbox: TestSandbox;
before(async () => {
  sandbox = await startSandbox();
});
after(() => sandbox.stop());
beforeEach(async () => {
  await sandbox.control('/reset', {});
  await sandbox.control('/entra', { deviceCodeInterval: 1 });
});

interface Seen {
  raw: string;
  token: DecodedToken;
  classification: Classification;
  /** Checks that are not ok, as `check: code`. */
  findings: string[];
}

const keysOf = () =>
  new SigningKeys({ authority: new Authority(sandbox.json.authority, true), fetch: sandbox.fetch, clock: systemClock });

/** The three tokens of a new connection as the inspector judges them. */
async function tokens(): Promise<{ tc: Seen; llm: Seen; mcp: Seen }> {
  const { json } = sandbox;
  const core = await startCore(sandbox);
  try {
    const connection = await core.connect();
    const agentAppId = connection.configuration.agentAppId.value;
    const apps = { agentAppId, blueprintAppId: json.blueprintAppId };
    const authority = new Authority(json.authority, true);
    const keys = keysOf();
    const user = connection.account!;
    const look = async (raw: string, expected: Expectation): Promise<Seen> => {
      const token = decodeToken(raw);
      const signature = await verifySignature(raw, token, keys, AbortSignal.timeout(10_000));
      const base = { authority, tenantId: json.tenantId, user, clockOffset: keys.clockOffset };
      const verdicts = [signature, ...judge(token, { ...base, ...expected }, Date.now())];
      const findings = verdicts.filter(({ outcome }) => outcome !== 'ok').map(({ check, code }) => `${check}: ${code}`);
      return { raw, token, classification: classify(token.claims, apps), findings };
    };
    const t2 = { callerAppId: agentAppId, blueprintAppId: json.blueprintAppId };
    const { audiences, llmApi, mcpApi } = connection.configuration;
    const get = async (api: string) =>
      look((await connection.broker.get(api)).raw, { ...t2, audiences: audiences[api] ?? [] });
    const tc = await connection.userToken({});
    return {
      tc: await look(tc.raw, { callerAppId: PUBLIC_CLIENT, audiences: [json.blueprintAppId] }),
      llm: await get(llmApi.value),
      mcp: await get(mcpApi.value),
    };
  } finally {
    await core.stop();
  }
}

describe('the tokens of the sandbox', () => {
  test('are what they say, signed by its tenant, and nothing is wrong with them', async () => {
    const { tc, llm, mcp } = await tokens();
    assert.deepEqual([tc.token.version, llm.token.version, mcp.token.version], ['2.0', '1.0', '1.0']);
    assert.deepEqual(
      [tc, llm, mcp].map(({ classification: { kind, certainty } }) => `${kind} ${certainty}`),
      ['user stated', 'agentForUser stated', 'agentForUser stated'],
    );
    for (const seen of [tc, llm, mcp]) assert.deepEqual(seen.findings, []);
  });

  test('show the user stay and the agent appear', async () => {
    const { tc, llm, mcp } = await tokens();
    const apps = { agentAppId: sandbox.json.agents[0]!.appId };
    for (const t2 of [llm, mcp]) {
      const changes = compareTokens(tc.token, t2.token, apps);
      const why = (name: string) => changes.find(change => change.name === name)?.why;
      assert.deepEqual(why('oid'), ['userStays']);
      assert.deepEqual(why('tid'), ['userStays']);
      assert.deepEqual(why('appid'), ['agentActs', 'otherName']);
      assert.deepEqual(why('xms_act_fct'), ['agentAppears']);
      assert.deepEqual(why('iss'), ['resourceChoosesVersion']);
      assert.deepEqual(
        changes.filter(({ alarm }) => alarm),
        [],
      );
    }
    assert.deepEqual(compareTokens(tc.token, llm.token, apps).find(({ name }) => name === 'xms_st')?.why, [
      'threadToUser',
    ]);
  });

  test('are still told when the MCP application does not emit the agent claims, in either version', async () => {
    for (const version of [1, 2]) {
      await sandbox.control('/entra', { agentClaims: false, tokenVersion: { blueprint: 2, mcp: version } });
      const { mcp } = await tokens();
      const { kind, certainty, remedy } = mcp.classification;
      assert.deepEqual([kind, certainty, remedy], ['agentForUser', 'inferred', 'emitAgentClaims'], `v${version}`);
      assert.equal(mcp.token.version, `${version}.0`);
      assert.deepEqual(mcp.findings, ['blueprint: blueprint.absent']);
    }
  });

  test('are told when the blueprint is of version 1', async () => {
    await sandbox.control('/entra', { tokenVersion: { blueprint: 1, mcp: 2 } });
    const { tc, mcp } = await tokens();
    assert.deepEqual([tc.token.version, mcp.token.version], ['1.0', '2.0']);
    assert.deepEqual([tc.classification.kind, mcp.classification.kind], ['user', 'agentForUser']);
    for (const seen of [tc, mcp]) assert.deepEqual(seen.findings, []);
  });

  test('can’t be verified while Entra is out of reach, and that is no failure of theirs', async () => {
    const { tc } = await tokens();
    await sandbox.control('/entra', { down: true });
    const { code, outcome, values } = await verifySignature(tc.raw, tc.token, keysOf(), AbortSignal.timeout(10_000));
    assert.deepEqual([code, outcome], ['signature.unreachable', 'unknown']);
    assert.equal(values.host, new URL(sandbox.json.authority).host);
  });

  test('are not valid with a claim changed', async () => {
    const { llm } = await tokens();
    const [header, , signature] = llm.raw.split('.');
    const payload = Buffer.from(JSON.stringify({ ...llm.token.claims, scp: 'everything' })).toString('base64url');
    const forged = `${header}.${payload}.${signature}`;
    const { code } = await verifySignature(forged, decodeToken(forged), keysOf(), AbortSignal.timeout(10_000));
    assert.equal(code, 'signature.invalid');
  });
});
