import assert from 'node:assert/strict';
import { test } from 'node:test';
import { redact } from '../../../src/base/redact.ts';

const header = Buffer.from('{"typ":"JWT","alg":"RS256","kid":"k1"}').toString('base64url');
const payload = Buffer.from('{"aud":"api://x","oid":"77777777-1111-4222-8333-444455556666"}').toString('base64url');
const jwt = `${header}.${payload}.c2lnbmF0dXJl`;

test('a token is hidden wherever it stands', () => {
  const places = [
    jwt,
    `"${jwt}"`,
    `token=${jwt}&x=1`,
    `token-${jwt}`,
    `a-long-prefix.${jwt}`,
    `https://host/?id_token=${jwt}#end`,
    `${header}.${payload}`,
    `${jwt}.four.five`,
  ];
  for (const text of places) {
    const shown = redact(`before ${text} after`);
    assert.ok(shown.startsWith('before ') && shown.endsWith(' after'), shown);
    assert.ok(shown.includes('‹token›') || shown.includes('‹secret›'), shown);
    for (const part of [header, payload, 'c2lnbmF0dXJl']) assert.ok(!shown.includes(part), shown);
  }
});

test('bearers, named secrets and refresh tokens of Entra are hidden', () => {
  const refresh = `1.AXoACj0b9Fs${'Ab_-'.repeat(40)}.AgABAwEAAAD${'xY9z'.repeat(60)}`;
  assert.equal(redact('Authorization: Bearer abcdef0123456789'), 'Authorization: Bearer ‹token›');
  assert.equal(redact('{"device_code":"GAQABAAEAAAD","a":1}'), '{"device_code":"‹secret›","a":1}');
  assert.equal(redact('api-key: 0123456789abcdef'), 'api-key: ‹secret›');
  assert.equal(redact(`kept ${refresh} too`), 'kept ‹token› too');
});

test('what people need to read stays', () => {
  const lines = [
    'Token for mcp: 0123456789abcdef, until 2026-01-01T00:00:00.000Z',
    'GET http://sidecar.invalid/AuthorizationHeader/openai?AgentIdentity=c0ffee00-1111-4222-8333-444455556666 1.1.0',
    'AADSTS65001: the user has not consented. research-agent-7d4b9c8f6d-x2x9q eyJ is how a token begins.',
  ];
  for (const line of lines) assert.equal(redact(line), line);
});

test('text that is made to look like the start of tokens costs no more time than any other', () => {
  const texts = ['eyJ-', 'eyJaaaaaaaaa-', 'eyJaaaaaaaaa.', 'Bearer ', '"assertion" ', '1.A-', '.', '-'];
  for (const text of texts) {
    const started = performance.now();
    redact(text.repeat(Math.ceil(512_000 / text.length)));
    assert.ok(performance.now() - started < 2_000, `${text}: ${performance.now() - started} ms`);
  }
});
