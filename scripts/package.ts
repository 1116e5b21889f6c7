// `npm run package`: builds and packs the extension into out/.
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { createVSIX, listFiles, PackageManager } from '@vscode/vsce';
import * as v from 'valibot';
import { build } from './build.ts';
import { outDirectory, root } from './host/paths.ts';

/** What may be in the package; anything else is a mistake in .vscodeignore. */
const ALLOWED = [
  /^(package(\.nls(\.[\w-]+)?)?\.json|README\.md|CHANGELOG\.md|LICENSE)$/,
  /^l10n\/bundle\.l10n(\.[\w-]+)?\.json$/,
  /^media\/[\w./-]+\.(svg|png|md)$/,
  /^dist\/(extension\.js|chunks\/[\w.-]+\.js|webviews\/[\w-]+\.(js|css|ttf))$/,
  /^dist\/sandbox\/main\.js$/,
  /^k8s\/([\w./-]+\.yaml|README\.md)$/, // what the sandbox shows, and what a person deploys
];

/** The files of the extension in `directory`, relative, as they go into the package. */
export async function extensionFiles(directory = root): Promise<string[]> {
  return await listFiles({ cwd: directory, packageManager: PackageManager.None });
}

/** Packs what was built into `out/<name>-<version>.vsix`; throws when a file is in it that does not belong there. */
export async function pack(directory = root): Promise<string> {
  const strangers = (await extensionFiles(directory)).filter(file => !ALLOWED.some(pattern => pattern.test(file)));
  if (strangers.length > 0) throw new Error(`These files must not be in the package: ${strangers.join(', ')}`);
  const manifest = v.parse(
    v.object({ name: v.string(), version: v.string() }),
    JSON.parse(readFileSync(path.join(directory, 'package.json'), 'utf8')),
  );
  mkdirSync(outDirectory, { recursive: true });
  const packagePath = path.join(outDirectory, `${manifest.name}-${manifest.version}.vsix`);
  await createVSIX({
    cwd: directory,
    packagePath,
    dependencies: false, // everything is bundled
    allowMissingRepository: true,
    rewriteRelativeLinks: false, // there is no public repository that they could lead to
  });
  return packagePath;
}

if (import.meta.main) {
  await build();
  const file = await pack();
  console.log(`${path.relative(root, file)}  ${Math.round(statSync(file).size / 1024)} KiB`);
}
