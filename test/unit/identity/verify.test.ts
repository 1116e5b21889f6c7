import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';
import { Authority } from '../../../src/identity/authority.ts';
import { decodeToken } from '../../../src/identity/claims.ts';
import { SigningKeys } from '../../../src/identity/signingKeys.ts';
import { judge, verifySignature, type Expectation, type Verdict } from '../../../src/identity/verify.ts';
import {
  AGENT,
  AUTHORITY,
  BLUEPRINT,
  CLIENT,
  fakeFetch,
  fixture,
  json,
  jwt,
  TENANT,
  USER,
  type Payload,
  without,
} from './support.ts';

const authority = new Authority(AUTHORITY, false);
const KEYS_URL = `${AUTHORITY}/discovery/v2.0/keys`;
const soon = () => AbortSignal.timeout(10_000);

interface Pair {
  privateKey: CryptoKey;
  jwk: JWK;
}
let ours: Pair;
let theirs: Pair;

async function pair(kid: string): Promise<Pair> {
  const { publicKey, privateKey } = await generateKeyPair('RS256');
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), kid, use: 'sig' } };
}

const sign = ({ privateKey }: Pair, header: Payload = {}, claims: Payload = fixture('tc-v2')) =>
  new SignJWT(claims).setProtectedHeader({ typ: 'JWT', alg: 'RS256', kid: 'k1', ...header }).sign(privateKey);

/** Keys of a tenant that answers so; the second argument sees each request. */
function keysOf(answer: { keys?: () => Response; discovery?: () => Response; clock?: { now(): number } } = {}) {
  const { keys = () => json({ keys: [ours.jwk] }), discovery = () => json({ jwks_uri: KEYS_URL }) } = answer;
  const network = fakeFetch(({ url }) => (url.pathname.endsWith('openid-configuration') ? discovery() : keys()));
  const clock = answer.clock ?? { now: () => Date.now() };
  return { keys: new SigningKeys({ authority, fetch: network.fetch, clock }), seen: network.seen };
}

const check = async (raw: string, keys: SigningKeys | undefined): Promise<Verdict> =>
  verifySignature(raw, decodeToken(raw), keys, soon());

before(async () => {
  ours = await pair('k1');
  theirs = await pair('k1');
});

