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
  assert.equal(
    sayReason(translate, check('passes', { code: 'leeway', at: 1_800_000_000 })),
    'The token expired at 2027-01-15 08:00:00 UTC. The gateway takes one for a minute longer, in case its clock is behind.',
  );
  assert.equal(sayReason(translate, check('passes', undefined)), undefined);
});

test('missing claims are mended by Graph calls with the app of the audience, in the cloud of the connection', () => {
  const remedy = { code: 'emitClaims', claims: ['xms_act_fct'], app: 'guid' } as const;
  const { sentence, who, fix = '' } = sayRemedy(translate, { ...remedy, claims: [...remedy.claims] });
  assert.match(sentence, /optionalClaims/);
  assert.equal(who, 'entraAdmin');
  assert.match(
    fix,
    /GET https:\/\/graph\.microsoft\.com\/v1\.0\/applications\(appId='guid'\)\?\$select=optionalClaims/,
  );
  const call = /PATCH .*\n.*\n\n(\{.*\n\})/s.exec(fix)?.[1] ?? '';
  assert.deepEqual(JSON.parse(call), {
    optionalClaims: { accessToken: [{ name: 'xms_act_fct', essential: false }] },
  });
  const known = { authority: 'https://login.microsoftonline.us/tenant' };
  assert.match(sayRemedy(translate, { ...remedy, claims: [] }, known).fix ?? '', /https:\/\/graph\.microsoft\.us\//);
});

test('a rule that names other agents is shown with its line, as it is and as it could be', () => {
  const place = { clause: "jwt.appid in ['a']", suggestion: "jwt.appid in ['a', 'b']", line: 21 };
  assert.equal(
    sayRemedy(translate, { code: 'allowAgent', agent: 'b', ...place }).fix,
    "Deployed with k8s/deploy.sh: add b to AGENT_APP_IDS in its .env and run it again.\n\nOtherwise: Line 21 of the gateway’s file (ConfigMap agentgateway-config):\n- jwt.appid in ['a']\n+ jwt.appid in ['a', 'b']",
  );
});

test('what a token says stays a value in the text that is sent', () => {
  const audience = 'x\n  - "*"';
  assert.equal(
    sayRemedy(translate, { code: 'addAudience', audiences: [audience] }).fix,
    'audiences:\n  - "x\\n  - \\"*\\""',
  );
  const issuer = sayRemedy(translate, { code: 'setIssuer', issuer: 'https://x\n# y', version: '1.0' });
  assert.ok(issuer.fix?.endsWith('issuer: "https://x\\n# y"'));
  assert.match(issuer.fix ?? '', /"requestedAccessTokenVersion": 1/);
});
