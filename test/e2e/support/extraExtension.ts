import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';

const PUBLISHER = 'agent-id-test';
const VERSION = '0.0.1';

/** An extension made of one of our sources, below `parent`; the folder, named as the editor wants it. */
export async function buildExtension(
  parent: string,
  source: string,
  manifest: { name: string; activationEvents: string[]; contributes: object },
): Promise<string> {
  const folder = path.join(parent, `${PUBLISHER}.${manifest.name}-${VERSION}`);
  mkdirSync(folder);
  const outfile = path.join(folder, 'extension.js');
  await build({ entryPoints: [source], outfile, bundle: true, platform: 'node', format: 'cjs', external: ['vscode'] });
  const fixed = { publisher: PUBLISHER, version: VERSION, engines: { vscode: '^1.100.0' }, main: './extension.js' };
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ ...fixed, ...manifest }));
  return folder;
}
