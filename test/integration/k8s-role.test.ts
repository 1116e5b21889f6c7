import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import * as v from 'valibot';
import { parse } from 'yaml';
import { silentLogger } from '../../src/base/logger.ts';
import { discover } from '../../src/cluster/discovery.ts';
import type { KubeApi } from '../../src/cluster/kubeApi.ts';
import { loadKubeconfig } from '../../src/cluster/kubeconfig.ts';
import { openTunnel } from '../../src/cluster/tunnel.ts';
import { signIn, startSandbox, type TestSandbox } from './support/sandbox.ts';

const list = v.array(v.string());
const role = v.object({
  rules: v.array(v.object({ apiGroups: list, resources: list, resourceNames: v.optional(list, ['*']), verbs: list })),
});

let sandbox: TestSandbox;
before(async () => void (sandbox = await startSandbox()));
after(() => sandbox.stop());

/** What RBAC makes of a path of a namespace: `verb group/resource name`. */
function permission(path: string, namespace: string, upgrade: boolean): string[] {
  const { pathname } = new URL(path, 'https://kubernetes.invalid');
  const match = /^\/(?:api|apis\/(?<group>[^/]+))\/v1\/namespaces\/(?<in>[^/]+)\/(?<rest>.+)$/.exec(pathname);
  assert.ok(match?.groups, path);
  assert.equal(match.groups['in'], namespace);
  const [resource = '', name, subresource] = (match.groups['rest'] ?? '').split('/');
  const what = `${match.groups['group'] ?? ''}/${[resource, subresource].filter(Boolean).join('/')}`;
  // Rules name single ConfigMaps and ServiceAccounts; pods are known by label alone.
  const which = name === undefined || resource === 'pods' ? '*' : name;
  // A WebSocket asks for get, and from Kubernetes 1.35 on for create too (kubernetes pull request 134577).
  const verbs = upgrade ? ['get', 'create'] : [name === undefined ? 'list' : 'get'];
  return verbs.map(verb => `${verb} ${what} ${which}`);
}

test('the Role agent-id-user gives what connecting and calling need, and not one verb more', async t => {
  const { json } = sandbox;
  const kubeconfig = await loadKubeconfig({ path: json.kubeconfig, logger: silentLogger });
  const real = await kubeconfig.connect(json.context);
  t.after(() => real.close());
  const used = new Set<string>();
  const note = (path: string, upgrade: boolean) => {
    for (const each of permission(path, json.namespace, upgrade)) used.add(each);
  };
  const api: KubeApi = {
    context: real.context,
    server: real.server,
    get: (path, signal) => (note(path, false), real.get(path, signal)),
    post: (path, body, signal) => real.post(path, body, signal),
    canI: (attributes, signal) => real.canI(attributes, signal),
    openWebSocket: (path, protocol, signal) => (note(path, true), real.openWebSocket(path, protocol, signal)),
    reconnect: () => real.reconnect(),
    dispose: () => real.dispose(),
    close: () => real.close(),
  };

  // The sandbox's API server decides by the same Role, so a verb that is missing is a problem here.
  const { agents, gateway, problems } = await discover(api, json.namespace);
  assert.deepEqual([...problems, ...agents.flatMap(agent => agent.problems)], []);
  const [agent] = agents;
  assert.ok(agent && gateway);
  for (const [name, { selector }, port, path] of [
    ['sidecar', agent, agent.sidecarPort, '/healthz'],
    ['gateway', gateway, gateway.port, '/'],
  ] as const) {
    const common = { api, namespace: json.namespace, connections: 1, logger: silentLogger };
    const tunnel = await openTunnel({ ...common, name, selector, port });
    const answer = await tunnel.fetch(`${tunnel.origin}${path}`).finally(() => tunnel.close());
    assert.equal(answer.status, name === 'sidecar' ? 200 : 404);
  }

  const text = await readFile(new URL('../../k8s/base/role.yaml', import.meta.url), 'utf8');
  const given = v
    .parse(role, parse(text))
    .rules.flatMap(({ apiGroups, resources, resourceNames, verbs }) =>
      apiGroups.flatMap(group =>
        resources.flatMap(resource =>
          resourceNames.flatMap(name => verbs.map(verb => `${verb} ${group}/${resource} ${name}`)),
        ),
      ),
    );
  assert.deepEqual([...used].sort(), given.sort());
});

test('whoever reaches a sidecar gets an agent’s own token by an override, but the gateway takes none without a user', async () => {
  const { direct, agents } = sandbox.json;
  const authorization = `Bearer ${(await signIn(sandbox)).access_token}`;
  const agent = agents[0]?.appId ?? assert.fail('the sandbox has no agent');
  const statuses = async (api: string, url: string, body: object, override: string) => {
    const query = `AgentIdentity=${agent}${override}`;
    const given = await fetch(`${direct.sidecar}/AuthorizationHeader/${api}?${query}`, { headers: { authorization } });
    const { authorizationHeader } = v.parse(v.object({ authorizationHeader: v.string() }), await given.json());
    const answer = await fetch(`${direct.gateway}${url}`, {
      method: 'POST',
      headers: {
        authorization: authorizationHeader,
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
      },
      body: JSON.stringify(body),
    });
    return [answer.status, (await answer.text()).slice(0, 50)];
  };
  const clientInfo = { name: 'test', version: '1' };
  const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo };
  const model = { model: sandbox.json.llmModel, messages: [{ role: 'user', content: 'hello' }] };
  for (const [api, url, body] of [
    ['mcp', '/mcp', { jsonrpc: '2.0', id: 1, method: 'initialize', params }],
    ['openai', `/llm/openai/deployments/${model.model}/chat/completions?api-version=2024-10-21`, model],
  ] as const) {
    assert.equal((await statuses(api, url, body, ''))[0], 200, url);
    assert.deepEqual(
      await statuses(api, url, body, '&optionsOverride.RequestAppToken=true'),
      [403, 'authorization failed'],
      url,
    );
  }
});
