import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import * as v from 'valibot';
import { parseManifests, readManifests, render } from '../../../src/sandbox/kube/manifests.ts';
import type { KubeObject } from '../../../src/sandbox/kube/types.ts';
import { DEVELOPER, K8S, NAMESPACE, VALUES } from './support.ts';

const strings = v.record(v.string(), v.string());
const security = v.object({
  allowPrivilegeEscalation: v.literal(false),
  readOnlyRootFilesystem: v.literal(true),
  capabilities: v.object({ drop: v.tuple([v.literal('ALL')]) }),
});
const container = v.object({
  name: v.string(),
  image: v.pipe(v.string(), v.regex(/:v?\d+\.\d+\.\d+/, 'an image with its version')),
  ports: v.array(v.object({ name: v.string(), containerPort: v.number() })),
  envFrom: v.optional(v.array(v.object({ configMapRef: v.object({ name: v.string() }) })), []),
  env: v.optional(v.never()), // every setting is in a ConfigMap, and none is a secret
  securityContext: security,
  resources: v.object({
    requests: v.object({ cpu: v.string(), memory: v.string() }),
    limits: v.object({ cpu: v.string(), memory: v.string() }),
  }),
  readinessProbe: v.object({ httpGet: v.object({ path: v.string(), port: v.string() }) }),
  volumeMounts: v.array(v.object({ name: v.string(), mountPath: v.string() })),
});
const deployment = v.object({
  spec: v.object({
    replicas: v.number(),
    selector: v.object({ matchLabels: strings }),
    template: v.object({
      metadata: v.object({ labels: strings }),
      spec: v.object({
        serviceAccountName: v.optional(v.string()),
        automountServiceAccountToken: v.literal(false),
        securityContext: v.object({
          runAsNonRoot: v.literal(true),
          runAsUser: v.pipe(v.number(), v.minValue(1)),
          seccompProfile: v.object({ type: v.literal('RuntimeDefault') }),
        }),
        containers: v.array(container),
        volumes: v.array(
          v.object({
            name: v.string(),
            configMap: v.optional(v.object({ name: v.string() })),
            projected: v.optional(v.object({ sources: v.array(v.unknown()) })),
          }),
        ),
      }),
    }),
  }),
});
const service = v.object({
  spec: v.object({ selector: strings, ports: v.array(v.object({ targetPort: v.string() })) }),
});

const example = await readFile(join(K8S, 'examples/role-binding.yaml'), 'utf8');
const texts = [...(await readManifests(join(K8S, 'base'))), example];
const objects = texts.flatMap(text => parseManifests(render(text, { ...VALUES, DEVELOPER })));
const ofKind = (kind: string) => objects.filter(object => object.kind === kind);
const names = (kind: string) => ofKind(kind).map(object => object.metadata.name);
const deployments = ofKind('Deployment').map(object => ({ ...v.parse(deployment, object), object }));
const agents = deployments.filter(each => each.object.metadata.labels?.['app.kubernetes.io/component'] === 'agent');
const within = (labels: Record<string, string>, wanted: Record<string, string>) =>
  Object.entries(wanted).every(([key, value]) => labels[key] === value);
const data = (name: string): Record<string, string> => {
  const found = ofKind('ConfigMap').find(object => object.metadata.name === name);
  assert.ok(found, name);
  return v.parse(strings, found.data);
};

test('every object is in the namespace, and says whose it is', () => {
  assert.deepEqual(names('Namespace'), [NAMESPACE]);
  for (const { kind, metadata } of objects) {
    if (kind !== 'Namespace') assert.equal(metadata.namespace, NAMESPACE, metadata.name);
    assert.equal(metadata.labels?.['app.kubernetes.io/part-of'], 'agent-id', `${kind} ${metadata.name}`);
  }
  assert.equal(new Set(objects.map(each => `${each.kind}/${each.metadata.name}`)).size, objects.length);
});

test('what the manifests refer to exists', () => {
  for (const { spec } of deployments) {
    assert.ok(within(spec.template.metadata.labels, spec.selector.matchLabels));
    const pod = spec.template.spec;
    if (pod.serviceAccountName) assert.ok(names('ServiceAccount').includes(pod.serviceAccountName));
    const volumes = pod.volumes.map(volume => volume.name);
    for (const each of pod.volumes)
      if (each.configMap) assert.ok(names('ConfigMap').includes(each.configMap.name), each.configMap.name);
    for (const each of pod.containers) {
      for (const { configMapRef } of each.envFrom) assert.ok(names('ConfigMap').includes(configMapRef.name));
      for (const mount of each.volumeMounts) assert.ok(volumes.includes(mount.name), mount.name);
      assert.ok(each.ports.some(port => port.name === each.readinessProbe.httpGet.port));
    }
  }
  for (const object of ofKind('Service')) {
    const { spec } = v.parse(service, object);
    const [behind] = deployments.filter(each => within(each.spec.template.metadata.labels, spec.selector));
    const ports = behind?.spec.template.spec.containers.flatMap(each => each.ports.map(port => port.name));
    for (const { targetPort } of spec.ports) assert.ok(ports?.includes(targetPort));
  }
});

