import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentIdError } from '../../src/base/errors.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { discover, type Discovery } from '../../src/cluster/discovery.ts';
import type { KubeApi } from '../../src/cluster/kubeApi.ts';
import { loadKubeconfig } from '../../src/cluster/kubeconfig.ts';
import { openTunnel, type Tunnel } from '../../src/cluster/tunnel.ts';
import { agentTokens } from './support/agentTokens.ts';
import { startSandbox, type TestSandbox } from './support/sandbox.ts';
import { until } from '../support/until.ts';

const AGENT = 'research-agent';
const SIDECAR = 'http://sidecar.invalid';
const GATEWAY = 'http://gateway.invalid';

let sandbox: TestSandbox;
let api: KubeApi;
let found: Discovery;
let sidecar: Tunnel;
let gateway: Tunnel;

before(async () => {
  sandbox = await startSandbox();
});
beforeEach(async () => {
  const kubeconfig = await loadKubeconfig({ path: sandbox.json.kubeconfig, logger: silentLogger });
  api = await kubeconfig.connect(sandbox.json.context);
  found = await discover(api, sandbox.json.namespace);
  const agent = found.agents.find(({ deployment }) => deployment === AGENT);
  assert.ok(agent && found.gateway);
  const common = {
    api,
    namespace: sandbox.json.namespace,
    logger: silentLogger,
    times: { heartbeat: 250, backoffMin: 50 },
  };
  sidecar = await openTunnel({
    ...common,
    name: 'sidecar',
    selector: agent.selector,
    port: agent.sidecarPort,
    connections: 4,
  });
  gateway = await openTunnel({
    ...common,
    name: 'gateway',
    selector: found.gateway.selector,
    port: found.gateway.port,
    connections: 8,
  });
});
afterEach(async () => {
  await Promise.all([sidecar.close(), gateway.close()]);
  await api.close();
  await until(async () => (await kube<number>('tunnels')) === 0, 'every tunnel closed');
  await sandbox.control('/reset', {});
});
after(() => sandbox.stop());

const kube = <T = unknown>(call: string, ...args: unknown[]) => sandbox.kube<T>(call, ...args);

const healthy = async () => (await sidecar.fetch(`${SIDECAR}/healthz`)).status;

test('the sidecar answers through the tunnel, and only there does it hear localhost', async () => {
  assert.equal(await healthy(), 200);
  await until(() => sidecar.state.kind === 'ready', 'ready');
  assert.match(sidecar.state.pod ?? '', /^research-agent-/);
  const { results } = { results: await Promise.all(Array.from({ length: 30 }, healthy)) };
  assert.deepEqual(new Set(results), new Set([200]));
  assert.ok((await kube<number>('tunnels')) <= 4 + 1 + 1, 'four, a spare, and the spare of the gateway');
});

test('the model streams through the gateway, and an abort frees the tunnel', async () => {
  const tokens = await agentTokens(sandbox);
  const ask = async (prompt: string, signal: AbortSignal) =>
    gateway.fetch(
      `${GATEWAY}/llm/openai/deployments/${sandbox.json.llmModel}/chat/completions?api-version=2024-10-21`,
      {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          authorization: `Bearer ${await tokens.get('openai', 0, false)}`,
        },
        body: JSON.stringify({
          model: sandbox.json.llmModel,
          stream: true,
          messages: [{ role: 'user', content: prompt }],
        }),
        signal,
      },
    );
  const response = await ask('Who are you?', AbortSignal.timeout(20_000));
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/);
  const chunks: string[] = [];
  for await (const chunk of response.body ?? []) chunks.push(Buffer.from(chunk as Uint8Array).toString());
  assert.ok(chunks.length > 1, 'it came in pieces');
  assert.match(chunks.join(''), /data: \[DONE\]\s*$/);

  const abort = new AbortController();
  const cut = await ask('Tell me a long story.', abort.signal);
  const reader = cut.body?.getReader();
  await reader?.read();
  abort.abort();
  await assert.rejects(async () => reader?.read(), { name: 'AbortError' });
  await until(async () => (await kube<number>('tunnels')) <= 3, 'the stream’s tunnel to be gone');
});

