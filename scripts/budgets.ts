// The budgets of the build, read from esbuild's metafile: what activation has to load, and that no heavy library is in it.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';
import { root } from './host/paths.ts';

const ENTRY = 'dist/extension.js';
const ENTRY_KIB = 150;
/** The entry and every chunk that it imports statically: splitting must not hide what activation costs. */
const LOADED_KIB = 640;

/** Loaded on first use only; the same list as in eslint.config.js, here as it came out of the bundler. */
const HEAVY = ['@kubernetes/client-node', 'undici', '@azure/msal-node', 'openai', '@modelcontextprotocol/sdk'];

const Metafile = v.object({
  outputs: v.record(
    v.string(),
    v.object({
      bytes: v.number(),
      imports: v.array(v.object({ path: v.string(), kind: v.string() })),
      inputs: v.record(v.string(), v.unknown()),
    }),
  ),
});
type Outputs = v.InferOutput<typeof Metafile>['outputs'];

/** The files of the last build with their sizes, without source maps. */
export function measure(): { file: string; bytes: number }[] {
  return Object.entries(outputs())
    .filter(([file]) => !file.endsWith('.map'))
    .map(([file, { bytes }]) => ({ file, bytes }));
}

/** What breaks a budget, as sentences; none when all is well. Needs a build. */
export function brokenBudgets(): string[] {
  const all = outputs();
  if (!all[ENTRY]) return [`${ENTRY} was not built.`];
  const loaded = staticallyReached(all, ENTRY);
  const kib = (files: Iterable<string>) =>
    Math.ceil([...files].reduce((sum, file) => sum + (all[file]?.bytes ?? 0), 0) / 1024);
  const broken: string[] = [];
  if (kib([ENTRY]) > ENTRY_KIB) broken.push(`${ENTRY} has ${kib([ENTRY])} KiB of ${ENTRY_KIB}.`);
  if (kib(loaded) > LOADED_KIB)
    broken.push(`Activation loads ${kib(loaded)} KiB of ${LOADED_KIB}: ${[...loaded].join(', ')}.`);
  for (const file of loaded)
    for (const input of Object.keys(all[file]?.inputs ?? {})) {
      const heavy = HEAVY.find(name => input.includes(`node_modules/${name}/`));
      if (heavy)
        broken.push(`${heavy} is loaded with the extension (${input} in ${file}); import() it where it is used.`);
    }
  return broken;
}

/** The chunks that load together with `entry`: its imports and theirs, without those behind an `import()`. */
function staticallyReached(all: Outputs, entry: string): Set<string> {
  const reached = new Set([entry]);
  for (const file of reached)
    for (const { path: target, kind } of all[file]?.imports ?? [])
      if (kind === 'import-statement' && all[target]) reached.add(target);
  return reached;
}

function outputs(): Outputs {
  return v.parse(Metafile, JSON.parse(readFileSync(path.join(root, 'dist', 'meta.json'), 'utf8'))).outputs;
}
