// `npm start`: builds, starts the sandbox, and opens VS Code with the extension connected to it. Everything it writes is
// in folders that go away with it. Ends on SIGINT, SIGTERM, or when VS Code's window or server ends.
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { build } from './build.ts';
import { findDesktop, openDesktop } from './host/desktop.ts';
import { startHost } from './host/host.ts';
import { temporaryDirectory } from './host/processes.ts';
import { startSandboxChild } from './host/sandbox.ts';
import { pack } from './package.ts';

const say = (line: string) => console.error(line);
const flags = readFlags();

let interrupt: () => void = () => {};
const interrupted = new Promise<void>(resolve => (interrupt = resolve));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt);
const launcher = process.ppid;
setInterval(() => process.ppid === launcher || interrupt(), 500).unref(); // it was ended without a word

const undo: (() => Promise<void> | void)[] = [];
try {
  const working = start();
  working.catch(() => {}); // an interrupt may come first; what was started by then is undone below
  await Promise.race([working.then(running => Promise.race([running, interrupted])), interrupted]);
} catch (error) {
  process.exitCode = 1;
  say(error instanceof Error ? error.message : String(error));
} finally {
  for (const step of undo.reverse()) await step();
}
process.exit();

/** Brings everything up; the inner promise settles when VS Code or the sandbox ends by itself. */
async function start(): Promise<Promise<void>> {
  say('Building …');
  await build();
  const directory = temporaryDirectory('start');
  undo.push(directory.remove);
  const workspace = path.join(directory.path, 'workspace');
  mkdirSync(workspace);

  say('Starting the sandbox …');
  const sandbox = await startSandboxChild();
  undo.push(sandbox.stop);
  const connectionFile = path.join(directory.path, 'connection.json');
  writeFileSync(connectionFile, sandbox.json, { mode: 0o600 }); // it holds the control token
  const settings = { 'agentId.connectionFile': connectionFile };

  const desktop = flags['no-open'] ? undefined : findDesktop();
  if (desktop) {
    const window = openDesktop(desktop, { directory: directory.path, workspace, settings });
    undo.push(window.close);
    ready(null, workspace, sandbox.json);
    return Promise.race([window.closed, sandbox.ended]);
  }

  say('Starting VS Code …');
  const host = await startHost({ vsix: await pack(), settings, log: say });
  undo.push(host.stop);
  const url = host.front.url(workspace, [
    ['skipWelcome', 'true'],
    ['skipReleaseNotes', 'true'],
  ]);
  ready(url, workspace, sandbox.json);
  if (!flags['no-open']) openInBrowser(url);
  return Promise.race([host.server.ended, sandbox.ended]);
}

function ready(url: string | null, workspace: string, sandboxJson: string): void {
  if (flags.json) console.log(JSON.stringify({ url, workspace, sandbox: JSON.parse(sandboxJson) as unknown }));
  else if (url) console.log(`\nVS Code with Agent ID, connected to the sandbox:\n\n  ${url}\n\nCtrl+C ends it.`);
  else console.log('\nVS Code opens with Agent ID, connected to the sandbox. Ctrl+C ends it.');
}

/** Where there is a display; elsewhere the printed address has to do. */
function openInBrowser(url: string): void {
  const { platform, env } = process;
  if (platform === 'linux' && !env.DISPLAY && !env.WAYLAND_DISPLAY) return;
  const [command, ...args] =
    platform === 'darwin' ? ['open', url] : platform === 'win32' ? ['explorer', url] : ['xdg-open', url];
  spawn(command ?? '', args, { stdio: 'ignore', detached: true })
    .on('error', () => say('No browser could be opened; open the address yourself.'))
    .unref();
}

function readFlags(): { 'no-open'?: boolean; json?: boolean } {
  try {
    return parseArgs({ options: { 'no-open': { type: 'boolean' }, json: { type: 'boolean' } } }).values;
  } catch (error) {
    say(`${error instanceof Error ? error.message : String(error)}\nusage: npm start -- [--no-open] [--json]`);
    process.exit(2);
  }
}
