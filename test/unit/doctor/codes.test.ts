// What only the Doctor says, from what a cluster, a sidecar, a public issuer and a gateway really answer.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { resolveConfiguration, type ConnectionPlan } from '../../../src/agent/configuration.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { AgentIdError } from '../../../src/base/errors.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import type { Discovery } from '../../../src/cluster/discovery.ts';
import type { KubeApi } from '../../../src/cluster/kubeApi.ts';
import { kube } from '../../../src/cluster/kubeObjects.ts';
import { supportBundle } from '../../../src/doctor/bundle.ts';
import { Chain, Look, type Node } from '../../../src/doctor/chain.ts';
import type { Subject } from '../../../src/doctor/clusterChecks.ts';
import type { DoctorDeps } from '../../../src/doctor/doctor.ts';
import { lookAtFederation } from '../../../src/doctor/federation.ts';
import { gatewayChecks } from '../../../src/doctor/gatewayChecks.ts';
import { identityChecks } from '../../../src/doctor/identityChecks.ts';
import { podTrouble } from '../../../src/doctor/podTrouble.ts';
import type { CheckId } from '../../../src/doctor/report.ts';
import { sidecarChecks } from '../../../src/doctor/sidecarChecks.ts';
import type { AgentToken, TokenBroker } from '../../../src/identity/broker.ts';
import { Sidecar } from '../../../src/identity/sidecar.ts';
import type { UserToken } from '../../../src/identity/types.ts';
import { change, RESEARCH, VALUES, withObjects } from '../cluster/support/discovery.ts';
import { FakeApiServer } from '../cluster/support/fakeApiServer.ts';
import { ourManifests, type KubeObject } from '../cluster/support/objects.ts';
import { answer, startServer } from '../gateway/server.ts';
import { CLIENT, fakeFetch, fixture, fresh, json, jwt, TENANT, USER } from '../identity/support.ts';
import { fakeMcp, sse } from '../mcp/fakeServer.ts';

const soon = () => AbortSignal.timeout(20_000);
const PODS = '/api/v1/namespaces/agent-id/pods';
const settings = { authority: 'https://login.microsoftonline.com', clientId: CLIENT, clientIdIsDefault: true };
const noSecrets = { get: async () => undefined, set: async () => {}, delete: async () => {} };
const offline = fakeFetch(() => json({}, 404)).fetch;
const deps = (more: Partial<DoctorDeps> = {}) =>
  ({
    ...{ settings, overrides: () => settings, fetch: offline, logger: silentLogger, clock: systemClock },
    ...{ secrets: noSecrets, memory: noSecrets, clientVersion: '0' },
    trust: { get: () => undefined, add: async () => {} },
    ...more,
  }) as unknown as DoctorDeps;

function subjectOf({ agents, gateway }: Discovery, api: KubeApi): Subject {
  const agent = agents.find(({ deployment }) => deployment === 'research-agent') ?? assert.fail('no agent');
  const plan: ConnectionPlan = {
    ...{ mode: 'connected', context: 'c', namespace: agent.namespace, deployment: agent.deployment, answers: {} },
  };
  const configuration = resolveConfiguration(agent, gateway, plan, settings);
  return { api, plan, agent, gateway, gatewayProblem: undefined, configuration };
}
const passed = <T>(id: CheckId, value: T): Node<T> => ({ id, result: Promise.resolve({ value }) });
const missing = <T>(id: CheckId): Node<T> => ({ id, result: Promise.resolve(undefined) });
const chain = () =>
  new Chain({ signal: soon(), clock: systemClock, patience: { every: 1, atMost: 0 }, changed: () => {} });
const codesOf = (errors: readonly AgentIdError[]) => errors.map(({ code }) => code);
/** The code of a check that failed, and those of its remarks. */
function ended(of: Chain, id: CheckId): { code?: string; args?: object; remarks: string[] } {
  const state = of.states.get(id);
  if (state?.kind === 'passed') return { remarks: codesOf(state.remarks) };
  assert.ok(state?.kind === 'failed' && AgentIdError.is(state.error), JSON.stringify(state));
  return { code: state.error.code, args: state.error.args, remarks: codesOf(state.remarks) };
}

