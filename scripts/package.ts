// `npm run package`: builds and packs the extension into out/.
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';
import { build } from './build.ts';
import { outDirectory, root } from './host/paths.ts';
import { must } from './host/processes.ts';

/** What may be in the package; anything else is a mistake in .vscodeignore. */
const ALLOWED = [
  /^(package(\.nls(\.[\w-]+)?)?\.json|README\.md|CHANGELOG\.md|LICENSE)$/,
  /^l10n\/bundle\.l10n(\.[\w-]+)?\.json$/,
  /^media\/[\w./-]+\.(svg|png|md)$/,
  /^dist\/(extension\.js|chunks\/[\w.-]+\.js|webviews\/[\w-]+\.(js|css|ttf))$/,
  /^dist\/sandbox\/main\.js$/,
  /^dist\/THIRD-PARTY-NOTICES\.txt$/,
  /^k8s\/([\w./-]+\.(yaml|sh)|env\.example|README\.md)$/, // what the sandbox shows, and what a person deploys
];

/** Packs what was built into `out/<name>-<version>.vsix`; throws when a file is in it that does not belong there. */
export async function pack(): Promise<string> {
  const files = (await vsce('ls')).split('\n').filter(Boolean);
  const strangers = files.filter(file => !ALLOWED.some(pattern => pattern.test(file)));
  if (strangers.length > 0) throw new Error(`These files must not be in the package: ${strangers.join(', ')}`);
  const manifest = v.parse(
    v.object({ name: v.string(), version: v.string() }),
    JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')),
  );
  mkdirSync(outDirectory, { recursive: true });
  const file = path.join(outDirectory, `${manifest.name}-${manifest.version}.vsix`);
  // there is no public repository that the relative links of the README could lead to
  await vsce('package', '--allow-missing-repository', '--no-rewrite-relative-links', '--out', file);
  return file;
}

/** Its API writes to the console as it likes; a process of its own keeps that to itself unless it fails. */
function vsce(command: string, ...args: string[]): Promise<string> {
  const program = path.join(root, 'node_modules', '@vscode', 'vsce', 'vsce');
  return must(process.execPath, [program, command, '--no-dependencies', ...args], { cwd: root });
}

if (import.meta.main) {
  await build();
  const file = await pack();
  console.log(`${path.relative(root, file)}  ${Math.round(statSync(file).size / 1024)} KiB`);
}