describe('the signature', () => {
  it('is the tenant’s', async () => {
    const { keys, seen } = keysOf();
    assert.deepEqual(await check(await sign(ours), keys), {
      check: 'signature',
      outcome: 'ok',
      code: 'signature.valid',
      values: { kid: 'k1' },
    });
    assert.deepEqual(
      seen.map(({ url }) => url.href),
      [`${AUTHORITY}/v2.0/.well-known/openid-configuration`, KEYS_URL],
    );
  });

  it('is somebody else’s, or the token was changed', async () => {
    const { keys } = keysOf();
    assert.equal((await check(await sign(theirs), keys)).code, 'signature.invalid');
    const [header, , signature] = (await sign(ours)).split('.');
    const payload = Buffer.from(JSON.stringify({ ...fixture('tc-v2'), oid: AGENT })).toString('base64url');
    const changed = await check(`${header}.${payload}.${signature}`, keys);
    assert.deepEqual([changed.code, changed.outcome], ['signature.invalid', 'bad']);
    assert.equal((await check(`${header}.${payload}.`, keys)).code, 'signature.invalid');
  });

  it('proves nothing with no algorithm, or one whose key would be a shared secret', async () => {
    const { keys, seen } = keysOf();
    for (const alg of ['none', 'HS256', 'nOnE', '', undefined, 7, 'RS1']) {
      const { code, outcome } = await check(jwt(fixture('tc-v2'), { alg, kid: 'k1' }), keys);
      assert.deepEqual([code, outcome], ['signature.algorithm', 'bad'], String(alg));
    }
    assert.equal(seen.length, 0);
  });

  it('can’t be checked by design where the header has a nonce, as for Graph: that is no failure', async () => {
    const { keys, seen } = keysOf();
    for (const aud of ['https://graph.microsoft.com', '00000003-0000-0000-c000-000000000000']) {
      const raw = await sign(theirs, { nonce: 'AQABAAAAAAC' }, { ...fixture('t2-graph-v1'), aud });
      const { code, outcome } = await check(raw, keys);
      assert.deepEqual([code, outcome], ['signature.onlyForGraph', 'unknown']);
    }
    assert.equal(seen.length, 0);
  });

  it('is asked for in spite of a nonce where the token is not for Graph', async () => {
    const { keys } = keysOf();
    assert.equal((await check(await sign(ours, { nonce: 'n' }), keys)).code, 'signature.valid');
    const { code, outcome } = await check(await sign(theirs, { nonce: 'n' }), keys);
    assert.deepEqual([code, outcome], ['signature.nonce', 'warning']);
  });

  it('is asked for where a token for Graph has no nonce', async () => {
    assert.equal(
      (await check(await sign(theirs, {}, fixture('t2-graph-v1')), keysOf().keys)).code,
      'signature.invalid',
    );
  });

  it('is not asked for offline', async () => {
    const { code, outcome } = await check(await sign(ours), undefined);
    assert.deepEqual([code, outcome], ['signature.notChecked', 'unknown']);
  });

  it('needs a key id, and only a text is one', async () => {
    const { keys, seen } = keysOf();
    for (const kid of [undefined, '', 1, {}])
      assert.equal((await check(jwt({}, { alg: 'RS256', kid }), keys)).code, 'signature.noKeyId');
    assert.equal(seen.length, 0);
  });

  it('asks once more for a key that it does not know, but not for each such token', async () => {
    let now = 1_000_000;
    const known = [theirs.jwk];
    const { keys, seen } = keysOf({
      keys: () => json({ keys: known.map(key => ({ ...key, kid: 'old' })) }),
      clock: { now: () => now },
    });
    const raw = await sign(ours);
    const { code, outcome } = await check(raw, keys);
    assert.deepEqual([code, outcome], ['signature.unknownKey', 'bad']);
    assert.equal(seen.length, 2);
    await check(raw, keys);
    assert.equal(seen.length, 2, 'a minute has not passed');
    now += 61_000;
    await check(raw, keys);
    assert.equal(seen.length, 4);
  });

  it('finds a key that was added since', async () => {
    let now = 1_000_000;
    let rolled = false;
    const { keys, seen } = keysOf({
      keys: () => json({ keys: rolled ? [ours.jwk] : [] }),
      clock: { now: () => now },
    });
    assert.equal((await check(await sign(ours), keys)).code, 'signature.unknownKey');
    rolled = true;
    now += 61_000;
    assert.equal((await check(await sign(ours), keys)).code, 'signature.valid');
    now += 23 * 3600_000;
    assert.equal((await check(await sign(ours), keys)).code, 'signature.valid');
    assert.equal(seen.length, 4, 'kept for a day');
    now += 2 * 3600_000;
    await check(await sign(ours), keys);
    assert.equal(seen.length, 6);
  });

  it('shares one request among checks that run at once', async () => {
    const { keys, seen } = keysOf();
    const raw = await sign(ours);
    const codes = await Promise.all([check(raw, keys), check(raw, keys), check(raw, keys)]);
    assert.deepEqual(
      codes.map(({ code }) => code),
      Array(3).fill('signature.valid'),
    );
    assert.equal(seen.length, 2);
  });

  const unreachable: [what: string, answer: Parameters<typeof keysOf>[0], reason: RegExp][] = [
    ['nobody answers', { keys: () => Promise.reject(new Error('ECONNREFUSED')) as never }, /ECONNREFUSED/],
    ['the answer is a refusal', { discovery: () => json({}, 503) }, /status 503/],
    ['the answer is no JSON', { discovery: () => new Response('<html>') }, /no discovery document/],
    ['there is no address for the keys', { discovery: () => json({ issuer: 'x' }) }, /no discovery document/],
    ['the keys are none', { keys: () => json({ keys: 'x' }) }, /no key set/],
    ['the keys are too many', { keys: () => json({ keys: Array(201).fill({ kty: 'RSA' }) }) }, /no key set/],
    ['the answer is too large', { keys: () => new Response(`"${'x'.repeat(600_000)}"`) }, /no key set/],
  ];
  for (const [what, answer, reason] of unreachable) {
    it(`is not judged when ${what}`, async () => {
      const { code, outcome, values } = await check(await sign(ours), keysOf(answer).keys);
      assert.deepEqual([code, outcome], ['signature.unreachable', 'unknown']);
      assert.match(String(values.reason), reason);
      assert.equal(values.host, 'login.microsoftonline.com');
    });
  }

  it('asks no host but the authority’s for keys', async () => {
    for (const address of [
      'https://keys.example/keys',
      'http://login.microsoftonline.com/keys',
      'https://a@login.microsoftonline.com/k',
      'x',
    ]) {
      const { keys, seen } = keysOf({ discovery: () => json({ jwks_uri: address }) });
      assert.equal((await check(await sign(ours), keys)).code, 'signature.unreachable');
      assert.equal(seen.length, 1, address);
    }
  });

  it('follows no redirect to keys', async () => {
    const redirects: unknown[] = [];
    const { fetch } = fakeFetch(({ url }) =>
      url.pathname.endsWith('openid-configuration') ? json({ jwks_uri: KEYS_URL }) : json({ keys: [ours.jwk] }),
    );
    const keys = new SigningKeys({
      authority,
      clock: { now: () => 0 },
      fetch: (input, init) => {
        redirects.push(init?.redirect);
        return fetch(input, init);
      },
    });
    await check(await sign(ours), keys);
    assert.deepEqual(redirects, ['error', 'error']);
  });

  it('is not judged by a key that can’t be read, or that is for something else', async () => {
    const broken = await check(
      await sign(ours),
      keysOf({ keys: () => json({ keys: [{ kty: 'RSA', kid: 'k1' }] }) }).keys,
    );
    assert.deepEqual(
      [broken.code, broken.outcome, broken.values.host],
      ['signature.unreachable', 'unknown', 'login.microsoftonline.com'],
    );
    const secret = { kty: 'oct', kid: 'k1', k: 'c2VjcmV0' };
    assert.notEqual(
      (await check(await sign(ours), keysOf({ keys: () => json({ keys: [secret] }) }).keys)).outcome,
      'ok',
    );
  });

  it('ends with its caller', async () => {
    const gone = AbortSignal.abort(new Error('gone'));
    const raw = await sign(ours);
    await assert.rejects(verifySignature(raw, decodeToken(raw), keysOf().keys, gone), /gone/);
  });
});

