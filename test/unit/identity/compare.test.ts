import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeToken } from '../../../src/identity/claims.ts';
import { compareTokens, type ClaimChange } from '../../../src/identity/compare.ts';
import { AGENT, BLUEPRINT, fixture, jwt, USER, type Payload } from './support.ts';

const decode = (claims: Payload) => decodeToken(jwt(claims));
const compare = (before: Payload, after: Payload, apps = { agentAppId: AGENT, blueprintAppId: BLUEPRINT }) =>
  compareTokens(decode(before), decode(after), apps);
/** `name: change reasons`, of all that are not simply the same. */
const said = (changes: ClaimChange[]): Record<string, string> =>
  Object.fromEntries(
    changes
      .filter(({ change, why }) => change !== 'same' || why.length > 0)
      .map(({ name, before, change, why }) => {
        const as = before && before.name !== name ? `${before.name} > ${name}` : name;
        return [as, [change, ...why].join(' ')];
      }),
  );
const find = (changes: ClaimChange[], name: string): ClaimChange => {
  const found = changes.find(change => change.name === name);
  assert.ok(found, name);
  return found;
};

describe('compareTokens', () => {
  it('explains each step from Tc (v2) to T2 for Azure OpenAI (v1)', () => {
    assert.deepEqual(said(compare(fixture('tc-v2'), fixture('t2-openai-v1'))), {
      aud: 'changed otherResource',
      sub: 'changed pairwise',
      'azp > appid': 'changed agentActs otherName',
      xms_act_fct: 'added agentAppears',
      xms_sub_fct: 'added agentAppears',
      xms_par_app_azp: 'added agentAppears',
      xms_idrel: 'added agentAppears',
      idtyp: 'added resourceDecides',
      oid: 'same userStays',
      tid: 'same userStays',
      iss: 'changed resourceChoosesVersion',
      ver: 'changed resourceChoosesVersion',
      scp: 'changed otherPermissions',
      wids: 'added resourceDecides',
      'preferred_username > upn': 'same otherName',
      unique_name: 'added otherVersion',
      acct: 'added resourceDecides',
      exp: 'changed ownLifetime',
      nbf: 'changed ownLifetime',
      iat: 'changed ownLifetime',
      'azpacr > appidacr': 'changed otherProof otherName',
      amr: 'added otherVersion',
      acr: 'added otherVersion',
      acrs: 'added resourceDecides',
      ipaddr: 'added otherVersion',
      app_displayname: 'added resourceDecides',
      uti: 'changed perToken',
      aio: 'changed perToken',
      puid: 'added resourceDecides',
      tenant_region_scope: 'added resourceDecides',
      xms_tnt_fct: 'added agentAppears',
      xms_st: 'added threadToUser',
      xms_tcdt: 'added resourceDecides',
      platf: 'added resourceDecides',
    });
  });

  it('explains the step from Tc to T2 for an MCP application of version 2, which does not name the agent’s facets', () => {
    assert.deepEqual(said(compare(fixture('tc-v2'), fixture('t2-mcp-v2'))), {
      aud: 'changed otherResource',
      sub: 'changed pairwise',
      azp: 'changed agentActs',
      oid: 'same userStays',
      tid: 'same userStays',
      exp: 'changed ownLifetime',
      nbf: 'changed ownLifetime',
      iat: 'changed ownLifetime',
      azpacr: 'changed otherProof',
      uti: 'changed perToken',
      aio: 'changed perToken',
    });
  });

  it('sets two T2 beside each other', () => {
    const changes = said(compare(fixture('t2-openai-v1'), fixture('t2-mcp-v1')));
    assert.equal(changes.aud, 'changed otherResource');
    assert.equal(changes.xms_act_fct, 'same noise');
    assert.equal(changes.xms_idrel, 'same noise', 'even numbers change without a meaning');
    assert.equal(changes.xms_st, 'removed resourceDecides');
    assert.equal(changes.appid, undefined);
    const facets = said(compare(fixture('t2-mcp-v1'), fixture('t2-mcp-v2')));
    assert.equal(facets.xms_act_fct, 'removed resourceDecides');
    assert.equal(facets.aud, 'changed sameResource');
    assert.equal(facets['appid > azp'], 'same otherName');
    assert.equal(facets['upn > preferred_username'], 'same otherName');
  });

  it('raises an alarm where another user or another issuer appears, and nowhere else', () => {
    const alarms = (after: Payload) =>
      compare(fixture('tc-v2'), after)
        .filter(({ alarm }) => alarm)
        .map(({ name, why }) => `${name} ${why[0]}`);
    assert.deepEqual(alarms(fixture('t2-openai-v1')), []);
    assert.deepEqual(alarms({ ...fixture('t2-openai-v1'), oid: AGENT }), ['oid userChanged']);
    assert.deepEqual(alarms({ ...fixture('t2-openai-v1'), oid: undefined }), ['oid userChanged']);
    assert.deepEqual(alarms({ ...fixture('t2-openai-v1'), tid: USER }), ['tid userChanged', 'iss otherIssuer']);
    assert.deepEqual(alarms({ ...fixture('t2-mcp-v2'), iss: 'https://evil.example/' }), ['iss otherIssuer']);
  });

  it('says when it is not the agent who calls', () => {
    const { why } = find(compare(fixture('tc-v2'), fixture('blueprint-v1')), 'appid');
    assert.deepEqual(why, ['otherCaller', 'otherName']);
  });

  it('gives both values, fit for display, with their names', () => {
    const changes = compare(fixture('tc-v2'), { ...fixture('t2-openai-v1'), app_displayname: 'a\u202eb' });
    const caller = find(changes, 'appid');
    assert.equal(caller.before?.name, 'azp');
    assert.deepEqual(caller.after, { name: 'appid', value: AGENT });
    assert.deepEqual(find(changes, 'app_displayname').after, { name: 'app_displayname', value: 'a\\u{202e}b' });
  });

  it('takes lists and scopes as sets, and a facet that means something as a change', () => {
    const change = (name: string, a: unknown, b: unknown) => find(compare({ [name]: a }, { [name]: b }), name).change;
    assert.equal(change('scp', 'a b', 'b a'), 'same');
    assert.equal(change('amr', ['pwd', 'mfa'], ['mfa', 'pwd']), 'same');
    assert.equal(change('amr', ['pwd'], ['pwd', 'mfa']), 'changed');
    assert.equal(change('xms_act_fct', '3 9', '9 3 12'), 'same');
    assert.equal(change('xms_act_fct', '3 9', '3 9 11'), 'changed');
    assert.equal(change('xms_st', { sub: 'a' }, { sub: 'b' }), 'changed');
    assert.equal(change('exp', 1, '1'), 'changed');
  });

  it('lists each claim once, whatever a token calls its claims', () => {
    const odd = JSON.parse('{"constructor":"a","toString":1,"appid":"x","azp":"y","upn":"u"}') as Payload;
    const names = compare(odd, { ...fixture('tc-v2'), constructor: 'a' }).flatMap(({ before, after }) => [
      ...(before ? [`b ${before.name}`] : []),
      ...(after ? [`a ${after.name}`] : []),
    ]);
    assert.equal(new Set(names).size, names.length);
    assert.deepEqual(
      names.filter(name => name.startsWith('b ')).sort(),
      Object.keys(odd)
        .map(name => `b ${name}`)
        .sort(),
    );
  });
});
