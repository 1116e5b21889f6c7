import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspectPasted } from '../../../src/identity/pasted.ts';
import { BLUEPRINT, fixture, jwt } from './support.ts';

const RAW = jwt(fixture('tc-v2'));
const wrapped = RAW.replace(/.{76}/g, '$&\r\n');

const found: [what: string, text: string][] = [
  ['alone', RAW],
  ['with space and line ends around it', `\r\n\t ${RAW} \n`],
  ['after Bearer', `Bearer ${RAW}`],
  ['in a header line', `authorization: bearer ${RAW}`],
  ['in quotes', `"${RAW}"`],
  ['in other quotes, with a comma', `'${RAW}',`],
  ['in back quotes', `\`${RAW}\``],
  ['broken into lines', wrapped],
  ['broken into lines, after Bearer', `Bearer ${wrapped}`],
  ['in the answer of the sidecar', JSON.stringify({ authorizationHeader: `Bearer ${RAW}` })],
  [
    'in the answer of a token endpoint',
    JSON.stringify({ token_type: 'Bearer', expires_in: 3599, access_token: RAW }, null, 2),
  ],
  ['as the Azure CLI prints it', JSON.stringify({ accessToken: RAW, tokenType: 'Bearer' })],
  ['in an address', `https://app.example/#access_token=${RAW}&token_type=Bearer&state=1`],
  ['in an address that is encoded', `#id_token=${RAW.replaceAll('.', '%2E')}&x=1`],
  ['in a log line', `2026-03-01 14:00:00 sent Authorization: Bearer ${RAW} to /mcp`],
  ['in a command', `curl -H "Authorization: Bearer ${RAW}" https://x.example`],
];

describe('inspectPasted', () => {
  for (const [what, text] of found) {
    it(`finds a token ${what}`, () => {
      const pasted = inspectPasted(text);
      assert.ok(pasted.kind === 'token', JSON.stringify(pasted));
      assert.equal(pasted.raw, RAW);
      assert.equal(pasted.token.claims.aud, BLUEPRINT);
    });
  }

  it('takes a token that nobody signed', () => {
    const raw = `${jwt(fixture('tc-v2'), { alg: 'none' }).split('.').slice(0, 2).join('.')}.`;
    const pasted = inspectPasted(raw);
    assert.ok(pasted.kind === 'token');
    assert.equal(pasted.raw, raw);
  });

  it('reads the header of an encrypted token, and says that it is no more', () => {
    const header = Buffer.from(JSON.stringify({ alg: 'RSA-OAEP', enc: 'A256GCM', kid: 'k\u202e' })).toString(
      'base64url',
    );
    assert.deepEqual(inspectPasted(`Bearer ${header}.a.b.c.d`), {
      kind: 'encrypted',
      header: { alg: 'RSA-OAEP', enc: 'A256GCM', kid: 'k\\u{202e}' },
    });
  });

  const unreadable: [what: string, text: string, why: string][] = [
    ['nothing', ' \n ', 'empty'],
    ['quotes around nothing', '""', 'empty'],
    ['an opaque token', 'EwBwA8l6BAAUAOyDv0l6PcCVu89kmzvqZmkWABkAAR', 'opaque'],
    ['a refresh token of Entra', '0.AXEAPSwbCl9Oa0qMfZ4PGis8TUNvYmFsdA.AgABAAEAAAD', 'opaque'],
    ['a sentence', 'where is my token?', 'opaque'],
    ['JSON without a token', '{"error":"invalid_grant"}', 'opaque'],
    ['two parts', RAW.split('.').slice(0, 2).join('.'), 'malformed'],
    ['parts that are no JSON', 'eyJhbGciOiJSUzI1NiJ9.bm9wZQ.c2ln', 'malformed'],
    ['an encrypted token whose header is no JSON', 'eyJub3Bl.a.b.c.d', 'malformed'],
    ['a token that is too large', jwt({ pad: 'x'.repeat(70_000) }), 'tooLarge'],
    ['a text that is too large', 'x'.repeat(300_000), 'tooLarge'],
  ];
  for (const [what, text, why] of unreadable) {
    it(`calls ${what} ${why}, without quoting it`, () => {
      const pasted = inspectPasted(text);
      assert.ok(pasted.kind === 'unreadable', pasted.kind);
      assert.equal(pasted.why, why);
      assert.deepEqual(Object.keys(pasted).sort(), ['kind', 'length', 'why']);
    });
  }

  it('is done with a hostile text of the largest size: each character is looked at a few times', () => {
    const size = 256 * 1024;
    for (const unit of ['"', 'eyJ', 'eyJ.', '.', ' ', 'Bearer ', '[', '{"a":', 'access_token=', '%', 'eyJ '])
      assert.equal(inspectPasted(unit.repeat(Math.floor(size / unit.length))).kind, 'unreadable', unit);
    assert.equal(inspectPasted(`${'"'.repeat(size - 1)}x`).kind, 'unreadable');
  });
});
