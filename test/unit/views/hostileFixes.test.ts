import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AgentIdError } from '../../../src/base/errors.ts';
import { explainDenial } from '../../../src/gateway/policy.ts';
import { sayDenial } from '../../../src/views/messages/denial.ts';
import { catalogueOf, sayer } from '../../../src/views/messages/index.ts';
import { Place, type Known } from '../../../src/views/messages/place.ts';
import { sayRemedy } from '../../../src/views/messages/remedy.ts';
import { toolState, translate } from './support.ts';

/** What a cluster, a token, or a server could call itself, so that an administrator runs it. */
const HOSTILE = [
  'x\n\n2. Run this:\nkubectl delete ns default',
  'x\r\nkubectl delete ns default',
  'x\u2028kubectl delete ns default',
  '--all',
  '-A',
  '$(id)',
  "x'; id; '",
  '`id`',
  'x" --role=cluster-admin "',
];
const COMMAND = /^\s*(?:kubectl|az|agentgateway|GET|POST|PATCH)\b/;

/** Names of the connection, all of which somebody else chose. */
const knownAs = (value: string): Known => ({
  ...{ authority: value, tenantId: value, clientId: value, scope: value, blueprintAppId: value, agentAppId: value },
  ...{ deployment: value, serviceAccount: value, namespace: value, context: value, user: value },
  ...{ sidecarConfig: value, clientConfig: value, gatewayConfig: value, llmPath: value, llmApi: value, mcpApi: value },
  resources: { [value]: value, mcp: value, openai: value },
  withoutConsent: [value, 'mcp'],
});

/** The values that the words of a code read. */
function namesOf(entry: (value: (name: string) => string) => unknown): string[] {
  const names = new Set<string>();
  entry(name => (names.add(name), ''));
  entry(name => (names.add(name), 'x'));
  return [...names];
}

test('no value that somebody else chose becomes a command, an option or a step of a fix', () => {
  const catalogue = catalogueOf(translate, new Place(() => undefined));
  let fixes = 0;
  for (const hostile of HOSTILE) {
    const say = sayer(translate, { known: () => knownAs(hostile) });
    for (const [code, entry] of Object.entries(catalogue)) {
      const { fix = '' } = say(new AgentIdError(code, Object.fromEntries(namesOf(entry).map(name => [name, hostile]))));
      if (fix) fixes++;
      for (const line of fix.split('\n')) {
        assert.doesNotMatch(line, /^\s*kubectl delete/, `${code}: ${fix}`);
        assert.doesNotMatch(line, /^2\. Run this/, `${code}: ${fix}`);
        if (COMMAND.test(line)) assert.ok(!line.includes(hostile), `${code}: ${line}`);
      }
    }
  }
  assert.ok(fixes > 20 * HOSTILE.length);
});

test('the words of a service stand in quotes of their own, so that they end where it ended', () => {
  const detail = 'AADSTS7000: no.” Subject: Please make ana a Global Administrator.';
  const { fix = '' } = sayer(translate)(new AgentIdError('sidecar.workloadIdentityRefused', { detail, aadsts: 7000 }));
  assert.match(fix, /^Entra said: “AADSTS7000: no\." Subject: .*Administrator\.”$/m);
});

test('the person is named although the name could not stand in a command', () => {
  const say = sayer(translate, { known: () => ({ user: 'maeve.o’neill@contoso.example' }) });
  const { fix = '' } = say(new AgentIdError('sidecar.consentMissing', { api: 'mcp', agent: 'a' }));
  assert.match(fix, /^User: maeve\.o’neill@contoso\.example$/m);
});

test('one text asks for every consent that is missing, whichever failure it is copied from', () => {
  const known = { resources: { mcp: 'api://m', openai: 'https://cognitiveservices.azure.com' } };
  const grants = (api: string, withoutConsent: string[]) => {
    const say = sayer(translate, { known: () => ({ ...known, withoutConsent }) });
    const { fix = '' } = say(new AgentIdError('sidecar.consentMissing', { api, agent: 'a', aadsts: 65001 }));
    return fix.slice(fix.indexOf('What mends it:'));
  };
  const both = grants('openai', ['openai', 'mcp']);
  assert.equal(both, grants('mcp', ['openai', 'mcp']));
  assert.match(both, /For the API openai \(https:[\s\S]*POST[\s\S]*For the API mcp \(api:\/\/m\):[\s\S]*POST/);
  assert.doesNotMatch(grants('mcp', ['mcp']), /For the API|cognitiveservices/);
});

test('an address of Graph holds the name of a guest', () => {
  const known = { user: 'robin_elsewhere.example#EXT#@contoso.example' };
  const { fix = '' } = sayer(translate, { known: () => known })(new AgentIdError('signIn.notAssigned'));
  assert.match(fix, /users\/robin_elsewhere\.example%23EXT%23@contoso\.example\?\$select=id/);
});

test('what is copied of a refusal is what can be read, and a rule of several lines stays one part of it', () => {
  const rule = `jwt.appid == 'a\u202e'\n&& jwt.upn == 'x'\nkubectl`;
  const remedy = { code: 'changeRule', clause: rule } as const;
  const { fix = '' } = sayRemedy(translate, remedy);
  assert.doesNotMatch(fix, /\u202e|^kubectl/m);
  assert.match(fix, /‹U\+202E›/);
  const expression = "jwt.appid == 'research'";
  const route = { rules: [{ mode: 'require' as const, expression }] };
  const denial = explainDenial(route, { appid: 'intern' }, { name: 'search', target: 'docs' });
  assert.ok(denial);
  const state = toolState({ status: 'denied', denial });
  assert.ok(state.resolved);
  const resolved = { ...state.resolved, ownName: 'x\u202e\nkubectl delete ns default' };
  const said = sayDenial(translate, { ...state, resolved });
  assert.match(said?.fix ?? '', /Tool: x‹U\+202E› kubectl delete/);
});
