import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, test } from 'node:test';
import * as v from 'valibot';
import type { KubeObject } from './support/kustomize.ts';
import { examples, K8S, variants } from './support/manifests.ts';

const labels = v.record(v.string(), v.string());
const deployment = v.object({
  metadata: v.object({ name: v.string(), labels }),
  spec: v.object({
    replicas: v.number(),
    template: v.object({
      metadata: v.object({ labels, annotations: labels }),
      spec: v.object({
        nodeSelector: v.optional(labels, {}),
        serviceAccountName: v.optional(v.string()),
        containers: v.tuple([
          v.object({
            env: v.optional(v.array(v.object({ name: v.string(), value: v.string() })), []),
            resources: v.object({ requests: labels, limits: labels }),
          }),
        ]),
      }),
    }),
  }),
});
const policy = v.object({
  metadata: v.object({ name: v.string() }),
  spec: v.object({
    podSelector: v.object({ matchLabels: v.optional(labels, {}) }),
    policyTypes: v.array(v.string()),
    ingress: v.optional(v.array(v.unknown()), []),
  }),
});

let all: Map<string, KubeObject[]>;
before(async () => void (all = await variants()));

const get = (variant: string): KubeObject[] => all.get(variant) ?? assert.fail(`no ${variant}`);
const deployments = (objects: KubeObject[]) =>
  objects.filter(each => each.kind === 'Deployment').map(each => v.parse(deployment, each));
const agents = (objects: KubeObject[]) =>
  deployments(objects).filter(each => each.metadata.labels['app.kubernetes.io/component'] === 'agent');

test('no variable is left in any variant', () => {
  for (const [variant, objects] of all) assert.doesNotMatch(JSON.stringify(objects), /\$\{/, variant);
});

test('nobody reaches an agent’s pod over the pod network; agents reach the gateway', () => {
  for (const objects of all.values()) {
    const policies = objects.filter(each => each.kind === 'NetworkPolicy').map(each => v.parse(policy, each));
    const open = policies.filter(each => each.spec.ingress.length > 0);
    const shut = policies.filter(each => each.spec.ingress.length === 0);
    // A policy adds what it allows: one that selects everything and allows nothing leaves only what others allow.
    assert.deepEqual(
      shut.map(each => each.spec),
      [{ podSelector: { matchLabels: {} }, policyTypes: ['Ingress'], ingress: [] }],
    );
    assert.deepEqual(
      open.map(each => each.spec.podSelector.matchLabels),
      [{ 'app.kubernetes.io/name': 'agentgateway' }],
    );
    assert.deepEqual(open[0]?.spec.ingress, [
      {
        from: [{ podSelector: { matchLabels: { 'app.kubernetes.io/component': 'agent' } } }],
        ports: [{ protocol: 'TCP', port: 'http' }],
      },
    ]);
  }
});

test('only agents run as the blueprint’s ServiceAccount', () => {
  for (const objects of all.values())
    for (const { metadata, spec } of deployments(objects)) {
      const isAgent = metadata.labels['app.kubernetes.io/component'] === 'agent';
      assert.equal(spec.template.spec.serviceAccountName, isAgent ? 'agent-blueprint' : undefined, metadata.name);
    }
});

test('the images are for Linux, and so are the nodes', () => {
  for (const [variant, objects] of all)
    for (const { metadata, spec } of deployments(objects))
      assert.equal(spec.template.spec.nodeSelector['kubernetes.io/os'], 'linux', `${variant}: ${metadata.name}`);
});

test('a change of its ConfigMap changes the pod', () => {
  for (const { metadata, spec } of deployments(get('base')))
    assert.deepEqual(spec.template.metadata.annotations, {
      'agent-id.dev/config-hash': metadata.name === 'agentgateway' ? '12' : '4294967295',
    });
});

test('kind asks for less, and limits as much', () => {
  const [small, usual] = [deployments(get('overlays/kind')), deployments(get('base'))];
  for (const [index, each] of small.entries()) {
    const { requests, limits } = each.spec.template.spec.containers[0].resources;
    assert.deepEqual(requests, { cpu: '25m', memory: '64Mi' });
    assert.deepEqual(limits, usual[index]?.spec.template.spec.containers[0].resources.limits);
  }
});

test('AKS: agents on amd64 in two replicas of which a drain takes one; one gateway, for its sessions', () => {
  const objects = get('overlays/aks');
  const linux = { 'kubernetes.io/os': 'linux' };
  for (const { metadata, spec } of deployments(objects)) {
    const isGateway = metadata.name === 'agentgateway';
    assert.equal(spec.replicas, isGateway ? 1 : 2);
    assert.deepEqual(spec.template.spec.nodeSelector, isGateway ? linux : { ...linux, 'kubernetes.io/arch': 'amd64' });
  }
  const [budget] = objects.filter(each => each.kind === 'PodDisruptionBudget');
  assert.deepEqual(budget?.['spec'], {
    maxUnavailable: 1,
    selector: { matchLabels: { 'app.kubernetes.io/component': 'agent' } },
  });
  assert.equal(agents(objects).length, 2);
});

test('the administration port is open in debug alone', () => {
  for (const [variant, objects] of all) {
    const config = objects.find(each => each.metadata.name === 'agentgateway-config');
    assert.match(JSON.stringify(config?.['data']), /adminAddr: \\"off\\"/);
    for (const { metadata, spec } of deployments(objects)) {
      const on = variant.endsWith('debug') && metadata.name === 'agentgateway';
      const env = on ? [{ name: 'ADMIN_ADDR', value: 'localhost:15000' }] : [];
      assert.deepEqual(spec.template.spec.containers[0].env, env, `${variant}: ${metadata.name}`);
    }
  }
});

test('there is no secret in what is deployed, and no place for one', () => {
  for (const objects of [...all.values(), examples()]) {
    assert.deepEqual(
      objects.filter(each => each.kind === 'Secret'),
      [],
    );
    assert.doesNotMatch(JSON.stringify(objects), /ClientSecret|secretKeyRef|secretRef|"secret"/);
  }
});

test('README names every file that is deployed, and every example', async () => {
  const readme = await readFile(join(K8S, 'README.md'), 'utf8');
  const list = await readFile(join(K8S, 'base/kustomization.yaml'), 'utf8');
  const files = [...list.matchAll(/^ {2}- (\S+\.yaml)$/gm)].map(match => match[1] ?? '');
  assert.ok(files.length > 5);
  for (const name of [
    ...files,
    'role-binding.yaml',
    'egress-policy.yaml',
    'overlays/kind',
    'overlays/aks',
    'overlays/debug',
  ])
    assert.ok(readme.includes(name), name);
});
