// What is behind the Doctor's page: what the page is told while an examination runs, and what its buttons do.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../../src/base/clock.ts';
import type { ConnectionPlan } from '../../../src/agent/configuration.ts';
import { AgentIdError } from '../../../src/base/errors.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import type { DoctorDeps } from '../../../src/doctor/doctor.ts';
import { CHECKS, type CheckId, type CheckState, type FederatedCredential } from '../../../src/doctor/report.ts';
import type { RouteVerdict } from '../../../src/gateway/preflight.ts';
import { applyToDoctor, emptyDoctor, parseToDoctor, type DoctorState } from '../../../src/protocol/doctor.ts';
import { Receiver } from '../../../src/protocol/receiver.ts';
import { DoctorController, type DoctorViewDeps } from '../../../src/views/doctorController.ts';
import { doctorRow, doctorSummary } from '../../../src/views/doctorRow.ts';
import { sayer } from '../../../src/views/messages/index.ts';
import type { Known } from '../../../src/views/messages/place.ts';
import { translate } from './support.ts';

const noSecrets = { get: async () => undefined, set: async () => {}, delete: async () => {} };
const settings = { authority: 'https://login.microsoftonline.com', clientId: 'x', clientIdIsDefault: true };

/** A page, and the Doctor of a machine that has no kubeconfig. */
function start(change: Partial<DoctorViewDeps> = {}) {
  const did: unknown[] = [];
  const receiver = new Receiver(emptyDoctor, applyToDoctor);
  const summaries: (string | undefined)[] = [];
  const post = (data: unknown) => {
    const message = parseToDoctor(data) ?? assert.fail(JSON.stringify(data));
    assert.notEqual(receiver.receive(message), 'gap');
    summaries.push(receiver.state.summary);
  };
  const prepared: Partial<DoctorDeps> = {
    ...{ plan: undefined, choose: async () => undefined, overrides: () => settings, logger: silentLogger },
    ...{ settings: { ...settings, kubeconfig: '/nowhere/config' }, clock: systemClock, clientVersion: '0' },
    ...{ secrets: noSecrets, memory: noSecrets, trust: { get: () => undefined, add: async () => {} } },
  };
  const controller = new DoctorController({
    t: translate,
    prepare: async () => prepared as DoctorDeps,
    helps: () => true,
    remote: undefined,
    support: async () => ({ environment: {}, settings: [], log: ['a line'], home: '/home/ana', secrets: [] }),
    offerBundle: async json => void did.push(JSON.parse(json)),
    runAction: id => did.push(id),
    copyText: text => did.push(text),
    report: error => did.push(error),
    log: message => did.push(message),
    ...change,
  });
  controller.receive({ type: 'ready' }, post);
  return { controller, did, receive: (message: unknown) => controller.receive(message, post), receiver };
}
const statuses = ({ checks }: DoctorState) => [...new Set(checks.map(({ status }) => status))];
const turn = () => new Promise(resolve => setImmediate(resolve));

test('on the first day: no kubeconfig is the one failure, with the sandbox to try, and the rest needs it', async () => {
  const { controller, receiver } = start();
  await controller.run();
  const { phase, summary, checks } = receiver.state;
  assert.deepEqual([phase, summary], ['ended', '1 failed, and 20 that depend on it were not looked at.']);
  const [kubeconfig, ...others] = checks;
  assert.match(kubeconfig?.failure?.sentence ?? '', /There is no kubeconfig file \(looked for \/nowhere\/config\)/);
  assert.deepEqual(
    kubeconfig?.failure?.actions.map(({ id }) => id),
    ['agentId.openSettings', 'agentId.startSandbox'],
  );
  assert.equal(others.length, 20);
  for (const { note } of others) assert.equal(note, 'It needs “Kubeconfig”.');
});

test('the page says what is examined, and since when', async () => {
  const plan = { mode: 'connected', context: 'kind', namespace: 'agents', deployment: 'writer' } as ConnectionPlan;
  const prepare = async () =>
    ({
      plan,
      overrides: () => settings,
      logger: silentLogger,
      settings: { kubeconfig: '/nowhere/config' },
      clock: systemClock,
    }) as unknown as DoctorDeps;
  const before = Date.now();
  const { controller, receiver } = start({ prepare });
  await controller.run();
  const { about, began = 0 } = receiver.state;
  assert.equal(about, 'writer in namespace agents, context kind');
  assert.ok(began >= before && began <= Date.now());
});

test('in a remote window it says on which machine the kubeconfig must be', async () => {
  const { controller, receiver } = start({ remote: { name: 'WSL', here: false } });
  await controller.run();
  assert.match(
    receiver.state.checks[0]?.failure?.nextStep ?? '',
    /on your own machine, where Agent ID runs, not in WSL/,
  );
});

