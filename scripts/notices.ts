// The licences of what the bundles contain: the bundler drops the comments, and each licence asks that its text goes along.
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';

const Manifest = v.object({ name: v.string(), version: v.string(), license: v.string() });
const TEXTS = '{LICENSE,LICENCE,COPYING,NOTICE,license}*';

/**
 * One text with the name, licence and licence text of every package that one of these source files comes from (paths as
 * in esbuild's metafile, relative to `root`). Throws for a package that does not say its licence.
 */
export function notices(root: string, inputs: Iterable<string>): string {
  const folders = new Set([...inputs].flatMap(input => packageFolder(input) ?? []));
  const entries = [...folders].sort().map(folder => {
    const at = path.join(root, folder);
    const parsed = v.safeParse(Manifest, JSON.parse(readFileSync(path.join(at, 'package.json'), 'utf8')));
    if (!parsed.success) throw new Error(`${folder} does not say its name, version and licence.`);
    const { name, version, license } = parsed.output;
    const texts = globSync(TEXTS, { cwd: at }).sort();
    const text = texts.map(file => readFileSync(path.join(at, file), 'utf8').trim()).join('\n\n');
    return `${name} ${version}\nLicence: ${license}\n\n${text || '(The package comes without the text of its licence.)'}\n`;
  });
  return `This extension contains the following packages.\n\n${entries.join(`\n${'-'.repeat(80)}\n\n`)}`;
}

/** `node_modules/…/name` or `node_modules/…/@scope/name`; undefined for a file of our own. */
function packageFolder(input: string): string | undefined {
  return /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(input)?.[0];
}
