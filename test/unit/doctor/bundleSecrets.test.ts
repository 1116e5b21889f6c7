// A secret may turn up in any text that goes into a support bundle: each of them, in each place, next to anything.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveConfiguration, type ConnectionPlan } from '../../../src/agent/configuration.ts';
import { AgentIdError } from '../../../src/base/errors.ts';
import { supportBundle, type BundleParts } from '../../../src/doctor/bundle.ts';
import type { Subject } from '../../../src/doctor/clusterChecks.ts';
import type { CheckId, CheckState, Found } from '../../../src/doctor/report.ts';
import { CLIENT } from '../identity/support.ts';
import { VALUES, withObjects } from '../cluster/support/discovery.ts';
import { ourManifests } from '../cluster/support/objects.ts';

/** One of each form, with the part that must not be seen. None of them is real. */
const PLANTED: Record<string, readonly [text: string, secret: string]> = {
  token: [
    `eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJhcGk6Ly94In0.${'c2lnbmF0dXJl'.repeat(8)}`,
    'c2lnbmF0dXJlc2ln',
  ],
  'token cut off': ['eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJhcGk6', 'eyJhdWQiOiJhcGk6'],
  header: [`Authorization: Bearer ${'q7Z'.repeat(12)}`, 'q7Zq7Zq7Zq7Z'],
  'refresh token': [`0.AXoA${'bC3-_x'.repeat(20)}`, 'bC3-_xbC3-_x'],
  'refresh token by its name': [`refresh_token=${'M1'.repeat(20)}`, 'M1M1M1M1'],
  'device code': [`"device_code":"${'D3'.repeat(20)}"`, 'D3D3D3D3'],
  'client secret of Entra': ['abc8Q~dEfGhIjKlMnOpQrStUvWxYz0123456789ab', 'dEfGhIjKlMnOp'],
  'key of an API': [`sk-${'a1B2'.repeat(8)}`, 'a1B2a1B2'],
  'key of a storage account': [`AccountKey=${'9kLmN0pQ'.repeat(10)}==`, '9kLmN0pQ9kLmN0pQ'],
  'token of a kubeconfig': [`token: ${'k9'.repeat(20)}`, 'k9k9k9k9'],
  'key of a kubeconfig': [`client-key-data: ${'LS0tLS1CRUdJTi'.repeat(6)}`, 'LS0tLS1CRUdJTi'],
  'private key': [
    `-----BEGIN RSA PRIVATE KEY-----\n${'MIIEow'.repeat(20)}\n-----END RSA PRIVATE KEY-----`,
    'MIIEowMIIEow',
  ],
  'password of a proxy': ['http://proxyuser:proxypassword1@proxy.example:8080/', 'proxypassword1'],
  'signed address': ['https://store.example/x?sv=1&sig=AbCd%2B1234567890', 'AbCd%2B123456'],
};
/** What may stand before and after it. */
const AROUND = ['', ' ', '"', '\\', '\n', '=', ': ', '(', ')', '/', ',', 'é', '\u2028', '‹', '{"a":"', "'"];

const settings = { authority: 'https://login.microsoftonline.com', clientId: CLIENT, clientIdIsDefault: true };

