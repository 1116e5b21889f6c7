// The launcher: the only file that runs on the system's Node. It makes sure that the project's own Node is in the
// cache (it comes out of an npm package that ships the binary), then runs scripts/<name>.ts under it.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const NODE_VERSION = '24.21.0';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const cache =
  process.env.AGENT_ID_CACHE ??
  path.join(process.env.XDG_CACHE_HOME ?? path.join(homedir(), '.cache'), 'agent-id-vscode');

/** The npm packages that ship Node are named by platform. */
function ownNode() {
  if (process.versions.node === NODE_VERSION) return process.execPath;
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const name = `node-${platform}-${process.arch}`;
  const home = path.join(cache, `${name}-${NODE_VERSION}`);
  const binary = path.join(home, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  if (existsSync(binary)) return binary;
  console.error(`Fetching Node ${NODE_VERSION} (npm package ${name}) into ${cache}`);
  mkdirSync(cache, { recursive: true });
  const temporary = mkdtempSync(path.join(cache, 'tmp-'));
  try {
    const must = (command, args) => {
      const done = spawnSync(command, args, { cwd: temporary, encoding: 'utf8', shell: process.platform === 'win32' });
      if (done.status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${done.stderr || done.error}`);
      return done.stdout;
    };
    must('npm', ['pack', `${name}@${NODE_VERSION}`, '--silent']);
    const archive = readdirSync(temporary).find(file => file.endsWith('.tgz'));
    must('tar', ['xzf', archive, '--strip-components=1', 'package/bin']);
    rmSync(path.join(temporary, archive));
    try {
      renameSync(temporary, home);
    } catch (error) {
      if (!existsSync(binary)) throw error; // somebody else was faster: theirs is as good
    }
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return binary;
}

const [name, ...args] = process.argv.slice(2);
if (!name || !existsSync(path.join(root, 'scripts', `${name}.ts`))) {
  console.error('usage: node scripts/run.mjs <script> [arguments]');
  process.exit(2);
}
if (!existsSync(path.join(root, 'node_modules'))) {
  console.error('The dependencies are not installed: npm ci');
  process.exit(1);
}
let node;
try {
  node = ownNode();
} catch (error) {
  console.error(
    `Cannot get the project's own Node: ${error.message}\nIt needs npm and tar on PATH and the npm registry.`,
  );
  process.exit(1);
}
const child = spawn(
  node,
  ['--disable-warning=ExperimentalWarning', path.join(root, 'scripts', `${name}.ts`), ...args],
  {
    stdio: 'inherit',
    cwd: root,
    env: {
      ...process.env,
      AGENT_ID_CACHE: cache,
      PATH: `${path.dirname(node)}${path.delimiter}${process.env.PATH ?? ''}`,
    },
  },
);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
// npm does not always pass a signal on; when it is gone, nobody waits for us any more
const parent = process.ppid;
if (process.env.npm_lifecycle_event) setInterval(() => process.ppid === parent || child.kill('SIGTERM'), 500).unref();
child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
