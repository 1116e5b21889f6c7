// Each step of the Doctor, and each way in which it fails, from what the cluster, the sidecar, Entra, the cluster's issuer
// and the gateway really answer: the faults are those of the sandbox's control endpoint.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import type { ConnectionPlan } from '../../src/agent/configuration.ts';
import { AgentIdError } from '../../src/base/errors.ts';
import type { Examination } from '../../src/doctor/doctor.ts';
import { CHECKS, type CheckId } from '../../src/doctor/report.ts';
import { memorySecrets } from '../../src/views/secrets.ts';
import { doctorOf, rowOf, type DoctorOptions } from './support/doctor.ts';
import { PUBLIC_CLIENT, startSandbox, type TestSandbox } from './support/sandbox.ts';

let sandbox: TestSandbox;
let doctor: ReturnType<typeof doctorOf>;
let folder: string;
/** Of somebody who signed in before: most steps need no sign-in of their own. */
const secrets = memorySecrets();
before(async () => {
  [sandbox, folder] = await Promise.all([startSandbox(), mkdtemp(join(tmpdir(), 'doctor-'))]);
  doctor = doctorOf(sandbox);
  await sandbox.control('entra', { deviceCodeInterval: 1 });
  await doctor.run({ deps: { secrets } }).ended;
});
after(async () => {
  await sandbox.stop();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => sandbox.control('reset', {}));

const kubernetes = (call: string, ...args: unknown[]) => sandbox.control('kubernetes', { do: call, args });
const entra = (switches: object) => sandbox.control('entra', switches);
const sidecar = (switches: object) => sandbox.control('sidecar', switches);
const issuer = (switches: object) => sandbox.control('issuer', switches);
/** A setting of the sidecar's container. */
const setting = (name: string, value: string) => kubernetes('setConfigMap', 'agent-id-sidecar', { [name]: value });
/** The agent's Deployment as `k8s/base` has it, with something in it changed. */
async function deploy(from: string | RegExp, to: string): Promise<void> {
  const yaml = await readFile(new URL('../../k8s/base/research-agent.yaml', import.meta.url), 'utf8');
  const changed = yaml.replace(from, to);
  assert.notEqual(changed, yaml);
  await kubernetes('setReadyDelay', 0); // no pod of before is looked at
  await kubernetes('apply', changed);
}
async function kubeconfig(content: string): Promise<string> {
  const path = join(folder, 'config');
  await writeFile(path, content);
  return path;
}

const as = (change: Partial<ConnectionPlan>) => (): DoctorOptions => ({ plan: plan => ({ ...plan, ...change }) });
/** May read what the API server says of its issuer. */
const admin = as({ context: 'agent-id-sandbox-admin' });
const nothingChosen = (path: string): DoctorOptions => ({
  plan: () => undefined,
  deps: {
    settings: {
      ...{ authority: 'https://login.microsoftonline.com', clientId: PUBLIC_CLIENT, clientIdIsDefault: true },
      kubeconfig: path,
    },
  },
});

interface Fault {
  name: string;
  check: CheckId;
  code: string;
  /** It is said beside the check, which passes. */
  remark?: boolean;
  /** Checks that pass all the same. */
  others?: CheckId[];
  arrange?: () => Promise<unknown>;
  options?: () => DoctorOptions | Promise<DoctorOptions>;
}

const at = (check: CheckId, name: string, code: string, more: Omit<Fault, 'check' | 'name' | 'code'> = {}): Fault => ({
  check,
  name,
  code,
  ...more,
});

const FAULTS: Fault[] = [
  at('kubeconfig', 'no kubeconfig, and nothing was ever chosen', 'kubeconfig.notFound', {
    options: () => nothingChosen('/nowhere/config'),
  }),
  at('kubeconfig', 'a kubeconfig without contexts', 'kubeconfig.noContexts', {
    options: async () => nothingChosen(await kubeconfig('apiVersion: v1\nkind: Config\n')),
  }),
  at('kubeconfig', 'a kubeconfig that is no YAML', 'kubeconfig.invalid', {
    options: async () => nothingChosen(await kubeconfig('contexts: [')),
  }),
  at('context', 'nobody chose an agent', 'agent.notConnected', {
    options: () => nothingChosen(sandbox.json.kubeconfig),
  }),
  at('context', 'no such context', 'kubeconfig.contextNotFound', {
    options: as({ context: 'gone' }),
  }),
  at('apiServer', 'an API server that is gone', 'cluster.unreachable', {
    others: ['kubeconfig', 'context'],
    arrange: () => kubernetes('goAway'),
  }),
  at('apiServer', 'credentials that ended', 'cluster.unauthorized', {
    arrange: () => kubernetes('expireToken'),
  }),
  at('rbac', 'a missing right', 'cluster.forbidden', {
    arrange: () => kubernetes('deny', { verb: 'create', resource: 'pods', subresource: 'portforward' }),
  }),
  at('agent', 'no agent at all', 'agent.noAgents', { arrange: () => kubernetes('fixture', 'none') }),
  at('agent', 'an agent that is gone', 'agent.agentGone', { options: as({ deployment: 'gone' }) }),
  at('agent', 'two blueprints for one agent', 'discovery.blueprintMismatch', {
    arrange: () => kubernetes('fixture', 'otherClientId'),
  }),
  at('pod', 'a pod that is not ready', 'tunnel.noReadyPod', {
    others: ['sidecar', 'signIn'],
    arrange: () => kubernetes('setReady', 'research-agent', false),
  }),
  at('pod', 'no pod', 'tunnel.noReadyPod', {
    others: ['sidecar', 'signIn'],
    arrange: () => kubernetes('scale', 'research-agent', 0),
  }),
  at('pod', 'an image that is not there', 'doctor.imagePull', {
    others: ['signIn'],
    arrange: () => kubernetes('setPodFault', 'research-agent', 'ImagePullBackOff'),
  }),
  at('pod', 'a container that keeps ending', 'doctor.crashLoop', {
    others: ['gatewayTunnel'],
    arrange: () => kubernetes('setPodFault', 'research-agent', 'CrashLoopBackOff'),
  }),
  at('pod', 'a pod that no node takes', 'doctor.unschedulable', {
    others: ['gatewayTunnel'],
    arrange: () => kubernetes('setPodFault', 'research-agent', 'Unschedulable'),
  }),
  at('sidecar', 'overrides that are off', 'doctor.overridesOff', {
    others: ['health', 'validate'],
    arrange: () => setting('Sidecar__AllowOverrides__GetAuthorizationHeader', 'false'),
  }),
  at('sidecar', 'a sidecar of 2025', 'doctor.oldSidecar', {
    remark: true,
    arrange: () => deploy(/auth-sidecar:[\w.-]+/, 'auth-sidecar:1.0.0-azurelinux3.0-distroless'),
  }),
  at('sidecar', 'a sidecar that asks nobody who calls', 'doctor.development', {
    remark: true,
    arrange: () => setting('ASPNETCORE_ENVIRONMENT', 'Development'),
  }),
  at('sidecar', 'a secret in the cluster', 'doctor.clientSecret', {
    remark: true,
    others: ['federation'], // then the pod's token does not matter
    arrange: () => setting('AzureAd__ClientCredentials__0__SourceType', 'ClientSecret'),
  }),
  at('sidecar', 'an API that the sidecar does not know', 'sidecar.unknownApi', {
    remark: true,
    arrange: () => kubernetes('setConfigMap', 'agent-id-client', { SIDECAR_MCP_API: 'nobody' }),
  }),
  at('federation', 'a pod without the token that its sidecar reads', 'doctor.noTokenFile', {
    arrange: () => deploy('path: azure-identity-token', 'path: another-file'),
  }),
  at('federation', 'a sidecar that waits for a webhook which is not there', 'doctor.noTokenFile', {
    arrange: () =>
      kubernetes('setConfigMap', 'agent-id-sidecar', {
        AzureAd__ClientCredentials__0__SignedAssertionFileDiskPath: null,
      }),
  }),
  at('federation', 'a token that is for the API server', 'doctor.tokenAudience', {
    arrange: () => deploy(/\n +audience: \S+/, ''),
  }),
  at('federation', 'a token that is for somebody else', 'doctor.tokenAudience', {
    arrange: () => deploy('audience: api://AzureADTokenExchange', 'audience: vault'),
  }),
  at('federation', 'an issuer that we may not read', 'doctor.issuerUnreadable'),
  at('federation', 'an issuer inside of the cluster', 'doctor.issuerPrivate', {
    options: admin,
    arrange: () => issuer({ inside: true }),
  }),
  at('federation', 'keys of another cluster', 'doctor.keysDiffer', {
    options: admin,
    arrange: () => issuer({ published: 'old' }),
  }),
  at('federation', 'the document of another issuer', 'doctor.issuerDiffers', {
    options: admin,
    arrange: () => issuer({ published: 'other' }),
  }),
  at('federation', 'an issuer that shows nothing', 'doctor.issuerUnreachable', {
    options: admin,
    arrange: () => issuer({ published: 'nothing' }),
  }),
  at('tunnel', 'upgrades that are refused', 'tunnel.upgradeRefused', {
    others: ['signIn', 'gatewayFile'],
    arrange: () => kubernetes('refuseUpgrades', true),
  }),
  at('health', 'an unhealthy sidecar', 'sidecar.unhealthy', {
    others: ['tunnel', 'signIn'],
    arrange: () => sidecar({ healthy: false }),
  }),
  at('signIn', 'a cluster that nobody vouches for', 'agent.notTrusted', {
    others: ['health', 'gatewayTunnel'],
    options: () => ({
      plan: ({ world: _world, ...plan }) => ({ ...plan, mode: 'connected' }),
      deps: { interaction: { signIn: () => assert.fail('nobody is asked to sign in'), trust: async () => false } },
    }),
  }),
  at('signIn', 'a code that was declined', 'signIn.declined', {
    others: ['health', 'gatewayTunnel'],
    options: () => ({ deps: { secrets: memorySecrets() } }),
    arrange: () => entra({ deviceCode: 'declined', deviceCodeInterval: 1 }),
  }),
  at('validate', 'a sidecar that takes no token of ours', 'sidecar.userTokenRejected', {
    others: ['health', 'signIn'],
    arrange: () => sidecar({ wantsOtherAudience: true }),
  }),
  at('validate', 'a sidecar whose /Validate wants another scope, as nothing else does', 'doctor.scopeRefused', {
    remark: true,
    others: ['tools'],
    arrange: () => sidecar({ wantsOtherScope: true }),
  }),
  at('llmToken', 'a federated credential that does not fit', 'sidecar.workloadIdentityRefused', {
    others: ['tokens'],
    arrange: () => entra({ oboFault: { code: 700213, times: 2 } }),
  }),
  at('mcpToken', 'no consent for the tools', 'sidecar.consentMissing', {
    others: ['llmToken', 'model', 'tokens'],
    arrange: () => entra({ consentMissing: ['research-agent/mcp'] }),
  }),
  at('mcpToken', 'a token of the blueprint', 'agentToken.wrongAgent', {
    others: ['health'],
    arrange: () => sidecar({ answerAs: 'blueprint' }),
  }),
  at('tokens', 'a clock that is wrong', 'doctor.tokenCheck', {
    others: ['health'],
    arrange: () => sandbox.control('clock', { offsetSeconds: 600 }),
  }),
  at('gatewayFile', 'a gateway file that is no YAML', 'gateway.configUnreadable', {
    others: ['llmToken', 'model'],
    arrange: () => kubernetes('setConfigMap', 'agentgateway-config', { 'config.yaml': 'binds: [' }),
  }),
  at('gatewayTunnel', 'no gateway', 'agent.noGateway', {
    others: ['llmToken'],
    arrange: () => kubernetes('remove', 'Service', 'agentgateway'),
  }),
  at('gatewayTunnel', 'a gateway whose image is not there', 'doctor.imagePull', {
    others: ['gatewayFile', 'health'],
    arrange: () => kubernetes('setPodFault', 'agentgateway', 'ImagePullBackOff'),
  }),
  at('preflight', 'rules that refuse the agent', 'doctor.refusedByFile', {
    others: ['model', 'mcp'],
    options: as({ deployment: 'intern-agent' }),
  }),
  at('model', 'a deployment of the model that is not there', 'llm.deploymentMissing', {
    others: ['tools'],
    arrange: () => sandbox.control('model', { nextStatus: 404 }),
  }),
  at('model', 'a path that the gateway does not have', 'gateway.routeMissing', {
    others: ['tools'],
    arrange: () => kubernetes('setConfigMap', 'agent-id-client', { GATEWAY_LLM_PATH: '/nowhere' }),
  }),
  at('mcp', 'no MCP server behind the gateway', 'mcp.upstreamFailed', {
    others: ['mcpToken', 'gatewayTunnel'],
    arrange: async () => {
      for (const server of ['microsoft', 'exa-ai']) await sandbox.control('mcp', { server, down: true });
    },
  }),
  at('tools', 'a gateway that hides every tool', 'doctor.noTools', {
    others: ['mcp'],
    options: as({ deployment: 'intern-agent' }),
  }),
];

/** Examines until the checks that a fault is about have ended: what comes after them costs seconds and says nothing. */
async function examine({ check, others = [], options }: Fault): Promise<Examination> {
  const enough = new AbortController();
  const wanted = new Set([check, ...others]);
  const { deps, ...rest } = (await options?.()) ?? {};
  const examination = doctor.run({
    ...rest,
    deps: { secrets, ...deps },
    signal: AbortSignal.any([enough.signal, AbortSignal.timeout(60_000)]),
    changed: (id, { report }) => {
      if (!['pending', 'running'].includes(report.get(id)?.kind ?? 'pending')) wanted.delete(id);
      if (wanted.size === 0) enough.abort();
    },
  });
  await examination.ended;
  return examination;
}

for (const fault of FAULTS)
  test(`${fault.name}: ${fault.check} says ${fault.code}`, async () => {
    const { check, code, remark = false, others = [], arrange } = fault;
    await arrange?.();
    const { report } = await examine(fault);
    const state = report.get(check);
    const said = JSON.stringify(state);
    const errors = remark
      ? state?.kind === 'passed' && state.remarks
      : (state?.kind === 'failed' || state?.kind === 'unknown') && [state.error];
    const error = (errors || []).find(each => AgentIdError.is(each) && each.code === code);
    assert.ok(error, said);
    for (const id of others) assert.equal(report.get(id)?.kind, 'passed', `${id}: ${JSON.stringify(report.get(id))}`);

    const row = rowOf(check, state!);
    const shown = remark ? row.remarks.find(({ sentence }) => sentence === rowOf.say(error).sentence) : row.failure;
    assert.ok(shown?.nextStep, said);
    assert.ok(
      shown.fix || shown.actions.length > 0 || row.findings.some(({ fix }) => fix),
      `nothing to press: ${said}`,
    );
  });

test('every step is among them', () => {
  const failing = new Set(FAULTS.filter(({ remark }) => !remark).map(({ check }) => check));
  assert.deepEqual([...failing].toSorted(), CHECKS.toSorted());
});
