import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { after, describe, test } from 'node:test';
import { openBrowser } from '../../scripts/host/browser.ts';
import { root } from '../../scripts/host/paths.ts';
import { until } from '../../scripts/host/processes.ts';
import { parseConnection } from './support/connection.ts';
import { Workbench } from './support/workbench.ts';

/** Starts `npm …` and resolves with the first line of its output that is JSON. */
async function npm(...args: string[]): Promise<{ child: ChildProcess; line: string; lines: string[] }> {
  const child = spawn('npm', args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  const line = await new Promise<string>((resolve, reject) => {
    child.once('exit', code => reject(new Error(`npm ${args.join(' ')} ended with ${code}\n${lines.join('\n')}`)));
    createInterface(child.stdout).on('line', text => {
      lines.push(text);
      if (text.startsWith('{')) resolve(text);
    });
  });
  return { child, line, lines };
}

/** The process and everything below it. */
function family(pid: number): number[] {
  const rows = execFileSync('ps', ['-eo', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n');
  const parents = rows.map(row => row.trim().split(/\s+/).map(Number));
  const members = [pid];
  for (const member of members)
    for (const [child, parent] of parents) if (parent === member && child) members.push(child);
  return members;
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** Ends npm as a terminal or a program would, and waits until none of its processes is left. */
async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const members = family(child.pid ?? 0);
  assert.ok(members.length > 2, 'it has processes of its own');
  child.kill(signal);
  await until(
    () => `processes that are left: ${members.filter(alive).join(', ')}`,
    () => members.every(pid => !alive(pid)) || undefined,
  );
}

describe('the commands that a person starts', () => {
  const running: ChildProcess[] = [];
  after(() => running.forEach(child => child.kill()));

  test('npm start -- --no-open --json says where it is, works for a person, and leaves nothing behind', async () => {
    const { child, line, lines } = await npm('start', '--', '--no-open', '--json');
    running.push(child);
    const told = JSON.parse(line) as { url: string; workspace: string; sandbox: unknown };
    assert.deepEqual(Object.keys(told), ['url', 'workspace', 'sandbox']);
    assert.match(told.url, /^http:\/\/127\.0\.0\.1:\d+\/\?tkn=[0-9a-f]{48}&/);
    assert.ok(existsSync(told.workspace));
    const connection = parseConnection(JSON.stringify(told.sandbox));

    const bare = new URL(told.url);
    bare.search = '';
    assert.equal((await fetch(bare)).status, 403, 'without the token there is no workbench');

    const { page, close } = await openBrowser(() => {});
    try {
      await page.goto(told.url);
      const workbench = new Workbench(page);
      await workbench.ready();
      await workbench.statusBar(/SANDBOX/).waitFor();
    } finally {
      await close();
    }
    assert.equal(lines.filter(text => text.startsWith('{')).length, 1);
    await end(child, 'SIGINT');
    for (const file of [told.workspace, connection.caFile ?? '', connection.kubeconfig])
      assert.equal(existsSync(file), false, `${file} is left`);
  });

  test('npm run sandbox -- --json says what a client needs, and leaves nothing behind', async () => {
    const { child, line } = await npm('run', 'sandbox', '--', '--json');
    running.push(child);
    const connection = parseConnection(line);
    assert.ok(existsSync(connection.kubeconfig));
    await end(child, 'SIGTERM');
    assert.equal(existsSync(connection.kubeconfig), false);
  });
});
