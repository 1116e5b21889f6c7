import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldSelector, labelSelector } from '../../../src/sandbox/kube/selectors.ts';
import { StatusError } from '../../../src/sandbox/kube/status.ts';
import type { KubeObject } from '../../../src/sandbox/kube/types.ts';

const pod = (labels: Record<string, string>): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'a', namespace: 'n', labels },
  status: { phase: 'Running' },
});
const matches = (selector: string, labels: Record<string, string>) => labelSelector(selector)(pod(labels));

test('label selectors: equality, sets, existence', () => {
  assert.ok(matches('', {}));
  assert.ok(matches('app=x,tier==y', { app: 'x', tier: 'y' }));
  assert.ok(!matches('app=x,tier=y', { app: 'x' }));
  assert.ok(matches('app!=x', {})); // a label that is not there differs
  assert.ok(matches('app in (x, y),tier', { app: 'y', tier: '' }));
  assert.ok(!matches('app in (x,y)', {}));
  assert.ok(matches('app notin (x,y)', { app: 'z' }));
  assert.ok(matches('app notin (x,y)', {}));
  assert.ok(matches('!app', {}));
  assert.ok(!matches('!app', { app: '' }));
  assert.ok(matches('app.kubernetes.io/name=x', { 'app.kubernetes.io/name': 'x' }));
});

test('a selector that is none is a 400', () => {
  for (const text of ['=x', 'a b', 'a in x', 'a=b c'])
    assert.throws(
      () => labelSelector(text),
      (error: unknown) => error instanceof StatusError && error.status.code === 400,
    );
});

test('field selectors', () => {
  const selected = fieldSelector('metadata.name=a,status.phase!=Failed', 'pods');
  assert.equal(selected.name, 'a');
  assert.ok(selected.matches(pod({})));
  assert.ok(!fieldSelector('status.phase=Pending', 'pods').matches(pod({})));
  assert.throws(() => fieldSelector('spec.foo=1', 'pods'), /field label not supported: spec\.foo/);
  assert.throws(() => fieldSelector('status.phase=1', 'configmaps'), /not supported/);
  assert.throws(() => fieldSelector('nonsense', 'pods'), /invalid selector/);
});