test('the buttons of the page', async () => {
  const { controller, did, receive } = start();
  receive({ type: 'bundle' });
  await turn();
  assert.deepEqual(did, [], 'there is nothing to tell yet');
  await controller.run();
  receive({ type: 'runAction', id: 'agentId.showLog' });
  receive({ type: 'copyText', text: 'x' });
  receive({ type: 'wake', check: 'constructor', again: true });
  receive({ type: 'wake', check: 'mcpToken', again: true });
  receive({ type: 'nonsense' });
  receive({ type: 'bundle' });
  await turn();
  const [action, copied, ignored, bundle] = did as unknown as [
    string,
    string,
    string,
    { checks: object[]; log: string[] },
  ];
  assert.deepEqual([action, copied], ['agentId.showLog', 'x']);
  assert.match(ignored, /none of its own/);
  assert.deepEqual([bundle.checks.length, bundle.log], [21, ['a line']]);
});

test('a bundle that would hold a secret is not shown, and its refusal is', async () => {
  const parts = { environment: { editor: 'it said hunter2!' }, settings: [], log: [], home: '/home/ana' };
  const { controller, did, receive } = start({ support: async () => ({ ...parts, secrets: ['hunter2!'] }) });
  await controller.run();
  receive({ type: 'bundle' });
  await turn();
  assert.deepEqual(did.map(String), ['AgentIdError: doctor.bundleHoldsSecret {"kinds":"known secret"}']);
});

test('a new run takes the place of the one before, and a closed page hears nothing more', async () => {
  const gate = Promise.withResolvers<void>();
  let asked = 0;
  const { controller, receiver, did } = start();
  const slow = start({ prepare: async () => (asked++, await gate.promise, {} as DoctorDeps) });
  const first = slow.controller.run();
  slow.controller.dispose();
  gate.resolve();
  await first;
  assert.deepEqual([asked, slow.receiver.state.phase, slow.did], [1, 'idle', []]);
  await Promise.all([controller.run(), controller.run()]);
  assert.deepEqual([receiver.state.phase, statuses(receiver.state), did], ['ended', ['failed', 'blocked'], []]);
});

test('where a new run can not begin, the page says that the one before was stopped', async t => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'agent-id-doctor-'));
  t.after(() => rm(folder, { recursive: true }));
  const kubeconfig = path.join(folder, 'config');
  const entry = {
    name: 'c',
    cluster: { server: 'https://127.0.0.1:1' },
    context: { cluster: 'c', user: 'c' },
    user: {},
  };
  await writeFile(kubeconfig, JSON.stringify({ clusters: [entry], contexts: [entry], users: [entry] }));
  const asked = Promise.withResolvers<void>();
  const problem = new AgentIdError('agent.worldUnreadable', { path: 'x', reason: 'no JSON' });
  let begun = false;
  const prepare = async () => {
    if (begun) throw problem;
    begun = true;
    return {
      plan: undefined,
      choose: () => (asked.resolve(), new Promise(() => {})),
      overrides: () => settings,
      logger: silentLogger,
      settings: { ...settings, kubeconfig },
      clock: systemClock,
    } as unknown as DoctorDeps;
  };
  const { controller, receiver, did } = start({ prepare });
  const first = controller.run();
  await asked.promise;
  assert.equal(receiver.state.phase, 'running');
  await Promise.all([first, controller.run()]);
  assert.equal(receiver.state.phase, 'ended');
  assert.match(receiver.state.summary ?? '', /^Stopped: /);
  assert.deepEqual(did, [problem]);
});

const nothing = { ms: 1, facts: [], findings: [], remarks: [] };
const rowOf = (id: CheckId, state: CheckState) =>
  doctorRow(id, state, { t: translate, say: sayer(translate), known: () => undefined });

test('what a cluster admin is sent of a refusal by the gateway’s file holds the rule and the change', () => {
  const remedy = { code: 'allowAgent', agent: 'b', clause: "jwt.appid in ['a']", line: 21 } as const;
  const change = { ...remedy, suggestion: "jwt.appid in ['a', 'b']" };
  const check = { kind: 'mcpAuthorization', at: 'route', outcome: 'fails', remedy: change, rules: [] } as const;
  const answer = { status: 200, text: '{"tools":[]}' };
  const verdict: RouteVerdict = {
    ...{ route: 'mcp', path: '/mcp', kind: 'mcp', outcome: 'refused', answer },
    ...{ checks: [{ ...check, rules: [] }], tools: [] },
  };
  const error = new AgentIdError('doctor.refusedByFile', { path: '/mcp', status: 200, answer: answer.text });
  const state: CheckState = { ...nothing, kind: 'failed', error, findings: [{ kind: 'route', verdict }] };
  const { failure } = rowOf('preflight', state);
  assert.match(failure?.sentence ?? '', /^By its own file the gateway lists no tool for the agent on \/mcp\./);
  assert.equal(failure?.who, 'clusterAdmin');
  const text = failure?.fix ?? '';
  assert.match(text, /What happened: By its own file[^]*Route of the gateway: \/mcp[^]*What mends it:/);
  assert.match(text, /add b to AGENT_APP_IDS[^]*Line 21[^]*- jwt\.appid in \['a'\]\n\+ jwt\.appid in \['a', 'b'\]/);
  const hidden = rowOf('tools', {
    ...nothing,
    kind: 'failed',
    error: new AgentIdError('doctor.noTools', { path: '/mcp' }),
  });
  assert.match(
    hidden.failure?.fix ?? '',
    /What mends it:[^]*kubectl get configmap agentgateway-config[^]*AGENT_APP_IDS/,
  );
  assert.doesNotMatch(text + hidden.failure?.fix, /above|Below/);
});

