import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { classify, type KnownApps } from '../../../src/identity/classify.ts';
import { AGENT, BLUEPRINT, fixture, type Payload, without } from './support.ts';

const APPS: KnownApps = { blueprintAppId: BLUEPRINT, agentAppId: AGENT };

/** `kind, certainty: reason, reason → remedy`. */
function said(claims: Payload, apps: KnownApps = APPS): string {
  const { kind, certainty, because, remedy } = classify(claims, apps);
  return `${kind}, ${certainty}: ${because.map(({ code }) => code).join(' ')}${remedy ? ` → ${remedy}` : ''}`;
}

describe('classify', () => {
  const real: [name: string, said: string][] = [
    ['tc-v1', 'user, stated: blueprintAudience scopes'],
    ['tc-v2', 'user, stated: blueprintAudience scopes'],
    ['t1', 'blueprintExchange, stated: exchangeAudience exchangeSubject'],
    ['agent-exchange', 'agentExchange, stated: exchangeAudience actorIsAgent'],
    ['t2-graph-v1', 'agentForUser, stated: actorIsAgent subjectIsNoAgent typeUser'],
    ['t2-openai-v1', 'agentForUser, stated: actorIsAgent subjectIsNoAgent typeUser'],
    ['t2-mcp-v1', 'agentForUser, stated: actorIsAgent subjectIsNoAgent scopes'],
    ['t2-mcp-v2', 'agentForUser, inferred: callerIsAgent scopes noFacets → emitAgentClaims'],
    ['t2-autonomous-v1', 'autonomousAgent, stated: actorIsAgent subjectIsAgent typeApp'],
    ['agent-user-v1', 'agentUser, stated: subjectIsAgentUser'],
    ['blueprint-v1', 'otherUser, stated: typeUser callerIsBlueprint facetsWithoutAgent'],
    ['blueprint-graph-v1', 'application, stated: typeApp callerIsBlueprint'],
    ['obo-no-agent-v1', 'otherUser, stated: typeUser facetsWithoutAgent'],
  ];
  for (const [name, expected] of real) it(`tells ${name}`, () => assert.equal(said(fixture(name)), expected));

  it('never takes an absent facet for proof: without the agent of a connection, the answer stays open', () => {
    assert.equal(said(fixture('t2-mcp-v2'), {}), 'otherUser, inferred: scopes noFacets');
    assert.equal(said(fixture('tc-v2'), {}), 'otherUser, inferred: scopes publicClient noFacets');
  });

  it('takes a known agent for an agent although its facets lack the number', () => {
    const claims = { ...fixture('t2-mcp-v2'), xms_act_fct: '3 9' };
    assert.equal(said(claims), 'agentForUser, inferred: callerIsAgent scopes facetsWithoutAgent');
  });

  it('infers an agent alone too', () => {
    const bare = without(fixture('t2-autonomous-v1'), 'xms_act_fct', 'xms_sub_fct');
    assert.equal(said(bare), 'autonomousAgent, inferred: callerIsAgent typeApp noFacets → emitAgentClaims');
    const untyped = without(bare, 'idtyp');
    assert.equal(said(untyped), 'autonomousAgent, inferred: callerIsAgent subjectIsObject noFacets → emitAgentClaims');
    assert.equal(said(untyped, {}), 'application, inferred: subjectIsObject');
  });

  it('reads facets as sets: order, repetition and other numbers do not matter', () => {
    for (const facets of ['11', '3 9 11', '11 9 3', '9 11 11 2', ' 11 '])
      assert.match(said({ ...fixture('t2-mcp-v1'), xms_act_fct: facets }), /^agentForUser, stated/, facets);
    for (const facets of ['111', '1 1', '3;11', '-11', ''])
      assert.match(said({ ...fixture('t2-mcp-v1'), xms_act_fct: facets }), /^agentForUser, inferred/, facets);
  });

  it('says that claims contradict each other', () => {
    const contradiction = (claims: Payload) => assert.match(said(claims), /^unknown, inferred: contradiction/);
    contradiction({ ...fixture('t2-autonomous-v1'), idtyp: 'user' });
    contradiction({ ...fixture('t2-autonomous-v1'), idtyp: undefined, scp: 'a' });
    contradiction({ ...fixture('t2-mcp-v1'), idtyp: 'app' });
  });

  it('knows that scopes may be empty or a slash in a token without a user', () => {
    const claims = without(fixture('t2-autonomous-v1'), 'idtyp');
    for (const scp of ['', '/']) assert.match(said({ ...claims, scp }), /^autonomousAgent, stated/);
  });

  it('compares application ids without regard to case, and audiences in every spelling', () => {
    const shouted = { blueprintAppId: BLUEPRINT.toUpperCase(), agentAppId: AGENT.toUpperCase() };
    assert.match(said(fixture('tc-v1'), shouted), /^user, stated/);
    assert.match(said(fixture('t2-mcp-v2'), shouted), /^agentForUser, inferred/);
    for (const aud of ['api://AzureADTokenExchange', 'api://AzureADTokenExchangeUSGov/'])
      assert.match(said({ ...fixture('t1'), aud }), /^blueprintExchange/);
  });

  it('does not call what presents itself to the exchange T1, unless its subject does', () => {
    const claims = without(fixture('t1'), 'xms_act_fct', 'xms_sub_fct');
    assert.equal(said({ ...claims, sub: 'x' }), 'application, stated: typeApp callerIsBlueprint');
  });

  it('knows nothing of an empty token, and survives claims of any type', () => {
    assert.equal(said({}), 'unknown, inferred: nothingKnown');
    for (const odd of [null, 1, true, [], {}, ['11'], { 11: 11 }])
      assert.doesNotThrow(() =>
        said({ aud: odd, sub: odd, oid: odd, scp: odd, idtyp: odd, appid: odd, xms_act_fct: odd, xms_sub_fct: odd }),
      );
  });

  it('gives the value of each claim that it goes by, fit for display', () => {
    const { because } = classify({ ...fixture('t2-mcp-v1'), xms_act_fct: '11 \u202e' }, APPS);
    assert.deepEqual(because[0], { code: 'actorIsAgent', claim: 'xms_act_fct', value: '11 \\u{202e}' });
    const missing = classify(fixture('t2-mcp-v2'), APPS).because.at(-1);
    assert.deepEqual(missing, { code: 'noFacets', claim: 'xms_act_fct' });
  });
});
