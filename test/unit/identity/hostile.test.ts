/** A token can say anything: none of it breaks, hides or multiplies what is shown. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { classify } from '../../../src/identity/classify.ts';
import { decodeToken, type DecodedToken } from '../../../src/identity/claims.ts';
import { compareTokens } from '../../../src/identity/compare.ts';
import { explainClaims, type ClaimRow } from '../../../src/identity/explain.ts';
import { exportTokens } from '../../../src/identity/exportTokens.ts';
import { describeChain } from '../../../src/identity/hops.ts';
import { inspectPasted } from '../../../src/identity/pasted.ts';
import { judge, type Verdict } from '../../../src/identity/verify.ts';
import { AGENT, BLUEPRINT, fixture, jwt, TENANT, USER } from './support.ts';

const LIMIT = 64 * 1024;
const NOW = 1772372000_000;
const APPS = { agentAppId: AGENT, blueprintAppId: BLUEPRINT };
const USUAL = decodeToken(jwt(fixture('tc-v2')));

/** A token with exactly this payload, which may be no JSON that a serializer would write. */
const rawWith = (payload: string, header = '{"alg":"RS256","kid":"k1"}') =>
  `${Buffer.from(header).toString('base64url')}.${Buffer.from(payload).toString('base64url')}.c2ln`;

interface Everything {
  rows: ClaimRow[];
  verdicts: Verdict[];
  texts: string[];
}

/** All that can be said of a token, and every text in it. */
function everything(token: DecodedToken, raw: string): Everything {
  const rows = explainClaims(token, new Map([[AGENT, 'research-agent']]), APPS);
  const classification = classify(token.claims, APPS);
  const expected = {
    audiences: ['x'],
    callerAppId: AGENT,
    blueprintAppId: BLUEPRINT,
    user: { oid: USER, tid: TENANT },
  };
  const verdicts = judge(token, expected, NOW);
  const changes = [...compareTokens(USUAL, token, APPS), ...compareTokens(token, USUAL, APPS)];
  const chain = describeChain(token, token, APPS);
  const text = exportTokens([{ label: 'x', raw, token, classification, verdicts }], NOW);
  assert.ok(JSON.parse(text));
  const texts: string[] = [];
  JSON.stringify([rows, classification, verdicts, changes, chain], (_key, value: unknown) => {
    if (typeof value === 'string') texts.push(value);
    return value;
  });
  return { rows, verdicts, texts };
}

const look = (payload: string): Everything => {
  const raw = rawWith(payload);
  return everything(decodeToken(raw), raw);
};

