import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { classify } from '../../../src/identity/classify.ts';
import { decodeToken } from '../../../src/identity/claims.ts';
import { compareTokens } from '../../../src/identity/compare.ts';
import { inspectPasted } from '../../../src/identity/pasted.ts';
import { judge } from '../../../src/identity/verify.ts';
import { sayClassification, sayPasted, sayVerdict, sayWhy } from '../../../src/views/messages/token.ts';
import { AGENT, BLUEPRINT, fixture, jwt } from '../identity/support.ts';
import { translate } from './support.ts';

const APPS = { agentAppId: AGENT, blueprintAppId: BLUEPRINT };
const NOW = 1772372000_000;

describe('the words for tokens', () => {
  it('say what a token is, and why', () => {
    const { sentence, reasons, remedy } = sayClassification(translate, classify(fixture('t2-openai-v1'), APPS));
    assert.equal(sentence, 'Agent on behalf of a user: the token says so.');
    assert.equal(reasons[0], 'xms_act_fct has 11: the caller is an agent identity.');
    assert.equal(remedy, undefined);
  });

  it('say what is only inferred, and what would make it sure', () => {
    const said = sayClassification(translate, classify(fixture('t2-mcp-v2'), APPS));
    assert.match(said.sentence, /^Agent on behalf of a user: the token does not say so/);
    assert.match(said.reasons.at(-1) ?? '', /absent, which proves nothing/);
    assert.match(said.remedy ?? '', /optional claims/);
  });

  it('leave open what is open', () => {
    const said = sayClassification(translate, classify(fixture('t2-mcp-v2')));
    assert.match(said.sentence, /of an application, or of an agent/);
  });

  it('have a sentence with its values for each verdict, reason and note', () => {
    const sentences = ['tc-v2', 't2-openai-v1', 't2-mcp-v2', 't1', 't2-autonomous-v1'].flatMap(name => {
      const token = decodeToken(jwt(fixture(name)));
      const later = compareTokens(decodeToken(jwt(fixture('tc-v2'))), token, APPS);
      return [
        ...judge(token, { clockOffset: 90_000 }, NOW).map(verdict => sayVerdict(translate, verdict)),
        ...later.flatMap(({ why }) => why.map(code => sayWhy(translate, code))),
        ...sayClassification(translate, classify(token.claims, APPS)).reasons,
      ];
    });
    assert.ok(sentences.length > 100);
    for (const sentence of sentences) assert.match(sentence, /^[^{}]+\.$|: [^{}]+$/, sentence);
  });

  it('say by how much the clock is off, and which way', () => {
    const clock = (clockOffset: number) => {
      const verdict = judge(decodeToken(jwt({})), { clockOffset }, NOW).find(({ check }) => check === 'clock')!;
      return sayVerdict(translate, verdict);
    };
    assert.match(clock(600_000), /10 min behind Entra/);
    assert.match(clock(-90_000), /90 s ahead of Entra/);
    assert.match(clock(0), /agrees with Entra’s, to 0 s/);
  });

  it('say why a pasted text is no token', () => {
    assert.match(sayPasted(translate, inspectPasted('x')) ?? '', /no JSON Web Token/);
    assert.match(sayPasted(translate, inspectPasted('eyJ.a.b.c.d')) ?? '', /incomplete/);
    assert.equal(sayPasted(translate, inspectPasted(jwt({}))), undefined);
  });
});