const NOW = 1772372000_000;
const CONNECTION: Expectation = {
  authority,
  tenantId: TENANT,
  audiences: [`api://d00dfeed-5555-4666-8777-888899990000`],
  callerAppId: AGENT,
  blueprintAppId: BLUEPRINT,
  user: { oid: USER, tid: TENANT },
};

/** `check: outcome code` for each. */
const said = (claims: Payload, expected: Expectation = CONNECTION, now = NOW): Record<string, string> =>
  Object.fromEntries(judge(decodeToken(jwt(claims)), expected, now).map(v => [v.check, `${v.outcome} ${v.code}`]));
const one = (claims: Payload, name: string, expected: Expectation = CONNECTION, now = NOW): Verdict => {
  const found = judge(decodeToken(jwt(claims)), expected, now).find(({ check }) => check === name);
  assert.ok(found);
  return found;
};

describe('judge', () => {
  it('finds nothing wrong with T2 in either version', () => {
    const good = {
      issuer: 'ok issuer.ok',
      audience: 'ok audience.ok',
      caller: 'ok caller.ok',
      blueprint: 'ok blueprint.ok',
      user: 'ok user.ok',
      expiry: 'ok expiry.ok',
      notBefore: 'ok notBefore.ok',
      clock: 'unknown clock.notSeen',
    };
    assert.deepEqual(said(fixture('t2-mcp-v1')), good);
    assert.deepEqual(said(fixture('t2-mcp-v2')), { ...good, blueprint: 'unknown blueprint.absent' });
  });

  it('finds nothing wrong with Tc in either version', () => {
    const tc = without({ ...CONNECTION }, 'blueprintAppId');
    for (const name of ['tc-v1', 'tc-v2'])
      assert.deepEqual(said(fixture(name), { ...tc, audiences: [BLUEPRINT], callerAppId: CLIENT }), {
        issuer: 'ok issuer.ok',
        audience: 'ok audience.ok',
        caller: 'ok caller.ok',
        user: 'ok user.ok',
        expiry: 'ok expiry.ok',
        notBefore: 'ok notBefore.ok',
        clock: 'unknown clock.notSeen',
      });
  });

  it('judges nothing that it has nothing to compare with', () => {
    assert.deepEqual(said(fixture('t2-mcp-v1'), {}), {
      issuer: 'unknown issuer.unknown',
      audience: 'unknown audience.unknown',
      caller: 'unknown caller.unknown',
      blueprint: 'unknown blueprint.unknown',
      user: 'unknown user.unknown',
      expiry: 'ok expiry.ok',
      notBefore: 'ok notBefore.ok',
      clock: 'unknown clock.notSeen',
    });
  });

  it('wants the issuer of this tenant, in the form of the token’s version', () => {
    const claims = fixture('t2-mcp-v1');
    const v2 = `https://login.microsoftonline.com/${TENANT}/v2.0`;
    assert.deepEqual(one({ ...claims, iss: v2 }, 'issuer').code, 'issuer.versionDiffers');
    assert.equal(one({ ...claims, ver: undefined }, 'issuer').code, 'issuer.versionDiffers');
    const others = [
      `https://sts.windows.net/${TENANT}`, // no slash
      `https://sts.windows.net/${USER}/`,
      `https://sts.windows.net.evil.example/${TENANT}/`,
      `http://sts.windows.net/${TENANT}/`,
      '',
      null,
    ];
    for (const iss of others) assert.equal(one({ ...claims, iss }, 'issuer').code, 'issuer.differs', String(iss));
    assert.equal(one({ ...claims, iss: 'x' }, 'issuer').values.expected, `https://sts.windows.net/${TENANT}/`);
  });

  it('takes the rules of the authority that it is given: another cloud, a sandbox', () => {
    const issuerOf = (address: string, iss: string, ver: string, known = false) =>
      one({ ...fixture('t2-mcp-v1'), iss, ver }, 'issuer', { ...CONNECTION, authority: new Authority(address, known) })
        .code;
    const china = `https://login.partner.microsoftonline.cn/${TENANT}`;
    assert.equal(issuerOf(china, `https://sts.chinacloudapi.cn/${TENANT}/`, '1.0'), 'issuer.ok');
    assert.equal(issuerOf(china, `${china}/v2.0`, '2.0'), 'issuer.ok');
    assert.equal(issuerOf(china, `https://sts.windows.net/${TENANT}/`, '1.0'), 'issuer.differs');
    const old = `https://login.windows.net/${TENANT}`;
    assert.equal(issuerOf(old, `${AUTHORITY}/v2.0`, '2.0'), 'issuer.ok');
    const government = `https://login.microsoftonline.us/${TENANT}`;
    assert.equal(issuerOf(government, `https://sts.windows.net/${TENANT}/`, '1.0'), 'issuer.ok');
    assert.equal(issuerOf(government, `${AUTHORITY}/v2.0`, '2.0'), 'issuer.differs');
    const sandbox = 'https://127.0.0.1:8443';
    assert.equal(issuerOf(`${sandbox}/${TENANT}`, `${sandbox}/sts/${TENANT}/`, '1.0', true), 'issuer.ok');
    assert.equal(issuerOf(`${sandbox}/${TENANT}`, `${sandbox}/${TENANT}/v2.0`, '2.0', true), 'issuer.ok');
    assert.equal(issuerOf(`${sandbox}/${TENANT}`, `https://sts.windows.net/${TENANT}/`, '1.0', true), 'issuer.differs');
  });

  it('notices another audience, caller, blueprint or user', () => {
    const claims = fixture('t2-mcp-v1');
    assert.deepEqual(one({ ...claims, aud: ['x'] }, 'audience').values, {
      expected: CONNECTION.audiences![0],
      actual: 'x',
    });
    const caller = one({ ...claims, appid: BLUEPRINT }, 'caller');
    assert.deepEqual([caller.outcome, caller.values], ['bad', { claim: 'appid', expected: AGENT, actual: BLUEPRINT }]);
    assert.equal(one({ ver: '2.0' }, 'caller').values.claim, 'azp');
    const parent = one({ ...claims, xms_par_app_azp: AGENT }, 'blueprint');
    assert.deepEqual([parent.outcome, parent.code], ['warning', 'blueprint.differs'], 'a hint, never proof');
    const user = one({ ...claims, oid: AGENT }, 'user');
    assert.deepEqual([user.outcome, user.values.claim], ['bad', 'oid']);
    assert.equal(one({ ...claims, tid: AGENT }, 'user').values.claim, 'tid');
    assert.equal(one(fixture('t2-autonomous-v1'), 'user').code, 'user.none');
  });

  it('judges the life of a token', () => {
    const claims = fixture('t2-mcp-v1');
    const exp = Number(claims.exp) * 1000;
    const at = (now: number) => one(claims, 'expiry', CONNECTION, now);
    assert.deepEqual(at(exp - 300_000).code, 'expiry.ok');
    assert.deepEqual([at(exp - 299_999).code, at(exp - 299_999).values], ['expiry.soon', { at: exp, left: 299_999 }]);
    assert.deepEqual([at(exp).outcome, at(exp).values], ['bad', { at: exp, since: 0 }]);
    for (const odd of [undefined, 'x', 1e300])
      assert.equal(one({ ...claims, exp: odd }, 'expiry').code, 'expiry.missing');
    const nbf = Number(claims.nbf) * 1000;
    assert.deepEqual(one(claims, 'notBefore', CONNECTION, nbf - 1).values, { at: nbf, left: 1 });
    assert.equal(one({ ...claims, nbf: 'x' }, 'notBefore').outcome, 'unknown');
  });

  it('judges the life of a token by Entra’s clock where that was seen, as the gateway will', () => {
    const claims = fixture('t2-mcp-v1');
    const exp = Number(claims.exp) * 1000;
    const seen = (name: string, clockOffset: number, now: number) =>
      one(claims, name, { ...CONNECTION, clockOffset }, now).code;
    assert.equal(seen('expiry', 600_000, exp - 400_000), 'expiry.past', 'our clock is behind');
    assert.equal(seen('expiry', -600_000, exp + 100_000), 'expiry.ok', 'our clock is ahead');
    assert.equal(seen('notBefore', 600_000, Number(claims.nbf) * 1000 - 1), 'notBefore.ok');
  });

  it('says by how much the clock is off, by Entra’s own where it was seen', () => {
    const claims = fixture('t2-mcp-v1');
    const clock = (clockOffset: number) => one(claims, 'clock', { ...CONNECTION, clockOffset });
    assert.deepEqual([clock(-59_999).code, clock(-59_999).outcome], ['clock.ok', 'ok']);
    assert.deepEqual([clock(60_000).outcome, clock(60_000).values], ['warning', { offset: 60_000 }]);
    assert.equal(clock(-300_000).outcome, 'bad');
    const future = one(claims, 'clock', CONNECTION, Number(claims.iat) * 1000 - 5000);
    assert.deepEqual([future.outcome, future.values], ['warning', { ahead: 5000 }]);
  });
});

describe('the clock of Entra', () => {
  it('is what its last answer says, with its age where a cache gave it', async () => {
    const now = Date.parse('Sun, 01 Mar 2026 14:00:00 GMT');
    const answer = (date: string, age = '0') =>
      keysOf({ keys: () => json({ keys: [ours.jwk] }, 200, { date, age }), clock: { now: () => now } }).keys;
    const keys = answer('Sun, 01 Mar 2026 14:02:00 GMT');
    assert.equal(keys.clockOffset, undefined);
    await check(await sign(ours), keys);
    assert.equal(keys.clockOffset, 120_000);
    const cached = answer('Sun, 01 Mar 2026 13:00:00 GMT', '3600');
    await check(await sign(ours), cached);
    assert.equal(cached.clockOffset, 0);
    const odd = answer('yesterday');
    await check(await sign(ours), odd);
    assert.equal(odd.clockOffset, undefined);
  });
});
