import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { kustomize, parseObjects, type KubeObject } from './support/kustomize.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures/kustomize');
const byName = (objects: KubeObject[]) =>
  Object.fromEntries(objects.map(each => [`${each.kind}/${each.metadata.name}`, each]));

// What these tests know of overlays, they know from a stand-in, which refuses every feature that is not in this fixture.
test('the stand-in makes of a kustomization what kubectl has made of it', async () => {
  const real = parseObjects(await readFile(join(FIXTURES, 'result.yaml'), 'utf8'));
  assert.equal(real.length, 4);
  assert.deepEqual(byName(await kustomize(join(FIXTURES, 'overlay'))), byName(real));
});
