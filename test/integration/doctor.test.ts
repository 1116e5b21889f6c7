import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { ConnectionPlan } from '../../src/agent/configuration.ts';
import { AgentIdError } from '../../src/base/errors.ts';
import type { Examination } from '../../src/doctor/doctor.ts';
import { CHECKS, type CheckId } from '../../src/doctor/report.ts';
import { doctorOf, kinds, type DoctorOptions } from './support/doctor.ts';
import { startSandbox, type TestSandbox } from './support/sandbox.ts';

let sandbox: TestSandbox;
let doctor: ReturnType<typeof doctorOf>;
before(async () => {
  sandbox = await startSandbox();
  doctor = doctorOf(sandbox);
});
after(() => sandbox.stop());
beforeEach(async () => {
  await sandbox.control('reset', {});
  await sandbox.control('entra', { deviceCodeInterval: 1 });
});

const kubernetes = (call: string, ...args: unknown[]) => sandbox.control('kubernetes', { do: call, args });
const admin = (plan: ConnectionPlan): ConnectionPlan => ({ ...plan, context: 'agent-id-sandbox-admin' });

async function examine(options: DoctorOptions = {}): Promise<Examination> {
  const examination = doctor.run(options);
  await examination.ended;
  return examination;
}

/** The code of a failed check; the text of its state where it did not fail. */
function codeOf({ report }: Examination, id: CheckId): string {
  const state = report.get(id);
  if (state?.kind !== 'failed' && state?.kind !== 'unknown') return JSON.stringify(state);
  return AgentIdError.is(state.error) ? state.error.code : String(state.error);
}

test('everything passes where everything is well, and nothing that it opened stays', async () => {
  const examination = await examine({ plan: admin });
  const found = kinds(examination.report);
  assert.deepEqual(Object.keys(found).toSorted(), CHECKS.toSorted());
  for (const id of CHECKS) assert.equal(found[id], 'passed', `${id}: ${JSON.stringify(examination.report.get(id))}`);
  assert.equal(examination.user, sandbox.json.users[0]?.upn);
  const federation = examination.report.get('federation');
  assert.ok(federation?.kind === 'passed');
  assert.deepEqual(
    federation.credential?.body.subject,
    `system:serviceaccount:${sandbox.json.namespace}:agent-blueprint`,
  );
  assert.equal(federation.credential.blueprintAppId, sandbox.json.blueprintAppId);
  const { tunnels } = (await sandbox.control('kubernetes')) as { tunnels: number };
  assert.equal(tunnels, 0);
  assert.doesNotMatch(doctor.log.join('\n'), /eyJ[\w-]{8,}\./);
});

interface Fault {
  name: string;
  check: CheckId;
  code: string;
  /** Checks that go on all the same. */
  others?: CheckId[];
  arrange?: () => Promise<unknown>;
  options?: () => DoctorOptions;
}
const planned = (change: Partial<ConnectionPlan>) => (): DoctorOptions => ({ plan: plan => ({ ...plan, ...change }) });
const adminPlan = (): DoctorOptions => ({ plan: admin });

