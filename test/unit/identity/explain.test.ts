import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeToken } from '../../../src/identity/claims.ts';
import { explainClaims, type ClaimRow } from '../../../src/identity/explain.ts';
import { AGENT, BLUEPRINT, fixture, jwt, type Payload } from './support.ts';

const NAMES = new Map([
  [AGENT, 'Research agent'],
  [BLUEPRINT, 'Agent blueprint'],
]);

const rows = (payload: Payload): ClaimRow[] => explainClaims(decodeToken(jwt(payload)), NAMES);
const row = (payload: Payload, name: string): ClaimRow => {
  const found = rows(payload).find(candidate => candidate.name === name);
  assert.ok(found, `no row ${name}`);
  return found;
};

describe('explainClaims', () => {
  it('knows every claim of every payload that was seen in real tenants', () => {
    for (const name of ['tc-v1', 'tc-v2', 't1', 't2-openai-v1', 't2-mcp-v1', 't2-mcp-v2', 't2-autonomous-v1'])
      assert.deepEqual(
        rows(fixture(name)).filter(candidate => !candidate.known),
        [],
        name,
      );
  });

  it('begins with audience, subject, caller and facets', () => {
    assert.deepEqual(
      rows(fixture('t2-openai-v1'))
        .slice(0, 4)
        .map(({ name }) => name),
      ['aud', 'sub', 'appid', 'xms_act_fct'],
    );
    assert.deepEqual(
      rows(fixture('tc-v2'))
        .slice(0, 5)
        .map(({ name }) => name),
      ['aud', 'sub', 'appid', 'azp', 'xms_act_fct'],
    );
  });

  it('lists each claim once', () => {
    const names = rows(fixture('t2-openai-v1')).map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    assert.deepEqual(names.toSorted(), Object.keys(fixture('t2-openai-v1')).toSorted());
  });

  it('says why a v2.0 user token has no appid and no facets', () => {
    const appid = row(fixture('tc-v2'), 'appid');
    assert.equal(appid.value, 'absent');
    assert.match(appid.note ?? '', /version 2\.0.*azp/);
    const facets = row(fixture('tc-v2'), 'xms_act_fct');
    assert.equal(facets.value, 'absent');
    assert.match(facets.note ?? '', /public client/);
  });

  it('does not take missing facets for proof that the caller is no agent', () => {
    assert.match(row(fixture('t2-mcp-v2'), 'xms_act_fct').note ?? '', /optional claims.*does not say/s);
  });

  it('notices what every token should have', () => {
    assert.match(row({ ver: '1.0' }, 'aud').note ?? '', /Unexpected/);
    assert.match(row({ ver: '1.0' }, 'appid').note ?? '', /Unexpected/);
    assert.match(row({}, 'appid').note ?? '', /no ver/);
  });

  it('decodes the documented facets and leaves the others alone', () => {
    assert.equal(
      row(fixture('t2-mcp-v1'), 'xms_act_fct').note,
      '11: agent identity; 3: not documented; ignore; 9: not documented; ignore',
    );
    assert.match(row({ xms_sub_fct: '3 13' }, 'xms_sub_fct').note ?? '', /13: agent's user account/);
    assert.equal(row(fixture('t1'), 'xms_idrel').note, '7: service principal; 26: not documented; ignore');
    assert.equal(row({ xms_tnt_fct: '3' }, 'xms_tnt_fct').note, '3: not documented; ignore');
  });

  it('names GUIDs of the tenant and of Microsoft', () => {
    assert.equal(row(fixture('t2-mcp-v1'), 'appid').note, 'Research agent');
    assert.equal(row(fixture('t2-mcp-v1'), 'xms_par_app_azp').note, 'Agent blueprint');
    assert.equal(row(fixture('tc-v1'), 'aud').note, 'Agent blueprint');
    assert.equal(row({ aud: BLUEPRINT.toUpperCase() }, 'aud').note, 'Agent blueprint');
    assert.equal(row(fixture('t1'), 'aud').note, 'Microsoft Entra token exchange');
    assert.equal(row(fixture('t2-mcp-v1'), 'oid').note, undefined);
  });

  it('shows times, and how the caller authenticated', () => {
    const exp = row(fixture('tc-v2'), 'exp');
    assert.equal(exp.value, '2026-03-01 14:52:02 UTC');
    assert.equal(exp.note, '1772376722 seconds since 1970');
    assert.equal(row(fixture('tc-v2'), 'azpacr').note, 'public client, no credential');
    assert.equal(row(fixture('t2-mcp-v1'), 'appidacr').note, 'certificate or federated assertion');
    assert.equal(row({ acct: 1 }, 'acct').note, 'guest');
    assert.equal(row({ exp: 1e300 }, 'exp').value, '1e+300');
    assert.equal(row({ exp: 'soon' }, 'exp').value, 'soon');
  });

  it('says how well founded an explanation is', () => {
    assert.match(row(fixture('t1'), 'aud').explanation, /Documented\.$/);
    assert.match(row(fixture('t1'), 'xms_ftd').explanation, /Seen in real tokens, not documented\.$/);
    assert.match(row(fixture('t2-openai-v1'), 'platf').explanation, /guess/);
  });

  it('shows claims that it does not know, after the others, and makes hostile ones harmless', () => {
    const shown = rows({ ...fixture('tc-v2'), extn: { a: [1, { b: null }] }, 'x\u202ey': 'a\u0000b\u202ec' });
    const [extension, hostile] = shown.slice(-2);
    assert.deepEqual(extension, {
      name: 'extn',
      value: '{"a":[1,{"b":null}]}',
      explanation: 'No explanation is known for this claim.',
      known: false,
    });
    assert.equal(hostile?.name, 'x\\u{202e}y');
    assert.equal(hostile?.value, 'a\\u{0}b\\u{202e}c');
    assert.equal(row({ roles: ['a', 'b'] }, 'roles').value, 'a, b');
    assert.equal(row({ long: 'x'.repeat(5000) }, 'long').value.length, 2000);
  });

  it('is not fooled by claims that are called like members of every object', () => {
    const raw = jwt(JSON.parse('{"__proto__":"a","constructor":"b","toString":"c","hasOwnProperty":"d"}') as Payload);
    const names = explainClaims(decodeToken(raw), NAMES).map(({ name }) => name);
    for (const name of ['constructor', 'toString', 'hasOwnProperty']) assert.ok(names.includes(name), name);
  });
});
