// The suite that runs inside the extension host, in VS Code's server and a browser page that is only there to hold it.
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build, type BuildOptions } from 'esbuild';
import * as v from 'valibot';
import { openBrowser } from './browser.ts';
import { startHost } from './host.ts';
import { outDirectory, root } from './paths.ts';
import { temporaryDirectory } from './processes.ts';
import type { Tally } from './suite.ts';

const LIMIT_MS = 180_000;

const Results = v.array(v.object({ name: v.string(), error: v.optional(v.string()) }));

/** Prints what test/host/runner.ts wrote, and counts it; undefined when it wrote nothing. */
export function tellResults(file: string): Tally | undefined {
  if (!existsSync(file)) return undefined;
  const tally: Tally = { passed: 0, failed: 0, skipped: 0 };
  for (const { name, error } of v.parse(Results, JSON.parse(readFileSync(file, 'utf8')))) {
    tally[error === undefined ? 'passed' : 'failed']++;
    console.log(error === undefined ? `  ✔ ${name}` : `  ✖ ${name}\n${error.replace(/^/gm, '      ')}`);
  }
  return tally;
}

/** Bundles runner and tests of test/host, as CommonJS, which is what an extension host loads; returns the runner's file. */
export async function bundleHostTests(): Promise<string> {
  const outdir = path.join(outDirectory, 'host');
  rmSync(outdir, { recursive: true, force: true });
  mkdirSync(outdir, { recursive: true });
  const common: BuildOptions = {
    absWorkingDir: root,
    outdir,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node22',
    external: ['vscode', 'mocha'],
    sourcemap: 'inline',
    logLevel: 'warning',
  };
  await build({ ...common, entryPoints: { index: 'test/host/runner.ts' } });
  const tests = globSync('test/host/*.test.ts', { cwd: root });
  await build({ ...common, entryPoints: tests, outExtension: { '.js': '.cjs' } });
  writeFileSync(path.join(outdir, 'package.json'), JSON.stringify({ type: 'commonjs' }));
  return path.join(outdir, 'index.js');
}

/**
 * Runs the suite in the extension host against what was built, prints and counts the results. Throws with the window's
 * errors when the host ends without results or does not end in time.
 */
export async function runInHost(log: (line: string) => void): Promise<Tally> {
  const runner = await bundleHostTests();
  const directory = temporaryDirectory('in-host');
  const resultFile = path.join(directory.path, 'results.json');
  const workspace = path.join(directory.path, 'workspace');
  mkdirSync(workspace);
  const undo: (() => Promise<void> | void)[] = [directory.remove];
  try {
    const host = await startHost({ smokeDriver: true, env: { AGENT_ID_HOST_RESULTS: resultFile }, log });
    undo.push(host.stop);
    const { page, close } = await openBrowser(log);
    undo.push(close);

    const said: string[] = [];
    let timer: NodeJS.Timeout | undefined;
    let exit: () => void = () => {};
    const ended = new Promise<void>((resolve, reject) => {
      exit = resolve;
      timer = setTimeout(() => reject(new Error(`The suite did not end in ${LIMIT_MS / 1000} s.`)), LIMIT_MS);
    });
    // the two functions that the workbench calls on a page which drives it
    await page.exposeFunction('codeAutomationLog', (level: string, args: unknown[]) => {
      said.push(`[${level}] ${args.map(String).join(' ')}`);
    });
    await page.exposeFunction('codeAutomationExit', () => exit());
    const authority = new URL(host.front.origin).host;
    const remote = (folder: string) => `vscode-remote://${authority}${folder}`;
    const url = host.front.url(workspace, [
      ['extensionDevelopmentPath', remote(root)],
      ['extensionTestsPath', remote(runner)],
    ]);
    try {
      await page.goto(url);
      await ended;
    } finally {
      clearTimeout(timer);
    }
    const tally = tellResults(resultFile);
    if (tally) return tally;
    const errors = said.filter(line => line.startsWith('[error]'));
    throw new Error(`The extension host left no results.\n${errors.join('\n')}\n${host.server.output().slice(-4000)}`);
  } finally {
    for (const step of undo.reverse()) await step();
  }
}
