import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';
import { type Group, freePort, must, startGroup, until } from './processes.ts';

/** A workbench that shows nothing but itself: no welcome page, no tips, no updates, no motion, no chat of VS Code. */
const QUIET = {
  'workbench.startupEditor': 'none',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.tips.enabled': false,
  'workbench.welcomePage.walkthroughs.openOnInstall': false,
  'workbench.enableExperiments': false,
  'workbench.reduceMotion': 'on',
  'workbench.editor.useModal': 'off',
  'editor.cursorBlinking': 'solid',
  'telemetry.telemetryLevel': 'off',
  'extensions.ignoreRecommendations': true,
  'extensions.autoUpdate': 'off', // false would be rewritten by the workbench, in this very file
  'extensions.autoCheckUpdates': false,
  'git.enabled': false,
  'remote.autoForwardPorts': false, // a sandbox has more ports than it forwards without a warning; links work all the same
  'chat.disableAIFeatures': true,
};

const Settings = v.record(v.string(), v.unknown());

export interface ServerFolders {
  /** Settings, logs and global storage of extensions. */
  readonly data: string;
  readonly extensions: string;
  /** VS Code never removes the sockets through which its processes talk. */
  readonly sockets: string;
}

export interface VsCodeServer {
  readonly port: number;
  /** Whoever shows it may use the workbench, and so run programs here: it is as good as a password. */
  readonly token: string;
  readonly ended: Promise<void>;
  /** What the server and its children printed. */
  readonly output: () => string;
  readonly stop: () => Promise<void>;
}

/** Makes the folders of a throw-away VS Code below `directory`, with the user's settings in them. */
export function prepareFolders(directory: string, settings: Record<string, unknown> = {}): ServerFolders {
  const inside = (name: string) => path.join(directory, name);
  const folders = { data: inside('data'), extensions: inside('extensions'), sockets: inside('run') };
  mkdirSync(folders.extensions, { recursive: true });
  mkdirSync(folders.sockets);
  changeSettings(folders, settings);
  return folders;
}

/** Changes the user's settings, where undefined removes one; a workbench sees them when it loads. */
export function changeSettings(folders: ServerFolders, changes: Record<string, unknown>): void {
  // in a remote window, settings with machine scope come from the machine's file and from no other
  for (const scope of ['User', 'Machine']) {
    const file = path.join(folders.data, 'data', scope, 'settings.json');
    mkdirSync(path.dirname(file), { recursive: true });
    const before = existsSync(file) ? v.parse(Settings, JSON.parse(readFileSync(file, 'utf8'))) : QUIET;
    writeFileSync(file, JSON.stringify({ ...before, ...changes }, null, 2));
  }
}

/** Installs a packed extension as a user would; the server must not run yet. */
export async function installVsix(home: string, folders: ServerFolders, vsix: string): Promise<void> {
  const args = ['--install-extension', vsix, '--force', ...folderFlags(folders), '--accept-server-license-terms'];
  await must(process.execPath, [path.join(home, 'out', 'server-main.js'), ...args], { env: environment(folders) });
}

/**
 * Starts VS Code's server on a free loopback port and returns when it answers.
 * `smokeDriver` makes the workbench accept an extension under development and a test runner from its address; it also
 * suppresses notifications and modal dialogs, so only the in-host suite wants it.
 */
export async function startServer(
  home: string,
  folders: ServerFolders,
  options: { smokeDriver?: boolean; env?: NodeJS.ProcessEnv } = {},
): Promise<VsCodeServer> {
  const port = await freePort();
  const token = randomBytes(24).toString('hex');
  const flags = [
    ...['--host', '127.0.0.1', '--port', String(port), '--connection-token', token],
    ...folderFlags(folders),
    ...['--accept-server-license-terms', '--telemetry-level', 'off', '--disable-telemetry', '--disable-update-check'],
    ...['--disable-workspace-trust', '--disable-experiments', '--disable-getting-started-override'],
    ...(options.smokeDriver ? ['--enable-smoke-test-driver'] : []),
  ];
  const group: Group = await startGroup(process.execPath, [path.join(home, 'out', 'server-main.js'), ...flags], {
    env: { ...environment(folders), ...options.env },
  });
  try {
    await until(
      () => `VS Code's server does not answer.\n${group.output()}`,
      async () => {
        if (group.child.exitCode !== null) throw new Error(`VS Code's server ended at once.\n${group.output()}`);
        const answer = await fetch(`http://127.0.0.1:${port}/version`).catch(() => undefined);
        return answer?.ok;
      },
      30_000,
    );
  } catch (error) {
    await group.stop();
    throw error;
  }
  return { port, token, ended: group.ended, output: group.output, stop: group.stop };
}

function folderFlags(folders: ServerFolders): string[] {
  return ['--server-data-dir', folders.data, '--extensions-dir', folders.extensions];
}

/** No gallery, so that nothing leaves this machine; no leftovers of a VS Code in whose terminal we may run. */
function environment(folders: ServerFolders): NodeJS.ProcessEnv {
  const clean = Object.entries(process.env).filter(([name]) => !name.startsWith('VSCODE_') && name !== 'NODE_OPTIONS');
  return { ...Object.fromEntries(clean), EXTENSIONS_GALLERY: '{}', XDG_RUNTIME_DIR: folders.sockets };
}
