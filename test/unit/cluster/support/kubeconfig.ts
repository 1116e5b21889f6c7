import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { FakeApiServer } from './fakeApiServer.ts';

export interface Entries {
  cluster?: Record<string, unknown>;
  user?: Record<string, unknown>;
}

export function config(server: string, { cluster = {}, user = {} }: Entries = {}): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'dev',
    clusters: [{ name: 'c', cluster: { server, ...cluster } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'dev', context: { cluster: 'c', user: 'u', namespace: 'agents' } }],
  });
}

export async function folder(t: TestContext): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'kubeconfig-'));
  t.after(() => rm(directory, { recursive: true }));
  return directory;
}

export async function write(t: TestContext, text: string): Promise<string> {
  const file = path.join(await folder(t), 'config');
  await writeFile(file, text);
  return file;
}

export async function fakeServer(t: TestContext): Promise<FakeApiServer> {
  const server = await FakeApiServer.start();
  t.after(() => server.close());
  return server;
}

/** A credential plugin: counts its runs in a file and answers with what `body` (JavaScript) prints. */
export async function plugin(t: TestContext, body: string) {
  const directory = await folder(t);
  const runs = path.join(directory, 'runs');
  const command = path.join(directory, 'plugin.mjs');
  await writeFile(
    command,
    `#!${process.execPath}
import { appendFileSync, readFileSync } from 'node:fs';
appendFileSync(${JSON.stringify(runs)}, 'x');
const run = readFileSync(${JSON.stringify(runs)}, 'utf8').length;
const info = JSON.parse(process.env.KUBERNETES_EXEC_INFO);
const answer = status => console.log(JSON.stringify({ apiVersion: info.apiVersion, kind: 'ExecCredential', status }));
${body}
`,
  );
  await chmod(command, 0o755);
  return { command, runs: async () => (await readFile(runs, 'utf8').catch(() => '')).length };
}