/** A bundle that has everything that one can have. */
async function everything(): Promise<BundleParts> {
  let subject: Subject | undefined;
  await withObjects(await ourManifests(VALUES), ({ agents, gateway }, { api }) => {
    const agent = agents.find(({ deployment }) => deployment === 'research-agent') ?? assert.fail('no agent');
    const plan = { mode: 'connected', context: 'c', namespace: 'agent-id', deployment: agent.deployment, answers: {} };
    const configuration = resolveConfiguration(agent, gateway, plan as ConnectionPlan, settings);
    const file = { value: 'binds:\n  - port: 3000\n    x-key: [a, 1, null]\n', source: 'ConfigMap' };
    const small = gateway && { ...gateway, configText: file };
    subject = { api, plan: plan as ConnectionPlan, agent, gateway: small, gatewayProblem: undefined, configuration };
  });
  const error = new AgentIdError('cluster.badResponse', { server: 'https://api.example', reason: 'event of a pod' });
  const found: Found = {
    facts: [{ name: 'files', value: '/home/ana/.kube/config' }],
    findings: [
      { kind: 'verdict', token: 'tc', verdict: { check: 'audience', outcome: 'bad', code: 'audienceWrong' } as never },
      {
        kind: 'route',
        verdict: {
          ...{ route: 'mcp', path: '/mcp', kind: 'mcp', outcome: 'refused', tools: [] },
          checks: [{ kind: 'authorization', at: 'route', outcome: 'fails', rules: [] }],
        },
      },
    ],
    remarks: [error],
  };
  const states: Record<string, CheckState> = {
    kubeconfig: { kind: 'running' },
    context: { kind: 'waiting', error, nextTry: 1, until: 2, trying: false, ...found },
    apiServer: { kind: 'passed', ms: 1, ...found },
    rbac: { kind: 'unknown', ms: 1, error, ...found },
    agent: { kind: 'failed', ms: 1, error, ...found },
    pod: { kind: 'failed', ms: 1, error: new Error('a mistake of ours'), ...found },
    sidecar: { kind: 'blocked', needs: ['pod'] },
  };
  return {
    environment: { extension: '1.0.0', remote: 'ssh-remote' },
    settings: ['agentId.clientId'],
    report: new Map(Object.entries(states)) as unknown as Map<CheckId, CheckState>,
    subject,
    log: ['2026-01-01 info started', '2026-01-01 warn event of a pod'],
    secrets: [],
    home: '/home/ana',
    now: new Date(0),
  };
}

/** How many texts a value has; `at` says which of them `change` is put to. */
function changed<T>(value: T, at: number, change: (text: string) => string): { value: T; texts: number } {
  let texts = 0;
  const text = (each: string) => (texts++ === at ? change(each) : each);
  const walk = (each: unknown, key = ''): unknown => {
    if (typeof each === 'string') return ['kind', 'home', 'outcome'].includes(key) ? each : text(each);
    if (typeof each !== 'object' || each === null || each instanceof Date || key === 'api') return each;
    if (Array.isArray(each)) return each.map(inner => walk(inner));
    if (each instanceof Map) return new Map([...each].map(([name, inner]) => [name as unknown, walk(inner)]));
    if (AgentIdError.is(each)) return new AgentIdError(each.code, walk(each.args) as typeof each.args);
    if (each instanceof Error) return Object.assign(new Error(text(each.message)), { name: text(each.name) });
    return Object.fromEntries(Object.entries(each).map(([name, inner]) => [name, walk(inner, name)]));
  };
  return { value: walk(value) as T, texts };
}

test('no secret of any form is in a bundle, wherever it turned up', async () => {
  const parts = await everything();
  const places = changed(parts, -1, text => text).texts;
  assert.ok(places > 100, `${places} places`);
  let turn = 0;
  for (const [name, [planted, secret]] of Object.entries(PLANTED))
    for (let at = turn++ % 5; at < places; at += 5) {
      const before = AROUND[(at + turn) % AROUND.length] ?? '';
      const text = `${before}${planted}${AROUND[(at * 7 + turn) % AROUND.length]}`;
      const { value } = changed(parts, at, old => (at % 2 ? `${old}${before ? '' : ' '}${text}` : text));
      const where = `${name} in ${JSON.stringify(text)} at ${at}`;
      let bundle = '';
      assert.doesNotThrow(() => (bundle = supportBundle(value)), where); // what its form tells is hidden, and stops nobody
      assert.ok(!bundle.includes(secret), where);
      JSON.parse(bundle);
    }
});

test('a secret that has no form of its own keeps the bundle closed, wherever it would be seen', async () => {
  const parts = await everything();
  const places = changed(parts, -1, text => text).texts;
  const secrets = ['7e02d9c4-1f6b-4b83-9a5d-3c8e7f160b29', 'correct "horse" battery\\staple', 'hunter2!'];
  let seen = 0;
  for (let at = 0; at < places; at++) {
    const secret = secrets[at % secrets.length] ?? '';
    const make = (text: string) => supportBundle({ ...changed(parts, at, old => `${old} ${text}`).value, secrets });
    if (make('landmark').includes('landmark')) {
      seen++;
      assert.throws(() => make(secret), { code: 'doctor.bundleHoldsSecret' }, `at ${at}`);
    } else assert.ok(make(secret));
  }
  assert.ok(seen > 60, `${seen} of ${places}`);
});
