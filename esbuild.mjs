// Builds everything that ships into dist/: the extension (ESM, split, so that heavy libraries are chunks which load on
// first use), the pages of the webviews, and the sandbox (a program of its own). Source maps lie beside the code and
// stay out of the package. dist/meta.json is what scripts/budgets.ts judges.
import { Buffer } from 'node:buffer';
import { existsSync, globSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { notices } from './scripts/notices.ts';

process.chdir(import.meta.dirname);

/** @type {import('esbuild').BuildOptions} */
const common = {
  bundle: true,
  minify: true,
  keepNames: true, // error and class names are what the log shows
  sourcemap: 'linked',
  sourcesContent: false,
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
};

/** @type {import('esbuild').BuildOptions} */
const node = {
  ...common,
  platform: 'node',
  format: 'esm',
  target: 'node22',
  // Bundled CommonJS libraries call require() for Node's own modules; an ES module has none unless it makes one.
  banner: {
    js: "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);",
  },
};

/** @param {string} file */
const nameOfPage = file => path.basename(path.dirname(file));

const pages = globSync('src/webviews/*/main.ts');
const styles = globSync('media/*.css');

/** Each part with its own options; a part whose sources do not exist is not built. */
const parts = {
  extension: existsSync('src/extension.ts') && {
    ...node,
    entryPoints: { extension: 'src/extension.ts' },
    outdir: 'dist',
    chunkNames: 'chunks/[name]-[hash]',
    splitting: true,
    external: ['vscode'],
  },
  sandbox: existsSync('src/sandbox/main.ts') && {
    ...node,
    entryPoints: { main: 'src/sandbox/main.ts' },
    outdir: 'dist/sandbox',
  },
  webviews: pages.length > 0 && {
    ...common,
    platform: 'browser',
    format: 'iife',
    target: 'chrome138',
    entryPoints: Object.fromEntries(pages.map(file => [nameOfPage(file), file])),
    outdir: 'dist/webviews',
  },
  styles: styles.length > 0 && {
    ...common,
    sourcemap: false,
    target: 'chrome138',
    loader: { '.ttf': 'file', '.svg': 'dataurl' },
    assetNames: '[name]',
    entryPoints: Object.fromEntries(styles.map(file => [path.basename(file, '.css'), file])),
    outdir: 'dist/webviews',
  },
};

const results = await Promise.all(
  Object.values(parts).map(options => (options ? build({ ...options, write: false }) : undefined)),
);

// Only what changed is written, so that a second build of the same sources disturbs nobody who uses dist/ meanwhile.
const kept = new Set([write('dist/meta.json', JSON.stringify({ outputs: outputsOf(results) }))]);
const inputs = Object.values(outputsOf(results)).flatMap(output => Object.keys(output.inputs));
kept.add(write('dist/THIRD-PARTY-NOTICES.txt', notices(import.meta.dirname, inputs)));
for (const result of results) for (const file of result?.outputFiles ?? []) kept.add(write(file.path, file.contents));
for (const entry of readdirSync('dist', { recursive: true, withFileTypes: true })) {
  const file = path.resolve(entry.parentPath, entry.name);
  if (entry.isFile() && !kept.has(file)) rmSync(file);
}

/** @param {typeof results} all */
function outputsOf(all) {
  return Object.assign({}, ...all.map(result => result?.metafile?.outputs));
}

/**
 * Writes a file as a whole or not at all, and returns its absolute path.
 * @param {string} name
 * @param {string | Uint8Array} contents
 */
function write(name, contents) {
  const file = path.resolve(name);
  if (existsSync(file) && readFileSync(file).equals(Buffer.from(contents))) return file;
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(`${file}.${process.pid}`, contents);
  renameSync(`${file}.${process.pid}`, file);
  return file;
}