test('a token that is not there is named where it was not checked, and the row is no plain pass', () => {
  const { status, findings } = rowOf('preflight', {
    ...nothing,
    kind: 'passed',
    findings: [{ kind: 'noToken', token: 'mcp' }],
  });
  assert.equal(status, 'remarks');
  const sentence = 'Not checked: there is no such token.';
  assert.deepEqual(findings, [{ title: 'T2 for MCP', outcome: 'warning', sentence }]);
});

test('without any pod the next step is at the Deployment, by its name', () => {
  const args = { namespace: 'agents', selector: 'app.kubernetes.io/name=research-agent', reason: 'there are no pods' };
  const say = (pods: number) => sayer(translate)(new AgentIdError('tunnel.noReadyPod', { ...args, pods }));
  const { sentence, nextStep, fix } = say(0);
  assert.equal(sentence, 'No pod is ready in namespace agents for research-agent: there are no pods.');
  assert.match(nextStep ?? '', /kubectl get deployment research-agent/);
  assert.match(fix ?? '', /kubectl scale deployment\/research-agent .*--replicas=1/);
  assert.match(say(1).nextStep ?? '', /describe pod/);
});

test('the issuer that only few may read is for nobody to mend', () => {
  const error = new AgentIdError('doctor.issuerUnreadable', { path: '/openid/v1/jwks' });
  const { status, failure } = rowOf('federation', { ...nothing, kind: 'unknown', error });
  assert.deepEqual([status, failure?.who], ['unknown', undefined]);
});

test('the summary of failures counts what could not be looked at, too', () => {
  const error = new AgentIdError('doctor.noTools', { path: '/mcp' });
  const states: [CheckId, CheckState][] = CHECKS.map(id => [id, { ...nothing, kind: 'passed' }]);
  const report = new Map(states).set('federation', { ...nothing, kind: 'unknown', error });
  assert.equal(doctorSummary(translate, report), 'Nothing failed; 1 could not be looked at.');
  report.set('tools', { ...nothing, kind: 'failed', error });
  assert.equal(doctorSummary(translate, report), '1 failed, 19 passed. 1 could not be looked at.');
});

test('the federated credential goes to the Graph of the connection’s cloud', () => {
  const body = { name: 'k8s', subject: 'system:serviceaccount:n:s', audiences: ['api://AzureADTokenExchange'] };
  const text = (authority: string, credential: FederatedCredential['body']) => {
    const known = (): Known => ({ authority: `${authority}/4d1f6a1b-27c8-4e35-8a60-f1b2c3d4e5a7` });
    const state: CheckState = {
      ...{ kind: 'passed', ms: 1, facts: [], findings: [], remarks: [] },
      credential: { blueprintAppId: '3f1c0d5e-1111-4222-8333-944455556666', body: credential },
    };
    return doctorRow('federation', state, { t: translate, say: sayer(translate), known }).text?.value ?? '';
  };
  const issuer = 'https://oidc.example/c/';
  for (const [login, graph] of [
    ['https://login.microsoftonline.com', 'https://graph.microsoft.com'],
    ['https://login.microsoftonline.us', 'https://graph.microsoft.us'],
    ['https://login.partner.microsoftonline.cn', 'https://microsoftgraph.chinacloudapi.cn'],
  ] as const) {
    const [call = '', type, , ...rest] = text(login, { ...body, issuer }).split('\n');
    const path =
      "applications(appId='3f1c0d5e-1111-4222-8333-944455556666')/microsoft.graph.agentIdentityBlueprint/federatedIdentityCredentials";
    assert.deepEqual([call, type], [`POST ${graph}/v1.0/${path}`, 'Content-Type: application/json']);
    const json = rest.join('\n').split('\n\n')[0] ?? '';
    assert.deepEqual(JSON.parse(json), { ...body, issuer });
    assert.match(rest.join('\n'), /permission: AgentIdentityBlueprint\.AddRemoveCreds\.All/);
  }
  assert.match(text('https://login.microsoftonline.com', body), /"issuer": "<issuer of the cluster, exactly as/);
});
