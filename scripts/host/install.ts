// Real VS Code for tests and for `npm start`: the server and the workbench out of the npm package code-server, without
// its wrapper, without a compiler and without install scripts. It lives in the project's cache, outside node_modules.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { transform } from 'esbuild';
import * as v from 'valibot';
import { cacheDirectory } from './paths.ts';
import { must, temporaryDirectory } from './processes.ts';

const CODE_SERVER = '4.139.1';
const INTEGRITY = 'sha512-fUYvJVdz4ZoVJfakGiGWXFMpF8K1ObsrpGvX17ZxNpKOzdNHs7lANT670JTr4ZhA8DnWqyvvmFG/d3HV9Yy6ew==';

/** What the server and the workbench load; the rest of its dependencies serve features that nobody uses here. */
const DEPENDENCIES = new Set(
  [
    '@microsoft/1ds-core-js @microsoft/1ds-post-js @parcel/watcher @vscode/deviceid @vscode/fs-copyfile',
    '@vscode/iconv-lite-umd @vscode/native-watchdog @vscode/proxy-agent @vscode/ripgrep-universal @vscode/spdlog',
    '@vscode/tree-sitter-wasm @vscode/vscode-languagedetection @xterm/addon-clipboard @xterm/addon-image',
    '@xterm/addon-ligatures @xterm/addon-progress @xterm/addon-search @xterm/addon-serialize @xterm/addon-unicode11',
    '@xterm/addon-webgl @xterm/headless @xterm/xterm cookie http-proxy-agent https-proxy-agent jschardet katex',
    'minimist node-pty tas-client vscode-oniguruma vscode-regexpp vscode-textmate ws yauzl yazl',
  ].flatMap(line => line.split(' ')),
);

/**
 * The built-in extensions to keep: fewer of them means seconds less until ours is active. Copilot, which carries VS
 * Code's own chat, is not among them: where AI features are off, the workbench switches it off after the start and
 * restarts the extension host for that. Those of the last line would be looked for in the browser if the server lacked them.
 */
const BUILT_INS = [
  'theme-defaults theme-seti theme-modern-icons configuration-editing diff log search-result prompt-basics',
  'json json-language-features javascript typescript-basics markdown-basics markdown-language-features markdown-math',
  'yaml shellscript python html css xml ini docker go',
  'git-base github-authentication extension-editing npm emmet merge-conflict typescript-language-features',
].flatMap(line => line.split(' '));

/** Native modules that would need a compiler, each replaced by one of our own files in plain JavaScript. */
const STAND_INS = { '@vscode/spdlog': 'spdlog.ts', '@vscode/native-watchdog': 'nativeWatchdog.ts' };
const standIns = path.join(import.meta.dirname, 'standIns');

const Manifest = v.looseObject({ version: v.string(), dependencies: v.record(v.string(), v.string()) });

/**
 * The folder with VS Code's server (`out/server-main.js` in it), installed into the cache on first use: about 15 s and
 * 145 MB. What is there is complete, because it is built aside and renamed; two that install at once both succeed.
 * Throws with the failing command's own words when npm or tar cannot do their part.
 */
export async function installVsCode(log: (line: string) => void): Promise<string> {
  const home = path.join(cacheDirectory(), `vscode-${CODE_SERVER}-${process.platform}-${process.arch}-${recipe()}`);
  const complete = () => existsSync(path.join(home, '.ok'));
  if (complete()) return home;

  log(`Installing VS Code's server (npm package code-server ${CODE_SERVER}) into ${home}`);
  mkdirSync(path.dirname(home), { recursive: true });
  const temporary = temporaryDirectory('install', path.dirname(home));
  try {
    await unpack(temporary.path);
    await installDependencies(temporary.path);
    writeFileSync(path.join(temporary.path, '.ok'), '');
    if (!complete()) rmSync(home, { recursive: true, force: true }); // a leftover that never got its stamp
    try {
      renameSync(temporary.path, home);
    } catch (error) {
      if (!complete()) throw error; // somebody else was faster: theirs is as good
    }
  } finally {
    temporary.remove();
  }
  return home;
}

/** A hash of everything that decides what is installed, so that a changed recipe installs anew. */
function recipe(): string {
  const hash = createHash('sha256').update(readFileSync(import.meta.filename));
  for (const file of Object.values(STAND_INS)) hash.update(readFileSync(path.join(standIns, file)));
  return hash.digest('hex').slice(0, 8);
}

async function unpack(target: string): Promise<void> {
  await must('npm', ['pack', `code-server@${CODE_SERVER}`, '--silent'], { cwd: target });
  const archive = (await readdir(target)).find(name => name.endsWith('.tgz'));
  if (!archive) throw new Error('npm pack left no archive');
  const file = path.join(target, archive);
  const integrity = `sha512-${createHash('sha512').update(readFileSync(file)).digest('base64')}`;
  if (integrity !== INTEGRITY) throw new Error(`code-server ${CODE_SERVER} is not the package we know: ${integrity}`);
  const members = ['package.json', 'npm-shrinkwrap.json', 'product.json', 'out', 'resources'];
  for (const name of BUILT_INS) members.push(`extensions/${name}`);
  const paths = members.map(member => `package/lib/vscode/${member}`);
  await must('tar', ['xzf', archive, '--strip-components=3', ...paths], { cwd: target });
  rmSync(file);
}

async function installDependencies(target: string): Promise<void> {
  const file = path.join(target, 'package.json');
  const manifest = v.parse(Manifest, JSON.parse(readFileSync(file, 'utf8')));
  delete manifest.overrides;
  delete manifest.allowScripts;
  manifest.dependencies = Object.fromEntries(
    Object.entries(manifest.dependencies).filter(([name]) => DEPENDENCIES.has(name)),
  );
  writeFileSync(file, JSON.stringify(manifest, null, 2));
  await must('npm', ['install', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: target,
  });

  const modules = path.join(target, 'node_modules');
  const own = `${process.platform}-${process.arch}`;
  for (const binaries of ['@vscode/ripgrep-universal/bin', 'node-pty/prebuilds'])
    for (const name of await readdir(path.join(modules, binaries)))
      if (name !== own) await rm(path.join(modules, binaries, name), { recursive: true });
  for (const sources of ['node-pty/deps', 'node-pty/third_party', 'node-pty/src'])
    await rm(path.join(modules, sources), { recursive: true, force: true });

  for (const [name, source] of Object.entries(STAND_INS)) {
    const folder = path.join(modules, name);
    const { version } = v.parse(
      v.object({ version: v.string() }),
      JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')),
    );
    await rm(folder, { recursive: true });
    mkdirSync(folder);
    const { code } = await transform(readFileSync(path.join(standIns, source), 'utf8'), { loader: 'ts' });
    writeFileSync(path.join(folder, 'index.js'), code);
    const replaced = { name, version, type: 'module', main: './index.js' };
    writeFileSync(path.join(folder, 'package.json'), JSON.stringify(replaced));
  }
}