describe('a hostile token', () => {
  const full = (head: string, unit: string, tail: string) => {
    const room = Math.floor(((LIMIT - 80) * 3) / 4) - head.length - tail.length;
    return head + unit.repeat(Math.floor(room / Buffer.byteLength(unit))) + tail;
  };
  const bombs: [what: string, payload: string][] = [
    ['one long text', full('{"upn":"', 'x', '"}')],
    [
      'one long text in each claim that is looked at',
      `{${['aud', 'sub', 'appid', 'iss', 'scp', 'ver', 'idtyp'].map(name => `"${name}":"${'x'.repeat(6000)}"`).join()}}`,
    ],
    ['a long list', full('{"groups":["a"', ',"a"', ']}')],
    ['a long list of ids', full('{"groups":["a"', `,"${AGENT}"`, ']}')],
    ['many scopes', full('{"scp":"', 'a ', '"}')],
    ['many code numbers', full('{"xms_act_fct":"', '1 ', '"}')],
    ['many ids in one text', full('{"aud":"', `${AGENT} `, '"}')],
    ['almost ids', full('{"aud":"', 'c0ffee00-1111-4222-8333-44445555666', '"}')],
    ['many spaces', full('{"xms_act_fct":"', ' ', '"}')],
    ['many control characters', full('{"name":"', '\u202e', '"}')],
    ['a wide object', full('{"xms_st":[1', ',{"a":1}', ']}')],
    ['lists in lists', `{"groups":${'['.repeat(14)}${']'.repeat(14)}}`],
    ['beginnings of tokens', full('{"upn":"', 'eyJ', '"}')],
    ['a number that is no number', '{"exp":1e400,"iat":-1e400,"nbf":1e-400}'],
    ['times at both ends of the calendar', '{"exp":8640000000000,"iat":-8640000000000,"nbf":-0}'],
  ];
  for (const [what, payload] of bombs) {
    it(`with ${what} is shown in bounds`, () => {
      const { rows, texts } = look(payload);
      for (const row of rows) assert.ok(row.parts.length <= 200, row.name);
      for (const text of texts) assert.ok(text.length <= 2000, `${text.length}`);
      // At most seven rows: everything here stands in few claims.
      assert.ok(texts.reduce((sum, text) => sum + text.length, 0) < 200_000);
    });
  }

  it('with thousands of claims has one row for each, the known ones first', () => {
    const names = Array.from({ length: 4000 }, (_, n) => `x${n}`);
    const { rows } = look(`{${names.map(name => `"${name}":1`).join()},"aud":"a","iss":"b"}`);
    assert.equal(rows.length, 4000 + 5);
    assert.deepEqual(
      rows.slice(0, 5).map(({ name }) => name),
      ['aud', 'sub', 'appid', 'xms_act_fct', 'iss'],
    );
    assert.ok(rows.slice(5).every(({ known }) => !known));
  });

  it('with a claim twice is not read: the one that we take need not be the one that others take', () => {
    assert.throws(() => look(`{"appid":"${BLUEPRINT}","appid":"${AGENT}"}`), { code: 'token.malformed' });
  });

  it('shows no control, direction or line character in any text', () => {
    const evil = '\u0000\u0007\u001b[31m\u00ad\u200b\u200f\u202e\u2028\u2029\u2066\ufeff\u{e0041}\n\r\t';
    const payload = Object.fromEntries(
      [
        'aud',
        'sub',
        'appid',
        'iss',
        'scp',
        'idtyp',
        'oid',
        'tid',
        'xms_act_fct',
        'xms_par_app_azp',
        'upn',
        `n${evil}`,
      ].map(name => [name, `a${evil}b`]),
    );
    const { texts } = look(JSON.stringify({ ...payload, xms_st: { [evil]: [evil] }, groups: [evil, evil] }));
    for (const text of texts) assert.doesNotMatch(text, /[\p{Cc}\p{Cf}\u2028\u2029]/u, JSON.stringify(text));
  });

  it('can’t pass for another by claims that are called like members of every object', () => {
    const payload = `{"__proto__":{"aud":"${BLUEPRINT}","scp":"x","xms_act_fct":"11"},"constructor":"c","hasOwnProperty":"h","toString":"t"}`;
    const { rows } = look(payload);
    const token = decodeToken(rawWith(payload));
    assert.equal(classify(token.claims, APPS).kind, 'unknown');
    assert.equal(rows.find(({ name }) => name === 'aud')?.absent, true);
    for (const name of ['constructor', 'hasOwnProperty', 'toString'])
      assert.equal(rows.find(row => row.name === name)?.known, false, name);
    assert.equal(({} as Record<string, unknown>).aud, undefined);
  });

  it('may hold any type where a text is expected', () => {
    const names = Object.keys(fixture('t2-openai-v1'));
    for (const odd of ['null', 'true', '0', '-1.5', '[]', '{}', '[null,[],{}]', '["a",1]', '{"a":{"b":[1]}}', '""']) {
      const { rows, verdicts } = look(`{${names.map(name => `"${name}":${odd}`).join()}}`);
      assert.equal(rows.length, names.length, odd);
      assert.ok(
        verdicts
          .filter(({ outcome }) => outcome === 'ok')
          .every(({ check }) => check === 'expiry' || check === 'notBefore'),
        odd,
      );
    }
  });

  it('is refused where it is no object, too deep or too large', () => {
    for (const payload of ['[]', '"x"', '1', 'null', 'true', '', '{', '{"a":1}x'])
      assert.throws(() => look(payload), { code: 'token.malformed' }, payload);
    for (const deep of ['['.repeat(20_000) + ']'.repeat(20_000), `${'{"a":'.repeat(6000)}1${'}'.repeat(6000)}`])
      assert.throws(() => look(`{"a":${deep}}`), { code: 'token.malformed' });
    assert.throws(() => look(`{"a":"${'x'.repeat(LIMIT)}"}`), { code: 'token.tooLarge' });
    assert.throws(() => decodeToken(rawWith('{}', '[]')), { code: 'token.malformed' });
  });

  it('is told when pasted, too', () => {
    assert.equal(inspectPasted(rawWith(`{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}`)).kind, 'unreadable');
    assert.equal(inspectPasted(rawWith(full('{"groups":["a"', ',"a"', ']}'))).kind, 'token');
  });
});
