import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { notices } from '../../../scripts/notices.ts';

const root = mkdtempSync(path.join(os.tmpdir(), 'agent-id-notices-'));
after(() => rmSync(root, { recursive: true }));

function put(folder: string, manifest: object, files: Record<string, string> = {}): void {
  mkdirSync(path.join(root, folder, 'lib'), { recursive: true });
  writeFileSync(path.join(root, folder, 'package.json'), JSON.stringify(manifest));
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(root, folder, name), text);
}

test('names every package once, nested and scoped ones too, with its licence text', () => {
  put('node_modules/one', { name: 'one', version: '1.0.0', license: 'MIT' }, { LICENSE: 'Copyright One\n' });
  put('node_modules/one/node_modules/two', { name: 'two', version: '2.0.0', license: 'ISC' }, { 'license.md': 'Two' });
  put('node_modules/@s/three', { name: '@s/three', version: '3.0.0', license: 'Apache-2.0' });
  const text = notices(root, [
    'src/extension.ts',
    'node_modules/one/lib/a.js',
    'node_modules/one/lib/b.js',
    'node_modules/one/node_modules/two/index.js',
    'node_modules/@s/three/lib/c.js',
  ]);
  assert.equal(text.match(/^Licence: /gm)?.length, 3);
  for (const part of [
    'one 1.0.0\nLicence: MIT\n\nCopyright One\n',
    'two 2.0.0\nLicence: ISC\n\nTwo\n',
    '@s/three 3.0.0',
  ])
    assert.ok(text.includes(part), part);
});

test('stops at a package that does not say its licence', () => {
  put('node_modules/silent', { name: 'silent', version: '1.0.0' });
  assert.throws(() => notices(root, ['node_modules/silent/lib/a.js']), /node_modules\/silent does not say/);
});