describe('a pod that does not get ready', () => {
  const pod = (status: object) => ({
    metadata: { name: 'p', creationTimestamp: '2026-03-01T12:00:00Z' },
    spec: { containers: [] },
    status: { phase: 'Pending', ...status },
  });
  const container = (state: object, more: object = {}) =>
    pod({ containerStatuses: [{ name: 'sidecar', image: 'r.example/s:1', state, ...more }] });
  for (const [item, code, args] of [
    [
      container({ waiting: { reason: 'ImagePullBackOff', message: 'Back-off\npulling' } }),
      'doctor.imagePull',
      {
        ...{ pod: 'p', container: 'sidecar', image: 'r.example/s:1' },
        reason: 'ImagePullBackOff',
        detail: 'Back-off pulling',
      },
    ],
    [
      container(
        { waiting: { reason: 'CrashLoopBackOff' } },
        { restartCount: 4, lastState: { terminated: { exitCode: 137, reason: 'OOMKilled' } } },
      ),
      'doctor.crashLoop',
      { pod: 'p', container: 'sidecar', exitCode: 137, restarts: 4, reason: 'OOMKilled' },
    ],
    [
      pod({ conditions: [{ type: 'PodScheduled', status: 'False', message: '0/2 nodes are available' }] }),
      'doctor.unschedulable',
      { pod: 'p', detail: '0/2 nodes are available' },
    ],
  ] as const)
    it(`is ${code}`, async () => {
      await withObjects([], async (_found, { server, api }) => {
        server.routes.set(PODS, (_request, response) => FakeApiServer.json(response, 200, { items: [item] }));
        const error = podTrouble(await kube.pods(api, 'agent-id', { app: 'a' }, soon()));
        assert.deepEqual([error?.code, error?.args], [code, args]);
      });
    });
});

it('how the sidecar is set up', async () => {
  const objects = await ourManifests(VALUES);
  const with_ = (data: Record<string, string>) =>
    change(objects, 'ConfigMap', 'agent-id-sidecar', object => Object.assign(object['data'] as object, data));
  const old = change(objects, 'Deployment', 'research-agent', object => {
    const text = JSON.stringify(object['spec']).replace(/(auth-sidecar:)[\w.-]+/, '$11.0.0-azurelinux');
    object['spec'] = JSON.parse(text) as unknown;
  });
  const look = async (all: KubeObject[]) => {
    const found = chain();
    await withObjects(all, async (discovery, { api }) => {
      const subject = passed('agent', subjectOf(discovery, api));
      sidecarChecks(found, { subject, pod: missing('pod') }, deps(), () => {});
      await found.ended();
    });
    return ended(found, 'sidecar');
  };
  const refused = await look(with_({ Sidecar__AllowOverrides__GetAuthorizationHeader: 'false' }));
  assert.equal(refused.code, 'doctor.overridesOff');
  assert.deepEqual(await look(with_({ ASPNETCORE_ENVIRONMENT: 'Development' })), { remarks: ['doctor.development'] });
  const secret = with_({ AzureAd__ClientCredentials__0__SourceType: 'ClientSecret' });
  assert.deepEqual(await look(secret), { remarks: ['doctor.clientSecret'] });
  assert.deepEqual(await look(old), { remarks: ['doctor.oldSidecar'] });
  assert.deepEqual(await look(objects), { remarks: [] });
});

it('whether Entra can believe the cluster', async () => {
  const ISSUER = 'https://issuer.example/c';
  const URL_OF = `${ISSUER}/.well-known/openid-configuration`;
  const key = (kid: string) => ({ kty: 'RSA', kid, n: kid });
  const look = async (own: object | undefined, published: (url: string) => Response) => {
    let code: string | undefined;
    await withObjects(await ourManifests(VALUES), async (discovery, { server, api }) => {
      const give = (path: string, body: unknown) =>
        server.routes.set(path, (_request, response) =>
          body ? FakeApiServer.json(response, 200, body) : FakeApiServer.status(response, 403, 'no'),
        );
      give('/.well-known/openid-configuration', own);
      give('/openid/v1/jwks', { keys: [key('k1')] });
      const seen = new Look(soon());
      const { fetch } = fakeFetch(({ url }) => published(url.href));
      await lookAtFederation(seen, subjectOf(discovery, api), fetch).catch((error: unknown) => {
        assert.ok(AgentIdError.is(error), String(error));
        code = error.code;
      });
      code ??= seen.unseen?.code;
    });
    return code;
  };
  const documents = (issuer: string, kid: string) => (url: string) =>
    json(url === URL_OF ? { issuer, jwks_uri: `${ISSUER}/keys` } : { keys: [key(kid)] });
  const own = { issuer: ISSUER };
  assert.equal(await look(undefined, documents(ISSUER, 'k1')), 'doctor.issuerUnreadable');
  const inside = { issuer: 'https://kubernetes.default.svc.cluster.local' };
  assert.equal(await look(inside, documents(ISSUER, 'k1')), 'doctor.issuerPrivate');
  assert.equal(await look(own, () => json({}, 404)), 'doctor.issuerUnreachable');
  assert.equal(await look(own, documents('https://elsewhere.example', 'k1')), 'doctor.issuerDiffers');
  assert.equal(await look(own, documents(ISSUER, 'k2')), 'doctor.keysDiffer');
  assert.equal(await look(own, documents(ISSUER, 'k1')), undefined);
});

