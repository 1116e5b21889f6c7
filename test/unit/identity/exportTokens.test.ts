import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { classify } from '../../../src/identity/classify.ts';
import { decodeToken } from '../../../src/identity/claims.ts';
import { exportTokens, type Exported } from '../../../src/identity/exportTokens.ts';
import { judge } from '../../../src/identity/verify.ts';
import { AGENT, BLUEPRINT, fixture, jwt, USER, type Payload } from './support.ts';

const NOW = 1772372000_000;

function exported(claims: Payload, header?: Payload): Exported {
  const raw = jwt(claims, header).replace(/c2lnbmF0dXJl$/, 'c2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJl');
  const token = decodeToken(raw);
  const classification = classify(token.claims, { agentAppId: AGENT, blueprintAppId: BLUEPRINT });
  return { label: 'T2 (MCP)', raw, token, classification, verdicts: judge(token, {}, NOW) };
}

interface Document {
  exportedAt: string;
  kept: string;
  tokens: {
    label: string;
    fingerprint: string;
    header: Payload;
    claims: Payload;
    verdicts: Payload[];
    classification: Payload;
  }[];
}
const read = (text: string): Document => JSON.parse(text) as Document;
const claimsOf = (claims: Payload): Payload => read(exportTokens([exported(claims)], NOW)).tokens[0]!.claims;

describe('exportTokens', () => {
  it('has header, claims, judgement and fingerprint, and is dated', () => {
    const token = exported(fixture('t2-mcp-v1'));
    const document = read(exportTokens([token], NOW));
    assert.equal(document.exportedAt, '2026-03-01T13:33:20.000Z');
    const [first] = document.tokens;
    assert.match(first?.fingerprint ?? '', /^[0-9a-f]{16}$/);
    assert.deepEqual(first?.header, { typ: 'JWT', alg: 'RS256', kid: 'k1' });
    assert.equal(first.classification.kind, 'agentForUser');
    assert.ok(first.verdicts.some(({ code }) => code === 'expiry.ok'));
    assert.equal(first.claims.aud, fixture('t2-mcp-v1').aud);
    assert.equal(first.claims.oid, USER, 'ids stay: an administrator finds the user by them');
    assert.match(document.kept, /Ids of user, tenant, groups .* stay/, 'and whoever sends it on is told');
    assert.deepEqual(first.claims.amr, ['pwd', 'mfa']);
  });

  it('has no raw token and no part of one', () => {
    for (const name of ['tc-v1', 'tc-v2', 't2-openai-v1', 't2-graph-v1', 't1']) {
      const token = exported(fixture(name));
      const text = exportTokens([token], NOW);
      for (const part of [token.raw, ...token.raw.split('.')]) assert.ok(!text.includes(part), name);
      assert.doesNotMatch(text, /eyJ/);
    }
  });

  it('masks what says who a person is', () => {
    const text = exportTokens([exported({ ...fixture('t2-openai-v1'), email: 'robin@contoso.example' })], NOW);
    for (const personal of ['robin', 'Robin', '203.0.113.7', '10032000AAAAAAAA', '0012ab34'])
      assert.ok(!text.includes(personal), personal);
  });

  it('gives equal values equal masks in one document, so that it shows that the user stays', () => {
    const [tc, t2] = read(exportTokens([exported(fixture('tc-v2')), exported(fixture('t2-mcp-v1'))], NOW)).tokens;
    assert.match(String(tc?.claims.preferred_username), /^‹masked \d+›$/);
    assert.equal(t2?.claims.upn, tc?.claims.preferred_username);
    assert.notEqual(t2?.claims.name, t2?.claims.upn);
  });

  it('masks the values of claims and header fields that it does not know, and those that Entra keeps for itself', () => {
    const claims = claimsOf({ ...fixture('tc-v2'), extn: { mail: 'robin@contoso.example' } });
    assert.match(String(claims.extn), /^‹masked \d+›$/);
    assert.deepEqual([claims.aio, claims.rh, claims.xms_ftd], ['‹internal›', '‹internal›', '‹internal›']);
    const { header } = read(exportTokens([exported({}, { alg: 'RS256', nonce: 'AQABAAAAAAC', jku: 'x' })], NOW))
      .tokens[0]!;
    assert.match(String(header.nonce), /^‹masked/);
    assert.match(String(header.jku), /^‹masked/);
  });

  it('leaves no token behind that somebody put into a claim, its name, or a label', () => {
    const inner = jwt(fixture('tc-v2'));
    const token = exported({
      aud: inner,
      scp: `Bearer ${inner}`,
      xms_st: { [inner]: [inner, `x ${inner}`] },
      [inner]: 1,
      access_token: 'secret',
      roles: ['c2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJl'],
    });
    const text = exportTokens([{ ...token, label: `see ${inner}` }], NOW);
    for (const part of [...inner.split('.').slice(0, 2), ...token.raw.split('.')]) assert.ok(!text.includes(part));
    assert.ok(!text.includes('secret'));
  });

  it('survives claims that are called like members of every object', () => {
    const hostile = JSON.parse('{"__proto__":{"a":1},"constructor":"b","xms_st":{"__proto__":{"sub":"s"}}}') as Payload;
    const text = exportTokens([exported(hostile)], NOW);
    assert.equal(({} as Payload).a, undefined);
    assert.ok(read(text));
  });
});
