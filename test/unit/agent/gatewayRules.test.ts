import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayRules, type GatewayRulesDeps } from '../../../src/agent/gatewayRules.ts';
import { parseGatewayConfig } from '../../../src/gateway/config.ts';
import { Authority } from '../../../src/identity/authority.ts';
import { decodeToken } from '../../../src/identity/claims.ts';
import { SigningKeys } from '../../../src/identity/signingKeys.ts';
import { AUTHORITY, fakeFetch, fixture, json, jwt, TENANT, type Payload } from '../identity/support.ts';

const NOW = 1_800_000_000_000;
const seconds = NOW / 1000;
const ADDRESS = `${AUTHORITY}/discovery/v2.0/keys`;
const file = (address: string) =>
  parseGatewayConfig(`
binds:
- port: 8080
  listeners:
  - routes:
    - name: llm
      matches: [{path: {pathPrefix: /llm}}]
      policies:
        jwtAuth:
          mode: strict
          issuer: https://sts.windows.net/${TENANT}/
          jwks: {url: ${address}}
      backends: [{ai: {provider: {azureOpenAI: {host: x.openai.azure.com}}}}]
`);

/** What the gateway would say of a token's key: the outcome, and the reason of the check. */
async function judged(options: { address?: string; kid?: string; asked?: boolean; claims?: Payload } = {}) {
  const { address = ADDRESS, kid = 'k1', asked = true, claims = {} } = options;
  const network = fakeFetch(({ url }) =>
    json(url.href === ADDRESS ? { keys: [{ kty: 'RSA', kid: 'k1', n: 'AQAB', e: 'AQAB' }] } : { jwks_uri: ADDRESS }),
  );
  const clock = { now: () => NOW };
  const authority = new Authority(AUTHORITY, false);
  const signingKeys = new SigningKeys({ authority, fetch: network.fetch, clock });
  if (asked) await signingKeys.find('k1', AbortSignal.timeout(20_000));
  const value = (text: string) => ({ value: text, source: '' });
  const configuration = { gatewayFile: file(address), routes: [], llmPath: value('/llm'), llmDeployment: value('m') };
  const rules = new GatewayRules({
    configuration: configuration as unknown as GatewayRulesDeps['configuration'],
    broker: { peek: () => undefined },
    servers: { list: () => [] },
    signingKeys,
    clock,
  });
  const payload = { ...fixture('t2-openai-v1'), iat: seconds - 60, exp: seconds + 600, ...claims };
  const { claims: read } = decodeToken(jwt(payload));
  const [verdict] = rules.preflight('llm', { header: { alg: 'RS256', kid }, claims: read });
  return [verdict?.outcome, verdict?.checks.find(({ kind }) => kind === 'jwtAuth')?.reason?.code];
}

test('where the gateway takes its keys from the tenant, those that were seen there decide', async () => {
  assert.deepEqual(await judged(), ['admitted', undefined]);
  assert.deepEqual(await judged({ address: ADDRESS.replace(TENANT, TENANT.toUpperCase()) }), ['admitted', undefined]);
  assert.deepEqual(await judged({ kid: 'k9' }), ['refused', 'unknownKey']);
});

test('keys that nobody has asked for, that are elsewhere, or that may be new since then are taken for granted', async () => {
  assert.deepEqual(await judged({ asked: false }), ['admitted', 'keysUnseen']);
  assert.deepEqual(await judged({ address: 'https://keys.example/keys' }), ['admitted', 'keysUnseen']);
  for (const iat of [seconds + 5, undefined, 'x'])
    assert.deepEqual(await judged({ kid: 'k9', claims: { iat } }), ['admitted', 'keysUnseen'], String(iat));
  assert.deepEqual(await judged({ claims: { iat: seconds + 5 } }), ['admitted', undefined], 'its key is among them');
});
