import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainDenial, type DenialReason } from '../../../src/gateway/policy.ts';
import type { McpRoute } from '../../../src/gateway/config.ts';
import { clauseOf, sayDenial, sayHidden, sayWithoutTools } from '../../../src/views/messages/denial.ts';
import { translate } from './support.ts';

const CLAIMS = { appid: 'intern', azp: undefined, xms_act_fct: '3 9 11' };
const TOOL = { name: 'search', target: 'docs' };

/** What the real reader of rules says of one rule. */
function reasonFor(mode: 'allow' | 'deny' | 'require', expression: string, claims: object = CLAIMS): DenialReason {
  const route = { rules: [{ mode, expression }] } as Pick<McpRoute, 'rules'>;
  const reason = explainDenial(route, claims as Record<string, unknown>, TOOL);
  assert.ok(reason, expression);
  return reason;
}

const say = (status: 'denied' | 'waiting', denial: DenialReason) => {
  const said = sayDenial(translate, { status, denial });
  assert.ok(said);
  return said;
};

test('a refused tool: the clause, the value that it looked at, who can change it', () => {
  const said = say('denied', reasonFor('require', "jwt.appid in ['research'] && '11' in jwt.xms_act_fct.split(' ')"));
  assert.equal(
    said.sentence,
    "The gateway’s policy refuses this tool. This clause does not hold: jwt.appid in ['research'] (appid = intern)",
  );
  assert.match(said.nextStep ?? '', /Select another agent/);
  assert.deepEqual(said.actions, [{ id: 'agentId.showTokens', label: 'Show Tokens' }]);
});

test('before the call it is a warning, and only of what is certain', () => {
  assert.match(say('waiting', reasonFor('require', "jwt.appid == 'research'")).sentence, /will refuse this tool\./);
  const unseen = reasonFor('require', "source.address == '10.0.0.1'");
  assert.equal(unseen.outcome, 'unknown');
  assert.equal(
    say('waiting', unseen).sentence,
    "The gateway’s policy may refuse this tool. This clause depends on what only the gateway sees: source.address == '10.0.0.1'",
  );
});

test('a deny rule is named as one, and an unseen one is not said to apply', () => {
  assert.match(say('denied', reasonFor('deny', "mcp.tool.name == 'search'")).sentence, /This deny rule applies: mcp/);
  assert.match(clauseOf(translate, reasonFor('deny', "source.address == '10.0.0.1'")), /only the gateway sees/);
});

test('a claim that is missing is called absent, with the change that mends it', () => {
  const v2 = say('denied', reasonFor('require', "jwt.appid == 'intern'", { azp: 'intern', ver: '2.0' }));
  assert.match(v2.sentence, /appid is absent/);
  assert.match(v2.nextStep ?? '', /v2 and has azp/);
  const v1 = say('denied', reasonFor('require', "jwt.azp == 'intern'", { appid: 'intern' }));
  assert.match(v1.nextStep ?? '', /v1 and has appid/);
  const facets = say('denied', reasonFor('require', "'11' in jwt.xms_act_fct.split(' ')", { appid: 'intern' }));
  assert.match(facets.nextStep ?? '', /optionalClaims/);
});

test('a tool that is missing from the list has the same answer: the clause, who changes it, and the text for them', () => {
  const denial = reasonFor('require', "'11' in jwt.xms_act_fct.split(' ')", { appid: 'intern' });
  const hidden = sayHidden(translate, denial, 'search');
  assert.match(hidden.sentence, /^This clause does not hold: .*\(xms_act_fct is absent\)$/);
  assert.equal(hidden.who, 'entraAdmin');
  assert.match(hidden.fix ?? '', /Tool: search\n[\s\S]*PATCH https:\/\/graph/);
  const called = say('denied', denial);
  assert.deepEqual([called.nextStep, called.who], [hidden.nextStep, hidden.who]);
});

test('a tool that nothing is known to be wrong with has no such words', () => {
  const denial = reasonFor('require', "jwt.appid == 'research'");
  for (const status of ['running', 'done', 'error', 'rejected', 'cancelled'] as const)
    assert.equal(sayDenial(translate, { status, denial }), undefined, status);
  assert.equal(sayDenial(translate, { status: 'denied' }), undefined);
});

test('an agent without any tool is said to be one, with the reason and the fix where they are known', () => {
  const because = sayHidden(translate, reasonFor('require', "jwt.appid == 'research'"));
  const said = sayWithoutTools(translate, 'intern-agent', because);
  assert.deepEqual(
    said.actions.map(({ id }) => id),
    ['agentId.selectAgent', 'agentId.showTokens'],
  );
  assert.match(
    said.sentence,
    /lists no tools for intern-agent, which answers without them\. This clause does not hold/,
  );
  assert.deepEqual({ ...said, sentence: '' }, { ...because, sentence: '' });
  assert.deepEqual(sayWithoutTools(translate, 'intern-agent', undefined).actions, []);
});
