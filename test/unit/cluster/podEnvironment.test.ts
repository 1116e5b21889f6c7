import assert from 'node:assert/strict';
import { test } from 'node:test';
import { discover, listNamespaces } from '../../../src/cluster/discovery.ts';
import { failure } from './support/failure.ts';
import { FakeApiServer } from './support/fakeApiServer.ts';
import { BLUEPRINT, INTERN, TENANT, withObjects } from './support/discovery.ts';
import { forbid, parse, type KubeObject } from './support/objects.ts';

const codes = (problems: readonly { code: string }[]) => problems.map(({ code }) => code);

test('the environment of a pod: literals, single keys, prefixes, references, native sidecars', async () => {
  const text = `
kind: Deployment
metadata: {name: odd}
spec:
  selector: {}
  template:
    metadata: {labels: {a: b}}
    spec:
      initContainers:
        - name: auth
          image: registry.example/mirror/entra-sdk/auth-sidecar@sha256:00
          envFrom: [{prefix: AzureAd__, configMapRef: {name: settings}}, {secretRef: {name: ignored}}]
          env:
            - {name: PORT, value: "7001"}
            - {name: ASPNETCORE_URLS, value: "https://+:7443;http://+:$(PORT)"}
            - {name: AzureAd__TenantId, valueFrom: {configMapKeyRef: {name: settings, key: tenant}}}
            - {name: AGENT_IDENTITY_APP_ID, value: ${INTERN}}
            - {name: SECRET, valueFrom: {secretKeyRef: {name: s, key: k}}}
      containers: [{name: app, image: example/app}]
---
kind: ConfigMap
metadata: {name: settings}
data: {ClientId: ${BLUEPRINT}, TenantId: common, tenant: ${TENANT}}
---
kind: ServiceAccount
metadata: {name: default}
`;
  await withObjects(parse(text), ({ agents }) => {
    const [agent] = agents;
    assert.deepEqual(agent?.selector, { a: 'b' });
    assert.equal(agent?.serviceAccount, 'default');
    assert.equal(agent?.sidecarPort, 7001);
    assert.deepEqual(agent?.blueprintAppId, { value: BLUEPRINT, source: 'ConfigMap settings, key ClientId' });
    assert.deepEqual(agent?.tenantId, { value: TENANT, source: 'ConfigMap settings, key tenant' });
    assert.equal(agent?.agentAppId?.source, 'Deployment odd, container auth, variable AGENT_IDENTITY_APP_ID');
    assert.deepEqual(agent?.problems, []);
  });
});

test('a gateway without a Deployment is read from its pod; one without a file says so', async () => {
  const text = `
kind: Service
metadata: {name: gw, labels: {app.kubernetes.io/name: agentgateway}}
spec: {selector: {x: y}, ports: [{name: admin, port: 15000}, {name: http, port: 80, targetPort: web}]}
---
kind: Pod
metadata: {name: gw-0}
spec:
  containers:
    - name: proxy
      image: example/agentgateway
      args: [--file=/etc/gw/config.yaml]
      ports: [{name: web, containerPort: 4000}]
      volumeMounts: [{name: other, mountPath: /var/x}, {name: cfg, mountPath: /etc/gw}]
  volumes: [{name: other, emptyDir: {}}, {name: cfg, configMap: {name: gw-config}}]
---
kind: ConfigMap
metadata: {name: gw-config}
data: {config.yaml: "routes: []"}
`;
  await withObjects(parse(text), ({ gateway, problems }) => {
    assert.equal(gateway?.port, 4000);
    assert.deepEqual(gateway?.configText, { value: 'routes: []', source: 'ConfigMap gw-config, key config.yaml' });
    assert.deepEqual(problems, []);
  });
  await withObjects(parse(text).slice(0, 2), ({ gateway, problems }) => {
    assert.equal(gateway?.configText, undefined);
    assert.deepEqual(codes(problems), ['discovery.unreadable', 'discovery.gatewayIncomplete']);
  });
  const headless = parse(text).slice(0, 1);
  (headless[0] as KubeObject)['spec'] = { ports: [] };
  await withObjects(headless, ({ gateway, problems }) => {
    assert.equal(gateway, undefined);
    failure('discovery.gatewayIncomplete', { service: 'gw', reason: 'selector' })(problems[0]);
  });
});

test('an answer that is not the API’s is an error with the field', async () => {
  await withObjects([], async (_found, { server, api }) => {
    const path = '/apis/apps/v1/namespaces/agent-id/deployments';
    server.routes.set(path, (_request, response) =>
      FakeApiServer.json(response, 200, { items: [{ metadata: { name: 7 } }] }),
    );
    await assert.rejects(
      discover(api, 'agent-id'),
      failure('cluster.badResponse', { reason: /items\.0\.metadata\.name/ }),
    );
  });
});

test('namespaces are listed for those who may, sorted', async () => {
  await withObjects([], async (_found, { server, api }) => {
    const items = ['b', 'a'].map(name => ({ metadata: { name } }));
    server.routes.set('/api/v1/namespaces', (_request, response) => FakeApiServer.json(response, 200, { items }));
    assert.deepEqual(await listNamespaces(api), ['a', 'b']);
    forbid(server, '/api/v1/namespaces');
    assert.equal(await listNamespaces(api), undefined);
  });
});