const FAULTS: Fault[] = [
  {
    name: 'no kubeconfig',
    check: 'kubeconfig',
    code: 'kubeconfig.notFound',
    options: planned({ kubeconfig: '/nowhere' }),
  },
  {
    name: 'no such context',
    check: 'context',
    code: 'kubeconfig.contextNotFound',
    options: planned({ context: 'gone' }),
  },
  {
    name: 'nobody chose an agent',
    check: 'context',
    code: 'agent.notConnected',
    options: () => ({
      plan: () => undefined,
      deps: { settings: { ...settings(), kubeconfig: sandbox.json.kubeconfig } },
    }),
  },
  {
    name: 'credentials that ended',
    check: 'apiServer',
    code: 'cluster.unauthorized',
    arrange: () => kubernetes('expireToken'),
  },
  {
    name: 'a missing right',
    check: 'rbac',
    code: 'cluster.forbidden',
    arrange: () => kubernetes('deny', { verb: 'create', resource: 'pods', subresource: 'portforward' }),
  },
  { name: 'no agent at all', check: 'agent', code: 'agent.noAgents', arrange: () => kubernetes('fixture', 'none') },
  { name: 'an agent that is gone', check: 'agent', code: 'agent.agentGone', options: planned({ deployment: 'gone' }) },
  {
    name: 'two blueprints for one agent',
    check: 'agent',
    code: 'discovery.blueprintMismatch',
    arrange: () => kubernetes('fixture', 'otherClientId'),
  },
  {
    name: 'a pod that is not ready',
    check: 'pod',
    code: 'tunnel.noReadyPod',
    others: ['sidecar', 'signIn'],
    arrange: () => kubernetes('setReady', 'research-agent', false),
  },
  {
    name: 'an image that is not there',
    check: 'pod',
    code: 'doctor.imagePull',
    others: ['signIn'],
    arrange: () => kubernetes('setPodFault', 'research-agent', 'ImagePullBackOff'),
  },
  {
    name: 'a container that keeps ending',
    check: 'pod',
    code: 'doctor.crashLoop',
    others: ['gatewayTunnel'],
    arrange: () => kubernetes('setPodFault', 'research-agent', 'CrashLoopBackOff'),
  },
  {
    name: 'overrides that are off',
    check: 'sidecar',
    code: 'doctor.overridesOff',
    others: ['health', 'validate'],
    arrange: () =>
      kubernetes('setConfigMap', 'agent-id-sidecar', { Sidecar__AllowOverrides__GetAuthorizationHeader: 'false' }),
  },
  { name: 'an issuer that we may not read', check: 'federation', code: 'doctor.issuerUnreadable', others: ['tools'] },
  {
    name: 'keys of another cluster',
    check: 'federation',
    code: 'doctor.keysDiffer',
    options: adminPlan,
    arrange: () => sandbox.control('issuer', { published: 'old' }),
  },
  {
    name: 'the document of another issuer',
    check: 'federation',
    code: 'doctor.issuerDiffers',
    options: adminPlan,
    arrange: () => sandbox.control('issuer', { published: 'other' }),
  },
  {
    name: 'an issuer that shows nothing',
    check: 'federation',
    code: 'doctor.issuerUnreachable',
    options: adminPlan,
    arrange: () => sandbox.control('issuer', { published: 'nothing' }),
  },
  {
    name: 'upgrades that are refused',
    check: 'tunnel',
    code: 'tunnel.upgradeRefused',
    others: ['signIn', 'gatewayFile'],
    arrange: () => kubernetes('refuseUpgrades', true),
  },
  {
    name: 'an unhealthy sidecar',
    check: 'health',
    code: 'sidecar.unhealthy',
    others: ['tunnel', 'signIn'],
    arrange: () => sandbox.control('sidecar', { healthy: false }),
  },
  {
    name: 'a code that was declined',
    check: 'signIn',
    code: 'signIn.declined',
    others: ['health', 'gatewayTunnel'],
    arrange: () => sandbox.control('entra', { deviceCode: 'declined' }),
  },
  {
    name: 'no consent for the tools',
    check: 'mcpToken',
    code: 'sidecar.consentMissing',
    others: ['llmToken', 'model', 'tokens'],
    arrange: () => sandbox.control('entra', { consentMissing: ['research-agent/mcp'] }),
  },
  {
    name: 'a federated credential that does not fit',
    check: 'llmToken',
    code: 'sidecar.workloadIdentityRefused',
    others: ['tokens'],
    arrange: () => sandbox.control('entra', { oboFault: { code: 700213, times: 2 } }),
  },
  {
    name: 'a token of the blueprint',
    check: 'mcpToken',
    code: 'agentToken.wrongAgent',
    others: ['health'],
    arrange: () => sandbox.control('sidecar', { answerAs: 'blueprint' }),
  },
  {
    name: 'a clock that is wrong',
    check: 'tokens',
    code: 'doctor.tokenCheck',
    others: ['health'],
    arrange: () => sandbox.control('clock', { offsetSeconds: 600 }),
  },
  {
    name: 'a gateway file that is no YAML',
    check: 'gatewayFile',
    code: 'gateway.configUnreadable',
    others: ['llmToken', 'model'],
    arrange: () => kubernetes('setConfigMap', 'agentgateway-config', { 'config.yaml': 'binds: [' }),
  },
  {
    name: 'no gateway',
    check: 'gatewayTunnel',
    code: 'agent.noGateway',
    others: ['llmToken'],
    arrange: () => kubernetes('remove', 'Service', 'agentgateway'),
  },
  {
    name: 'no MCP server behind the gateway',
    check: 'mcp',
    code: 'mcp.upstreamFailed',
    others: ['mcpToken', 'gatewayTunnel'],
    arrange: async () => {
      for (const server of ['microsoft', 'exa-ai']) await sandbox.control('mcp', { server, down: true });
    },
  },
  {
    name: 'rules that refuse the agent',
    check: 'preflight',
    code: 'doctor.refusedByFile',
    others: ['model', 'mcp'],
    options: planned({ deployment: 'intern-agent' }),
  },
  {
    name: 'a gateway that hides every tool',
    check: 'tools',
    code: 'doctor.noTools',
    others: ['mcp'],
    options: planned({ deployment: 'intern-agent' }),
  },
  {
    name: 'a deployment of the model that is not there',
    check: 'model',
    code: 'llm.deploymentMissing',
    others: ['tools'],
    arrange: () => sandbox.control('model', { nextStatus: 404 }),
  },
  {
    name: 'a path that the gateway does not have',
    check: 'model',
    code: 'gateway.routeMissing',
    others: ['tools'],
    arrange: () => kubernetes('setConfigMap', 'agent-id-client', { GATEWAY_LLM_PATH: '/nowhere' }),
  },
];