test('without a token the gateway refuses, and its answer comes through as it is', async () => {
  const response = await gateway.fetch(`${GATEWAY}/mcp`, { method: 'POST', body: '{}' });
  assert.equal(response.status, 401);
  assert.match(await response.text(), /authentication failure/i);
});

test('a deleted pod is replaced under a running tunnel', async () => {
  assert.equal(await healthy(), 200);
  await until(() => sidecar.state.kind === 'ready', 'ready');
  const before = sidecar.state.pod ?? '';
  const kinds: string[] = [];
  sidecar.onDidChangeState(state => kinds.push(state.kind));
  await kube('deletePod', before);
  for (let round = 0; round < 5; round++) assert.equal(await healthy(), 200, 'a request waits for the new pod');
  await until(() => sidecar.state.kind === 'ready' && sidecar.state.pod !== before, 'ready on the new pod');
});

test('a rollout costs no request', async () => {
  assert.equal(await healthy(), 200);
  let stop = false;
  const asking = (async () => {
    const statuses = new Set<number>();
    while (!stop) {
      statuses.add(await healthy());
      await sleep(10);
    }
    return statuses;
  })();
  await kube('rollout', AGENT);
  await sleep(2_500);
  stop = true;
  assert.deepEqual(await asking, new Set([200]));
});

test('a container that restarts is waited for', async () => {
  assert.equal(await healthy(), 200);
  await until(() => sidecar.state.kind === 'ready', 'ready');
  await kube('setListening', AGENT, false);
  await kube('cutTunnels');
  const asking = healthy();
  await until(() => sidecar.state.kind === 'reconnecting', 'reconnecting');
  await sleep(300);
  await kube('setListening', AGENT, true);
  assert.equal(await asking, 200);
});

test('a half-dead path is noticed and replaced', async () => {
  assert.equal(await healthy(), 200);
  await until(() => sidecar.state.kind === 'ready', 'ready');
  const kinds: string[] = [];
  sidecar.onDidChangeState(state => kinds.push(state.kind));
  await kube('freezeTunnels', true);
  await until(() => kinds.includes('reconnecting'), 'the missing pong');
  await kube('freezeTunnels', false);
  assert.equal(await healthy(), 200);
  await until(() => sidecar.state.kind === 'ready', 'ready again');
});

test('an API server that goes away and comes back', async () => {
  assert.equal(await healthy(), 200);
  await until(() => sidecar.state.kind === 'ready', 'ready');
  await kube('goAway');
  await until(() => sidecar.state.kind === 'reconnecting', 'reconnecting');
  const asking = healthy();
  await sleep(300);
  await kube('back');
  assert.equal(await asking, 200);
  await kube('cutConnections');
  assert.equal(await healthy(), 200);
});

test('what stands in the way is named: RBAC, a proxy, a pod that is not ready', async () => {
  const code = async () => healthy().catch((error: unknown) => (AgentIdError.is(error) ? error.code : error));
  await until(() => sidecar.state.kind === 'ready', 'ready');
  await kube('deny', { verb: 'create', resource: 'pods', subresource: 'portforward' });
  await kube('cutTunnels');
  await until(() => sidecar.state.kind === 'failed', 'failed');
  assert.equal(await code(), 'cluster.forbidden');
  assert.deepEqual(
    [sidecar.state.error?.args['verb'], sidecar.state.error?.args['resource']],
    ['create', 'pods/portforward'],
  );
  await kube('allowAll');
  assert.equal(await code(), 200);

  await kube('refuseUpgrades', true);
  await kube('cutTunnels');
  await until(() => sidecar.state.kind === 'failed', 'failed');
  assert.equal(await code(), 'tunnel.upgradeRefused');
  await kube('refuseUpgrades', false);
  assert.equal(await code(), 200);

  await kube('expireToken');
  await kube('cutTunnels');
  await until(() => sidecar.state.kind === 'failed', 'failed');
  assert.equal(await code(), 'cluster.unauthorized');
  await kube('renewToken');
  assert.equal(await code(), 200);

  await kube('scale', AGENT, 0);
  await until(() => sidecar.state.error?.code === 'tunnel.noReadyPod', 'the state to say that there is no pod');
  await kube('scale', AGENT, 1);
  assert.equal(await code(), 200);
});
