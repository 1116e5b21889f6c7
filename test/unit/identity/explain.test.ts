import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeToken } from '../../../src/identity/claims.ts';
import { CLAIMS } from '../../../src/identity/claimTable.ts';
import { explainClaims, type ClaimRow } from '../../../src/identity/explain.ts';
import { AGENT, BLUEPRINT, fixture, jwt, TENANT, type Payload } from './support.ts';

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

const meaning = ({ parts }: ClaimRow, text: string): string | undefined =>
  parts.find(part => part.text === text)?.meaning;

describe('explainClaims', () => {
  it('knows every claim of every payload that was seen in real tenants', () => {
    for (const name of [
      'tc-v1',
      'tc-v2',
      't1',
      't2-openai-v1',
      't2-mcp-v1',
      't2-mcp-v2',
      't2-autonomous-v1',
      't2-graph-v1',
      'agent-exchange',
      'agent-user-v1',
      'blueprint-graph-v1',
      'obo-no-agent-v1',
    ])
      assert.deepEqual(
        rows(fixture(name)).filter(candidate => !candidate.known),
        [],
        name,
      );
  });

  it('knows every claim that Microsoft’s references of access tokens, optional claims and agents list', () => {
    const documented =
      'acrs aud iss idp iat nbf exp aio acr amr appid azp appidacr azpacr preferred_username name scp roles wids groups ' +
      'hasgroups _claim_names _claim_sources sub oid tid unique_name uti rh ver xms_cc ipaddr onprem_sid pwd_exp pwd_url ' +
      'in_corp nickname family_name given_name upn acct auth_time ctry email fwd idtyp login_hint sid tenant_ctry ' +
      'tenant_region_scope verified_primary_email verified_secondary_email vnet xms_edov xms_pdl xms_pl xms_tpl ztdid ' +
      'xms_idrel xms_act_fct xms_sub_fct xms_tnt_fct xms_par_app_azp';
    for (const name of documented.split(' ')) assert.equal(CLAIMS.get(name)?.evidence, 'documented', name);
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
    assert.deepEqual([appid.absent, appid.value, appid.note], [true, '', 'absent.namedInAzp']);
    const facets = row(fixture('tc-v2'), 'xms_act_fct');
    assert.deepEqual([facets.absent, facets.kind, facets.note], [true, 'codes', 'absent.publicClient']);
  });

  it('does not take missing facets for proof that the caller is no agent', () => {
    assert.equal(row(fixture('t2-mcp-v2'), 'xms_act_fct').note, 'absent.notEmitted');
  });

  it('notices what every token should have', () => {
    assert.equal(row({ ver: '1.0' }, 'aud').note, 'absent.unexpected');
    assert.equal(row({ ver: '1.0' }, 'appid').note, 'absent.callerExpected');
    assert.equal(row({}, 'appid').note, 'absent.noVersion');
  });

  it('decodes the documented facets and leaves the others alone', () => {
    assert.deepEqual(row(fixture('t2-mcp-v1'), 'xms_act_fct').parts, [
      { text: '11', meaning: 'agent identity', documented: true },
      { text: '3', documented: false },
      { text: '9', documented: false },
    ]);
    assert.equal(meaning(row({ xms_sub_fct: '3 13' }, 'xms_sub_fct'), '13'), "agent's user account");
    assert.equal(meaning(row(fixture('t1'), 'xms_idrel'), '7'), 'service principal');
    assert.equal(meaning(row(fixture('t1'), 'xms_idrel'), '26'), undefined);
    assert.equal(meaning(row({ xms_tnt_fct: '11' }, 'xms_tnt_fct'), '11'), undefined);
  });

  it('takes code numbers as a set: in any order, each once, whatever stands between them', () => {
    const texts = row({ xms_act_fct: ' 9  11 9 x ' }, 'xms_act_fct').parts.map(({ text }) => text);
    assert.deepEqual(texts, ['9', '11', 'x']);
    assert.equal(meaning(row({ xms_act_fct: 11 }, 'xms_act_fct'), '11'), 'agent identity');
    assert.equal(row({ xms_act_fct: ['11'] }, 'xms_act_fct').kind, 'list');
  });

  it('names GUIDs of the tenant and of Microsoft, in lists and inside of texts too', () => {
    assert.equal(meaning(row(fixture('t2-mcp-v1'), 'appid'), AGENT), 'Research agent');
    assert.equal(meaning(row(fixture('tc-v1'), 'aud'), BLUEPRINT), 'Agent blueprint');
    assert.equal(meaning(row({ aud: BLUEPRINT.toUpperCase() }, 'aud'), BLUEPRINT), 'Agent blueprint');
    assert.match(meaning(row(fixture('t1'), 'aud'), 'fb60f99c-7a34-4190-8149-302f77469936') ?? '', /token exchange/);
    assert.deepEqual(row(fixture('t2-mcp-v1'), 'oid').parts, []);
    assert.equal(meaning(row({ groups: ['x', AGENT] }, 'groups'), AGENT), 'Research agent');
    assert.equal(meaning(row({ deep: { a: [AGENT] } }, 'deep'), AGENT), 'Research agent');
  });

  it('says whose blueprint it is, as a hint', () => {
    const withApps = (blueprintAppId: string) =>
      explainClaims(decodeToken(jwt(fixture('t2-mcp-v1'))), NAMES, { blueprintAppId }).find(
        ({ name }) => name === 'xms_par_app_azp',
      )?.note;
    assert.equal(withApps(BLUEPRINT.toUpperCase()), 'blueprint.matches');
    assert.equal(withApps(AGENT), 'blueprint.differs');
    assert.equal(row(fixture('t2-mcp-v1'), 'xms_par_app_azp').note, undefined);
  });

  it('unpacks the ids in the subject of T1', () => {
    assert.deepEqual(row(fixture('t1'), 'sub').parts, [
      { text: 'PSwbCl9Oa0qMfZ4PGis8TQ', meaning: TENANT },
      { text: 'Oywdb1lKaE6dBxsqPE1ebw', meaning: `${BLUEPRINT} (Agent blueprint)` },
      { text: AGENT, meaning: 'Research agent' },
    ]);
  });

  it('reads times, and how the caller authenticated', () => {
    const exp = row(fixture('tc-v2'), 'exp');
    assert.deepEqual([exp.kind, exp.time, exp.value], ['time', 1772376722000, '1772376722']);
    assert.equal(meaning(row(fixture('tc-v2'), 'azpacr'), '0'), 'public client, no credential');
    assert.equal(meaning(row(fixture('t2-mcp-v1'), 'appidacr'), '2'), 'certificate or federated assertion');
    assert.equal(meaning(row({ acct: 1 }, 'acct'), '1'), 'guest');
    for (const no of [1e300, 'soon', null]) assert.equal(row({ exp: no }, 'exp').kind, 'text');
    assert.equal(row({ exp: 1e300 }, 'exp').value, '1e+300');
  });

  it('lists scopes, roles and methods item by item', () => {
    const { kind, parts } = row({ scp: 'openid profile' }, 'scp');
    assert.deepEqual([kind, parts], ['list', [{ text: 'openid' }, { text: 'profile' }]]);
    assert.equal(meaning(row(fixture('t2-mcp-v1'), 'amr'), 'mfa'), 'more than one factor');
    assert.deepEqual(row(fixture('t2-autonomous-v1'), 'roles').parts, [{ text: 'Tools.Read' }]);
  });

  it('says how well founded an explanation is, and where it is written', () => {
    const aud = row(fixture('t1'), 'aud');
    assert.equal(aud.evidence, 'documented');
    assert.match(aud.source?.url ?? '', /^https:\/\/learn\.microsoft\.com\/.*access-token-claims-reference$/);
    assert.equal(row(fixture('t1'), 'xms_ftd').evidence, 'observed');
    assert.equal(row(fixture('t2-openai-v1'), 'platf').evidence, 'guessed');
    assert.match(row(fixture('t1'), 'xms_act_fct').source?.url ?? '', /agent-token-claims$/);
  });

  it('has a source for every claim that it does not only guess, on https', () => {
    for (const [name, { evidence, source }] of CLAIMS) {
      if (evidence !== 'guessed') assert.match(source?.url ?? '', /^https:\/\//, name);
    }
  });

  it('shows claims that it does not know, after the others, and makes hostile ones harmless', () => {
    const shown = rows({ ...fixture('tc-v2'), extn: { a: [1, { b: null }] }, 'x\u202ey': 'a\u0000b\u202ec' });
    const [extension, hostile] = shown.slice(-2);
    assert.deepEqual(extension, {
      name: 'extn',
      kind: 'json',
      value: '{"a":[1,{"b":null}]}',
      parts: [],
      absent: false,
      known: false,
    });
    assert.equal(hostile?.name, 'x\\u{202e}y');
    assert.equal(hostile?.value, 'a\\u{0}b\\u{202e}c');
    assert.equal(row({ roles: ['a', 'b'] }, 'roles').value, 'a, b');
    assert.equal(row({ long: 'x'.repeat(5000) }, 'long').value.length, 2000);
  });

  it('limits how many parts it lists, and says how many it left out', () => {
    const many = row({ groups: Array.from({ length: 1000 }, (_, n) => `group-${n}`) }, 'groups');
    assert.deepEqual([many.parts.length, many.more], [200, 800]);
    assert.equal(row({ groups: ['a'] }, 'groups').more, undefined);
  });

  it('is not fooled by claims that are called like members of every object', () => {
    const raw = jwt(JSON.parse('{"__proto__":"a","constructor":"b","toString":"c","hasOwnProperty":"d"}') as Payload);
    const names = explainClaims(decodeToken(raw), NAMES).map(({ name }) => name);
    for (const name of ['constructor', 'toString', 'hasOwnProperty']) assert.ok(names.includes(name), name);
  });
});
