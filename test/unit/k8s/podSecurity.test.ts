import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as v from 'valibot';
import { variants } from './support/manifests.ts';
import { restrictedViolations } from './support/podSecurity.ts';

const deployment = v.object({ spec: v.object({ template: v.object({ spec: v.looseObject({}) }) }) });

test('every pod of every variant passes the restricted Pod Security Standard', async () => {
  for (const [variant, objects] of await variants()) {
    const deployments = objects.filter(object => object.kind === 'Deployment');
    assert.equal(deployments.length, 3, variant);
    for (const object of deployments)
      assert.deepEqual(
        restrictedViolations(v.parse(deployment, object).spec.template.spec),
        [],
        `${variant}: ${object.metadata.name}`,
      );
  }
});

test('the namespace enforces that standard, and warns when a Deployment would break it', async () => {
  for (const objects of (await variants()).values()) {
    const labels = objects.find(object => object.kind === 'Namespace')?.metadata.labels;
    assert.equal(labels?.['pod-security.kubernetes.io/enforce'], 'restricted');
    assert.equal(labels['pod-security.kubernetes.io/warn'], 'restricted');
  }
});

const secure = {
  allowPrivilegeEscalation: false,
  runAsNonRoot: true,
  seccompProfile: { type: 'RuntimeDefault' },
  capabilities: { drop: ['ALL'] },
};
const pod = (change: { pod?: object; container?: object; context?: object }) => ({
  containers: [{ name: 'c', ...change.container, securityContext: { ...secure, ...change.context } }],
  ...change.pod,
});

test('the check finds each thing that the standard forbids', () => {
  assert.deepEqual(restrictedViolations(pod({})), []);
  const cases: [string, Parameters<typeof pod>[0]][] = [
    ['HostProcess', { pod: { securityContext: { windowsOptions: { hostProcess: true } } } }],
    ['Host Namespaces', { pod: { hostNetwork: true } }],
    ['Host Namespaces', { pod: { hostPID: true } }],
    ['Privileged Containers', { context: { privileged: true } }],
    ['Host Ports', { container: { ports: [{ hostPort: 80 }] } }],
    ['Host Probes / Lifecycle Hooks', { container: { readinessProbe: { httpGet: { host: '10.0.0.1' } } } }],
    ['AppArmor', { context: { appArmorProfile: { type: 'Unconfined' } } }],
    ['SELinux', { context: { seLinuxOptions: { type: 'spc_t' } } }],
    ['/proc Mount Type', { context: { procMount: 'Unmasked' } }],
    ['Sysctls', { pod: { securityContext: { sysctls: [{ name: 'kernel.msgmax' }] } } }],
    ['Volume Types', { pod: { volumes: [{ name: 'v', nfs: {} }] } }],
    ['Privilege Escalation', { context: { allowPrivilegeEscalation: undefined } }],
    ['Running as Non-root', { context: { runAsNonRoot: undefined } }],
    ['Running as Non-root', { pod: { securityContext: { runAsNonRoot: true } }, context: { runAsNonRoot: false } }],
    ['Running as Non-root user', { context: { runAsUser: 0 } }],
    ['Seccomp', { context: { seccompProfile: undefined } }],
    ['Seccomp', { pod: { securityContext: { seccompProfile: { type: 'Unconfined' } } } }],
    ['Capabilities', { context: { capabilities: {} } }],
    ['Capabilities', { context: { capabilities: { drop: ['ALL'], add: ['NET_RAW'] } } }],
  ];
  for (const [control, change] of cases)
    assert.deepEqual(restrictedViolations(pod(change)), [control], JSON.stringify(change));
  const hostPath = { pod: { volumes: [{ name: 'v', hostPath: { path: '/' } }] } };
  assert.deepEqual(restrictedViolations(pod(hostPath)), ['HostPath Volumes', 'Volume Types']);
  const init = { pod: { initContainers: [{ name: 'i' }] } };
  assert.deepEqual(restrictedViolations(pod(init)), [
    'Privilege Escalation',
    'Running as Non-root',
    'Seccomp',
    'Capabilities',
  ]);
});
