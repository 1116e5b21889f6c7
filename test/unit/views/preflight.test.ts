import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PreflightCheck } from '../../../src/gateway/preflight.ts';
import { sayReason } from '../../../src/views/messages/preflight.ts';
import { sayRemedy } from '../../../src/views/messages/remedy.ts';
import { translate } from './support.ts';

const check = (outcome: PreflightCheck['outcome'], reason: PreflightCheck['reason']): PreflightCheck => ({
  ...{ kind: 'jwtAuth', at: 'route', outcome, rules: [] },
  ...(reason && { reason }),
});

test('a check says what differs, and one that passes says what it took for granted', () => {
  const issuer = check('fails', { code: 'issuerDiffers', expected: 'https://v1/', actual: 'https://v2' });
  assert.equal(sayReason(translate, issuer), 'The token’s issuer is https://v2; the gateway expects https://v1/.');
  assert.match(sayReason(translate, check('passes', { code: 'keysUnseen', kid: 'k' })) ?? '', /key k is taken to be/);
  assert.equal(sayReason(translate, check('passes', undefined)), undefined);
});

test('missing claims are mended by a Graph call with the app of the audience', () => {
  const { sentence, fix } = sayRemedy(translate, { code: 'emitClaims', claims: ['xms_act_fct'], app: 'guid' });
  assert.match(sentence, /optionalClaims/);
  assert.match(fix ?? '', /^# .*\nPATCH https:\/\/graph\.microsoft\.com\/v1\.0\/applications\(appId='guid'\)\n\n\{/);
  assert.deepEqual(JSON.parse((fix ?? '').slice((fix ?? '').indexOf('{'))), {
    optionalClaims: { accessToken: [{ name: 'xms_act_fct', essential: false }] },
  });
});

test('a rule that names other agents is shown with its line, as it is and as it could be', () => {
  const place = { clause: "jwt.appid in ['a']", suggestion: "jwt.appid in ['a', 'b']", line: 21 };
  assert.equal(
    sayRemedy(translate, { code: 'allowAgent', agent: 'b', ...place }).fix,
    "Line 21 of the gateway’s file:\n- jwt.appid in ['a']\n+ jwt.appid in ['a', 'b']",
  );
});
