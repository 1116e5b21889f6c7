import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './paths.ts';
import { until } from './processes.ts';

const CLOSE_MS = 10_000;

/** Desktop VS Code's command on PATH; not the one of a remote terminal, which talks to another machine's window. */
export function findDesktop(): string | undefined {
  if (process.env.VSCODE_IPC_HOOK_CLI) return undefined;
  const name = process.platform === 'win32' ? 'code.cmd' : 'code';
  return (process.env.PATH ?? '')
    .split(path.delimiter)
    .filter(folder => path.isAbsolute(folder))
    .map(folder => path.join(folder, name))
    .find(existsSync);
}

export interface DesktopWindow {
  /** Settles when the person closed the window. */
  readonly closed: Promise<void>;
  /** Ends VS Code if it still runs. */
  readonly close: () => Promise<void>;
}

/** Opens a window of desktop VS Code with a throw-away profile below `directory` and the extension from this folder. */
export function openDesktop(
  command: string,
  { directory, workspace, settings }: { directory: string; workspace: string; settings: Record<string, unknown> },
): DesktopWindow {
  const data = path.join(directory, 'user-data');
  mkdirSync(path.join(data, 'User'), { recursive: true });
  writeFileSync(
    path.join(data, 'User', 'settings.json'),
    JSON.stringify({ 'workbench.startupEditor': 'none', 'telemetry.telemetryLevel': 'off', ...settings }, null, 2),
  );
  const args = [
    ...['--user-data-dir', data, '--extensions-dir', path.join(directory, 'extensions')],
    ...['--extensionDevelopmentPath', root, '--disable-workspace-trust', '--skip-welcome', '--skip-release-notes'],
    ...['--new-window', '--wait', workspace],
    ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
  ];
  const child = spawn(command, args, { stdio: 'ignore', shell: process.platform === 'win32' });
  const closed = new Promise<void>((resolve, reject) => {
    child.once('error', reject).once('exit', () => resolve());
  });
  closed.catch(() => {});
  /** The command only waits: VS Code itself is another process, which leaves its id in this file while it runs. */
  const runs = () => {
    try {
      const pid = Number(readFileSync(path.join(data, 'code.lock'), 'utf8'));
      process.kill(pid, 0);
      return pid;
    } catch {
      return undefined;
    }
  };
  return {
    closed,
    async close() {
      child.kill();
      const pid = runs();
      if (pid === undefined) return;
      process.kill(pid, 'SIGTERM');
      await until(
        () => 'VS Code ends',
        () => runs() === undefined || undefined,
        CLOSE_MS,
      );
    },
  };
}