function settings() {
  return { authority: 'https://login.microsoftonline.com', clientId: 'x', clientIdIsDefault: true };
}

for (const { name, check, code, others = [], arrange, options } of FAULTS)
  test(`${name}: ${check} says ${code}`, async () => {
    await arrange?.();
    const examination = await examine(options?.() ?? {});
    assert.equal(codeOf(examination, check), code);
    for (const id of others)
      assert.equal(examination.report.get(id)?.kind, 'passed', `${id}: ${JSON.stringify(examination.report.get(id))}`);
  });

test('what depends on a failure is not looked at, and names it', async () => {
  await kubernetes('setReady', 'research-agent', false);
  const { report } = await examine();
  for (const id of ['tunnel', 'health', 'validate', 'llmToken', 'mcp', 'tools'] as const)
    assert.deepEqual(report.get(id), { kind: 'blocked', needs: ['pod'] }, id);
});

test('a scope that only /Validate wants is a remark, and stops nothing', async () => {
  await sandbox.control('sidecar', { wantsOtherScope: true });
  const { report } = await examine();
  const state = report.get('validate');
  assert.ok(state?.kind === 'passed');
  assert.deepEqual(
    state.remarks.map(({ code }) => code),
    ['doctor.scopeRefused'],
  );
  assert.equal(report.get('tools')?.kind, 'passed');
});

test('consent that comes while it waits is noticed, and the rest goes on', async () => {
  await sandbox.control('entra', { consentMissing: ['research-agent/mcp'] });
  let waits = 0;
  const { report } = await examine({
    deps: { patience: { every: 300, atMost: 60_000 } },
    changed: (id, examination) => {
      if (id !== 'mcpToken' || examination.report.get(id)?.kind !== 'waiting') return;
      if (++waits === 2) void sandbox.control('entra', { consentMissing: [] });
    },
  });
  assert.ok(waits >= 2, `${waits} waits`);
  assert.equal(report.get('tools')?.kind, 'passed', JSON.stringify(report.get('mcpToken')));
});

test('stopped in the middle, it leaves nothing open', async () => {
  const abort = new AbortController();
  const { report } = await examine({
    signal: abort.signal,
    changed: (id, examination) => {
      if (id === 'health' && examination.report.get(id)?.kind === 'passed') abort.abort();
    },
  });
  assert.ok([...report.values()].some(({ kind }) => kind === 'stopped'));
  await new Promise(resolve => setTimeout(resolve, 300));
  const { tunnels } = (await sandbox.control('kubernetes')) as { tunnels: number };
  assert.equal(tunnels, 0);
});
