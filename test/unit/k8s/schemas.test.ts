import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from './support/kustomize.ts';
import { examples, variants } from './support/manifests.ts';
import { kubernetesValidator, MINORS } from './support/schemas.ts';

for (const minor of MINORS)
  test(`Kubernetes ${minor} takes every object of every variant`, async () => {
    const problems = kubernetesValidator(minor);
    for (const [variant, objects] of await variants())
      for (const object of objects)
        assert.deepEqual(problems(object), [], `${variant}: ${object.kind} ${object.metadata.name}`);
    for (const object of examples()) assert.deepEqual(problems(object), [], object.metadata.name);
  });

test('the check finds a misspelt field, a missing one, a wrong type and an unknown kind', () => {
  const problems = kubernetesValidator('1.37');
  const deployment = (spec: object): KubeObject => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'a', labels: {} },
    spec: { selector: {}, template: { spec: { containers: [{ name: 'c' }] } }, ...spec },
  });
  assert.deepEqual(problems(deployment({})), []);
  assert.match(problems(deployment({ replica: 1 })).join(), /^\/spec must NOT have additional properties.*replica/);
  assert.match(problems(deployment({ replicas: '1' })).join(), /\/spec\/replicas must be integer/);
  assert.match(problems(deployment({ template: { spec: {} } })).join(), /containers/);
  assert.match(problems({ ...deployment({}), apiVersion: 'extensions/v1beta1' }).join(), /has no extensions/);
});