test('no two Deployments select the same pods', () => {
  for (const one of deployments)
    for (const other of deployments)
      if (one !== other)
        assert.ok(
          !within(other.spec.template.metadata.labels, one.spec.selector.matchLabels),
          one.object.metadata.name,
        );
});

test('the names of the contract are there', () => {
  const annotations = Object.fromEntries(
    agents.map(({ object }) => [object.metadata.name, object.metadata.annotations?.['agent-id.dev/agent-identity']]),
  );
  assert.deepEqual(annotations, {
    'intern-agent': VALUES.INTERN_AGENT_APP_ID,
    'research-agent': VALUES.RESEARCH_AGENT_APP_ID,
  });
  const [account] = ofKind('ServiceAccount');
  assert.equal(account?.metadata.name, 'agent-blueprint');
  assert.equal(account.metadata.annotations?.['azure.workload.identity/client-id'], VALUES.BLUEPRINT_APP_ID);
  for (const kind of ['Deployment', 'Service']) {
    const gateway = ofKind(kind).filter(each => each.metadata.labels?.['app.kubernetes.io/name'] === 'agentgateway');
    assert.equal(gateway.length, 1, kind);
  }
  for (const { spec } of agents) {
    const [sidecar, ...others] = spec.template.spec.containers;
    assert.equal(sidecar?.name, 'sidecar');
    assert.match(sidecar.image, /\/entra-sdk\/auth-sidecar:1\.1\.1-/);
    assert.deepEqual(others, []);
  }
});

test('the sidecar proves the blueprint with the mounted token, and holds no secret', () => {
  const settings = data('agent-id-sidecar');
  assert.equal(settings.AzureAd__ClientId, VALUES.BLUEPRINT_APP_ID);
  assert.equal(settings.AzureAd__ClientCredentials__0__SourceType, 'SignedAssertionFilePath');
  const path = settings.AzureAd__ClientCredentials__0__SignedAssertionFileDiskPath ?? '';
  for (const { spec } of agents) {
    const pod = spec.template.spec;
    const mount = pod.containers[0]?.volumeMounts.find(each => path.startsWith(`${each.mountPath}/`));
    const volume = pod.volumes.find(each => each.name === mount?.name);
    assert.deepEqual(volume?.projected?.sources, [
      {
        serviceAccountToken: {
          path: path.slice((mount?.mountPath.length ?? 0) + 1),
          audience: 'api://AzureADTokenExchange',
          expirationSeconds: 3600,
        },
      },
    ]);
  }
  assert.deepEqual(names('Secret'), []);
  assert.doesNotMatch(texts.join(), /ClientSecret|secretKeyRef|secretRef/);
});

test('the client is told APIs that the sidecar has', () => {
  const client = data('agent-id-client');
  const settings = data('agent-id-sidecar');
  for (const key of ['SIDECAR_LLM_API', 'SIDECAR_MCP_API'])
    assert.ok(settings[`DownstreamApis__${client[key]}__Scopes__0`]?.endsWith('/.default'), key);
  assert.equal(settings.Sidecar__AllowOverrides__GetAuthorizationHeader, 'true');
  assert.equal(settings.Sidecar__AllowOverrides__GetAuthorizationHeaderUnauthenticated, 'false');
});

test('the Role names ConfigMaps and ServiceAccounts that exist, and the binding names the Role', () => {
  const rule = v.object({ resources: v.array(v.string()), resourceNames: v.optional(v.array(v.string()), []) });
  const role = v.parse(v.object({ rules: v.array(rule) }), ofKind('Role')[0]);
  const named = (resource: string) =>
    role.rules.filter(each => each.resources.includes(resource)).flatMap(each => each.resourceNames);
  assert.deepEqual(named('configmaps').sort(), names('ConfigMap').sort());
  assert.deepEqual(named('serviceaccounts'), names('ServiceAccount'));
  const binding = v.parse(v.object({ roleRef: v.object({ name: v.string() }) }), ofKind('RoleBinding')[0]);
  assert.deepEqual([binding.roleRef.name], names('Role'));
});

test('README lists every variable, and every key of the client ConfigMap', async () => {
  const readme = await readFile(join(K8S, 'README.md'), 'utf8');
  const variables = texts.flatMap(text => [...text.matchAll(/\$\{([A-Z_]+)\}/g)].map(match => match[1] ?? ''));
  for (const name of [...new Set(variables), ...Object.keys(data('agent-id-client'))])
    assert.ok(readme.includes(`\`${name}\``), name);
});

test('render names every variable that has no value', () => {
  assert.equal(render('a: ${ONE}, $TWO, ${three}', { ONE: '1' }), 'a: 1, $TWO, ${three}');
  assert.throws(() => render('${ONE} ${TWO} ${TWO}', {}), /a value for ONE, TWO\.$/);
});

test('a document that is no Kubernetes object is refused', () => {
  assert.throws(() => parseManifests('kind: Pod\n'));
  assert.throws(() => parseManifests('a: [1\n'));
  assert.deepEqual(parseManifests('---\n---\n'), [] as KubeObject[]);
});
