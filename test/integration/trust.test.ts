import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { parse, stringify } from 'yaml';
import type { ConnectionPlan } from '../../src/agent/configuration.ts';
import { openConnection } from '../../src/agent/openConnection.ts';
import type { SessionDeps } from '../../src/agent/session.ts';
import type { TrustQuestion } from '../../src/agent/trust.ts';
import { systemClock } from '../../src/base/clock.ts';
import { AgentIdError } from '../../src/base/errors.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { discover } from '../../src/cluster/discovery.ts';
import { loadKubeconfig } from '../../src/cluster/kubeconfig.ts';
import { McpServers } from '../../src/mcp/registry.ts';
import { trustStore } from '../../src/views/memory.ts';
import { memorySecrets } from './support/core.ts';
import { PUBLIC_CLIENT, startSandbox, type TestSandbox } from './support/sandbox.ts';

let sandbox: TestSandbox;
before(async () => void (sandbox = await startSandbox()));
afterEach(() => sandbox.control('/reset', {}));
after(() => sandbox.stop());

const kube = (call: string, ...args: unknown[]) => sandbox.kube(call, ...args);

/** The extension's storage, and a person who answers `yes` and remembers what they were asked. */
function person(yes = true) {
  const stored = new Map<string, unknown>();
  const memento = {
    keys: () => [...stored.keys()],
    get: (key: string) => stored.get(key),
    update: async (key: string, value: unknown) => void stored.set(key, value),
  };
  const asked: TrustQuestion[] = [];
  const nobody = async (): Promise<never> => {
    throw new Error('nothing may be sent before trust, and nothing is signed in here');
  };
  const deps: SessionDeps = {
    servers: new McpServers({
      store: { load: async () => [], save: async () => {} },
      fetch: nobody,
      logger: silentLogger,
      clientVersion: '0.0.0',
    }),
    secrets: memorySecrets(),
    memory: memorySecrets(),
    trust: trustStore(memento as Parameters<typeof trustStore>[0]),
    overrides: () => ({
      authority: 'https://login.microsoftonline.com',
      clientId: PUBLIC_CLIENT,
      clientIdIsDefault: true,
    }),
    opened: () => {},
    fetch: nobody,
    logger: silentLogger,
    clock: systemClock,
  };
  const connect = async (deployment: string, interactive = true, kubeconfig = sandbox.json.kubeconfig) => {
    const { context, namespace } = sandbox.json;
    const plan: ConnectionPlan = { mode: 'connected', kubeconfig, context, namespace, deployment, answers: {} };
    const trust = async (question: TrustQuestion) => (asked.push(question), yes);
    const interaction = interactive ? { signIn: nobody, trust } : undefined;
    const connection = await openConnection(plan, interaction, deps, new AbortController().signal);
    connection.dispose();
  };
  return { asked, connect, stored };
}

const refused = (error: unknown) => AgentIdError.is(error, 'agent.notTrusted');

test('trust is asked once by name, and again for another blueprint, for another tenant, and for a change back', async () => {
  const { asked, connect } = person();
  const [agent = '', other = ''] = sandbox.json.agents.map(({ deployment }) => deployment);
  await connect(agent);
  await connect(agent);
  await connect(other); // the same blueprint
  const { context, namespace } = sandbox.json;
  const authority = (id: string) => `https://login.microsoftonline.com/${id}`;
  const chosen = { context, namespace, deployment: agent, authority: authority(sandbox.json.tenantId) };
  assert.deepEqual(asked, [
    { server: asked[0]?.server, tenantId: sandbox.json.tenantId, blueprintAppId: sandbox.json.blueprintAppId, chosen },
  ]);
  assert.match(asked[0]?.server ?? '', /^https:\/\/127\.0\.0\.1:\d+$/);

  await kube('fixture', 'secondBlueprint');
  const kubeconfig = await loadKubeconfig({ path: sandbox.json.kubeconfig, logger: silentLogger });
  const api = await kubeconfig.connect(sandbox.json.context);
  const { agents } = await discover(api, sandbox.json.namespace).finally(() => api.close());
  const second = agents.find(({ blueprintAppId }) => blueprintAppId?.value !== sandbox.json.blueprintAppId);
  assert.ok(second?.blueprintAppId);
  await connect(second.deployment);
  const { server = '', tenantId: tenant = '', blueprintAppId: first = '' } = asked[0] ?? {};
  const another = second.blueprintAppId.value;
  assert.deepEqual(asked[1], {
    server,
    tenantId: tenant,
    blueprintAppId: another,
    chosen: { ...chosen, deployment: second.deployment },
    before: { tenantId: tenant, blueprintAppId: first },
  });
  await connect(agent);
  const before = { tenantId: tenant, blueprintAppId: another };
  assert.deepEqual(asked[2], { ...asked[0], before }, 'a change back asks as well');

  const tenantId = '99999999-9999-4999-8999-999999999999';
  await kube('setConfigMap', 'agent-id-sidecar', { AzureAd__TenantId: tenantId });
  await connect(agent);
  assert.deepEqual(asked[3], {
    ...asked[0],
    tenantId,
    chosen: { ...chosen, authority: authority(tenantId) },
    before: { tenantId: tenant, blueprintAppId: first },
  });
  assert.equal(asked.length, 4);
});

test('no is no, for this once and the next time; without anybody to ask it is no as well', async () => {
  const { asked, connect, stored } = person(false);
  const agent = sandbox.json.agents[0]?.deployment ?? '';
  await assert.rejects(connect(agent), refused);
  await assert.rejects(connect(agent), refused);
  assert.equal(asked.length, 2);
  await assert.rejects(connect(agent, false), refused);
  assert.equal(asked.length, 2);
  assert.equal(stored.size, 0);
});

test('a server that nothing proves any more is no longer the one that was confirmed', async () => {
  const { asked, connect } = person();
  const agent = sandbox.json.agents[0]?.deployment ?? '';
  await connect(agent);
  const file = parse(await readFile(sandbox.json.kubeconfig, 'utf8')) as { clusters: { cluster: object }[] };
  file.clusters = file.clusters.map(entry => ({
    ...entry,
    cluster: { ...entry.cluster, 'certificate-authority-data': undefined, 'insecure-skip-tls-verify': true },
  }));
  const careless = path.join(path.dirname(sandbox.json.kubeconfig), 'careless');
  await writeFile(careless, stringify(file));
  await connect(agent, true, careless);
  await connect(agent, true, careless);
  assert.deepEqual(
    asked.map(({ unverified }) => unverified),
    [undefined, true],
  );
  await connect(agent);
  assert.equal(asked.length, 3, 'and the proved one is another than that');
});
