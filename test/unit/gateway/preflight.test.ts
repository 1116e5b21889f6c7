import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stringify } from 'yaml';
import { parseGatewayConfig } from '../../../src/gateway/config.ts';
import { preflight, type PreflightOptions, type RouteVerdict } from '../../../src/gateway/preflight.ts';
import type { PresentedToken } from '../../../src/gateway/tokenCheck.ts';

const NOW = 1_800_000_000_000;
const AGENT = 'a4c7b0de-0000-4000-8000-000000000001';
const APP = 'c6e9d2f0-0000-4000-8000-000000000003';
const V1 = 'https://sts.windows.net/T/';
const V2 = 'https://login.microsoftonline.com/T/v2.0';
const REFERENCE = `jwt.appid == '${AGENT}' && '11' in jwt.xms_act_fct.split(' ')`;
const KEYS = JSON.stringify({ keys: [{ kty: 'RSA', kid: 'k1', n: 'AQAB', e: 'AQAB' }] });
const jwtAuth = { mode: 'strict', issuer: V1, audiences: [`api://${APP}`], jwks: KEYS };

const token = (claims: object = {}, header: object = {}): PresentedToken => ({
  header: { alg: 'RS256', kid: 'k1', ...header },
  claims: {
    ...{ iss: V1, aud: `api://${APP}`, exp: NOW / 1000 + 600, appid: AGENT, xms_act_fct: '3 9 11', ver: '1.0' },
    ...claims,
  },
});

/** The verdict on an MCP route with these policies. */
function judge(
  policies: object,
  presented: PresentedToken | undefined = token(),
  more: object = {},
  options?: PreflightOptions,
) {
  const route = {
    name: 'mcp',
    matches: [{ path: { exact: '/mcp' } }],
    backends: [{ mcp: { targets: [{ name: 'a' }] } }],
  };
  const text = stringify({ gateways: { default: { port: 3000 } }, routes: [{ ...route, policies }], ...more });
  return preflight(parseGatewayConfig(text), { path: '/mcp' }, presented, NOW, options);
}
const checks = ({ checks: list }: RouteVerdict) => list.map(({ kind, outcome }) => `${kind} ${outcome}`);

describe('a token', () => {
  it('of the other version is refused for its issuer, and the API can be changed', () => {
    const verdict = judge({ jwtAuth }, token({ iss: V2 }));
    assert.deepEqual(verdict.answer, {
      status: 401,
      text: 'authentication failure: the token is invalid or malformed: Error(InvalidIssuer)',
    });
    const check = verdict.checks[1]!;
    assert.deepEqual(check.reason, { code: 'issuerDiffers', expected: V1, actual: V2 });
    assert.deepEqual(check.remedy, { code: 'setIssuer', issuer: V2, version: '1.0', app: APP });
  });
});

describe('the way of a request', () => {
  it('is admitted check by check', () => {
    const verdict = judge({
      jwtAuth,
      authorization: { rules: ['has(jwt.aud)'] },
      mcpAuthorization: { rules: [REFERENCE] },
    });
    assert.equal(verdict.outcome, 'admitted');
    assert.deepEqual(checks(verdict), [
      'route passes',
      'jwtAuth passes',
      'authorization passes',
      'mcpAuthorization passes',
    ]);
    assert.equal(verdict.answer, undefined);
  });

  it('names the clause, the value and the change that mends it', () => {
    const verdict = judge(
      { jwtAuth, mcpAuthorization: { rules: [{ require: REFERENCE }] } },
      token({ xms_act_fct: undefined }),
    );
    assert.equal(verdict.outcome, 'refused');
    assert.deepEqual(verdict.answer, { status: 200, text: '{"tools":[]}' });
    const check = verdict.checks.at(-1)!;
    assert.deepEqual(
      check.rules[0]?.clauses.parts.map(({ text, verdict: of, claims }) => [text, of, claims]),
      [
        [`jwt.appid == '${AGENT}'`, 'holds', [{ name: 'appid', value: AGENT }]],
        [`'11' in jwt.xms_act_fct.split(' ')`, 'fails', [{ name: 'xms_act_fct' }]],
      ],
    );
    assert.ok(check.remedy?.code === 'emitClaims' && check.remedy.app === APP);
  });
});