it('a sidecar that wants another scope in Tc, and a token that is for somebody else', async () => {
  const iss = `https://login.microsoftonline.com/${VALUES.TENANT_ID}/v2.0`;
  const raw = jwt({ ...fixture('tc-v2'), ...fresh(), iss, aud: 'api://somebody-else' });
  const account = { oid: USER, tid: TENANT, username: 'robin@contoso.example' };
  const token = { raw, account, expiresAt: Date.now() + 3_600_000 } as unknown as UserToken;
  const server = await startServer((request, response) =>
    answer(response, request.url === '/Validate' ? 403 : 400, 'application/json', '{}'),
  );
  try {
    await withObjects(await ourManifests(VALUES), async (discovery, { api }) => {
      const found = chain();
      const sidecar = new Sidecar({ origin: server.origin, fetch, logger: silentLogger });
      identityChecks(
        found,
        { subject: passed('agent', subjectOf(discovery, api)), pod: missing('pod') },
        { settings: passed('sidecar', undefined), health: passed('health', sidecar) },
        deps({ interaction: { signIn: async () => token, trust: async () => true } }),
      );
      await found.ended();
      assert.deepEqual(ended(found, 'validate'), { remarks: ['doctor.scopeRefused'] });
      const { code, args } = ended(found, 'tokens');
      assert.deepEqual([code, args], ['doctor.tokenCheck', { token: 'tc', check: 'audience' }]);
    });
  } finally {
    await server.close();
  }
});

it('a gateway whose file refuses the agent, and one that lists no tool', async () => {
  const gateway = await fakeMcp({
    'tools/list': (rpc, _request, response) => sse(response, { id: rpc.id, result: { tools: [] } }),
  });
  const opened: { close(): Promise<void> }[] = [];
  try {
    await withObjects(await ourManifests(VALUES), async (discovery, { server, api }) => {
      server.routes.delete(PODS);
      server.backends.set('pod-a', Number(new URL(gateway.url).port));
      const found = chain();
      const raw = jwt({ iss: 'https://elsewhere.example', appid: RESEARCH, ...fresh() });
      const token = { raw, api: 'mcp' } as AgentToken;
      const nodes = {
        userToken: missing<{ raw: string }>('signIn'),
        llmToken: missing<AgentToken>('llmToken'),
        mcpToken: passed('mcpToken', token),
        broker: passed('validate', { get: async () => token } as unknown as TokenBroker),
      };
      const subject = passed('agent', subjectOf(discovery, api));
      gatewayChecks(found, { subject, pod: missing('pod') }, nodes, deps(), item => opened.push(item));
      await found.ended();
      const { code, args } = ended(found, 'preflight');
      assert.equal(code, 'doctor.refusedByFile', JSON.stringify(args));
      assert.equal(ended(found, 'tools').code, 'doctor.noTools');
      for (const item of opened.toReversed()) await item.close();
    });
  } finally {
    await gateway.close();
  }
});

it('a support bundle that would carry a secret is not made', () => {
  const secret = 'correct horse battery staple';
  const parts = { settings: [], report: new Map(), subject: undefined, log: [], home: '/home/ana', now: new Date(0) };
  const bundle = (text: string) => supportBundle({ ...parts, environment: { editor: text }, secrets: [secret] });
  assert.throws(() => bundle(`it said ${secret}`), {
    code: 'doctor.bundleHoldsSecret',
    args: { kinds: 'known secret' },
  });
  assert.doesNotThrow(() => bundle('1.110.0'));
});
