import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { AgentIdError } from '../../../src/base/errors.ts';
import { decodeToken, fingerprint, summarize } from '../../../src/identity/claims.ts';
import { AGENT, BLUEPRINT, CLIENT, fixture, jwt } from './support.ts';

describe('decodeToken', () => {
  it('reads header, claims, version and expiry', () => {
    const token = decodeToken(jwt(fixture('tc-v2')));
    assert.equal(token.version, '2.0');
    assert.equal(token.expiresAt, 1772376722_000);
    assert.equal(token.header.alg, 'RS256');
    assert.equal(token.claims.aud, BLUEPRINT);
    assert.equal(decodeToken(jwt(fixture('t2-mcp-v1'))).version, '1.0');
  });

  it('takes the version from ver alone', () => {
    assert.equal(decodeToken(jwt({ iss: 'https://login.microsoftonline.com/x/v2.0' })).version, undefined);
    assert.equal(decodeToken(jwt({ ver: '3.0' })).version, undefined);
  });

  it('has no expiry where exp is absent or no number', () => {
    assert.equal(decodeToken(jwt({ ver: '1.0' })).expiresAt, undefined);
    for (const exp of ['soon', null, {}]) assert.equal(decodeToken(jwt({ exp })).expiresAt, undefined);
  });

  it('has no expiry where exp is no time that a calendar knows', () => {
    for (const exp of [1e300, -1e300, 8.64e12 + 1]) {
      const { expiresAt } = decodeToken(jwt({ exp }));
      assert.equal(expiresAt, undefined, String(exp));
    }
    assert.equal(decodeToken(jwt({ exp: 8.64e12 })).expiresAt, 8.64e15);
  });

  const bodies = (payload: string, header = '{"alg":"RS256"}') =>
    [header, payload].map(part => Buffer.from(part).toString('base64url')).join('.') + '.c2ln';
  const malformed: [what: string, raw: string][] = [
    ['an empty text', ''],
    ['an opaque token', 'EwBwA8l6BAAU'],
    ['two parts', 'eyJhbGciOiJub25lIn0.e30'],
    ['an encrypted token of five parts', 'a.b.c.d.e'],
    ['a payload that is no JSON', bodies('not json')],
    ['a payload that is a list', bodies('["x"]')],
    ['a header that is no JSON', bodies('{}', 'nope')],
    ['a claim that is there twice', bodies('{"appid":"a","x":[{"appid":1}],"\\u0061ppid":"b"}')],
    ['an inner name that is there twice', bodies('{"xms_st":{"sub":"a","sub":"b"}}')],
    ['a header field that is there twice', bodies('{}', '{"alg":"none","alg":"RS256"}')],
    ['characters outside base64url', 'eyJ!.e30.x'],
    ['a payload nested without end', bodies(`{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`)],
  ];
  for (const [what, raw] of malformed) {
    it(`calls ${what} malformed, and does not quote it`, () => {
      assert.throws(
        () => decodeToken(raw),
        (error: unknown) => {
          assert.ok(AgentIdError.is(error, 'token.malformed'));
          assert.ok(String(error.args.reason).length > 0);
          if (raw) assert.ok(!error.message.includes(raw));
          return true;
        },
      );
    });
  }

  it('takes the same name in several objects, and text that only looks like one', () => {
    const { claims } = decodeToken(bodies('{"a":{"sub":1},"b":[{"sub":2},{"sub":3}],"c":"\\"a\\":1","sub":4}'));
    assert.deepEqual([claims.sub, claims.c], [4, '"a":1']);
  });

  it('does not read what is larger than any token', () => {
    assert.throws(() => decodeToken(jwt({ pad: 'x'.repeat(64 * 1024) })), { code: 'token.tooLarge' });
    assert.ok(decodeToken(jwt({ pad: 'x'.repeat(40 * 1024) })));
  });

  it('is not fooled by names of object members', () => {
    const { claims } = decodeToken(bodies('{"__proto__":{"aud":"x"},"constructor":"y"}'));
    assert.equal(claims.aud, undefined);
    assert.equal(summarize(claims).aud, '');
  });
});

describe('summarize', () => {
  it('prefers upn and appid, and falls back to sub and azp', () => {
    assert.deepEqual(summarize(fixture('t2-openai-v1')), {
      aud: 'https://cognitiveservices.azure.com',
      sub: 'robin@contoso.example',
      appid: AGENT,
    });
    assert.deepEqual(summarize(fixture('tc-v2')), {
      aud: BLUEPRINT,
      sub: 'pX3kW0fJmT7yV9sQ2uZ5bN8cR1dL4gH6',
      appid: CLIENT,
    });
  });

  it('takes a list of audiences, and nothing at all', () => {
    assert.equal(summarize({ aud: ['a', 'b'] }).aud, 'a b');
    assert.deepEqual(summarize({ sub: 7 }), { aud: '', sub: '', appid: '' });
  });
});

describe('fingerprint', () => {
  it('is the start of the SHA-256', () => {
    const raw = jwt(fixture('tc-v2'));
    assert.equal(fingerprint(raw), createHash('sha256').update(raw).digest('hex').slice(0, 16));
  });
});
