import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { readWorld } from '../../../src/agent/world.ts';

const GOOD = {
  version: 1,
  authority: 'https://login.microsoftonline.com/contoso.example',
  kubeconfig: '/home/ana/.kube/config',
  context: 'prod',
  namespace: 'agents',
  agents: [{ deployment: 'research-agent' }],
};
let directory: string;
before(async () => void (directory = await mkdtemp(path.join(os.tmpdir(), 'agent-id-world-'))));
after(() => rm(directory, { recursive: true }));

async function fileOf(text: string): Promise<string> {
  const file = path.join(directory, 'connection.json');
  await writeFile(file, text);
  return file;
}

test('a connection file says where to sign in and which cluster to ask', async () => {
  const world = await readWorld(await fileOf(JSON.stringify({ ...GOOD, users: ['left alone'] })));
  assert.deepEqual(world, GOOD);
});

test('a connection file that can’t be used is named, with the first thing that is wrong', async () => {
  for (const [text, problem] of [
    ['{"version": 1', /JSON/],
    ['[]', /authority|version|Expected/],
    [JSON.stringify({ ...GOOD, version: 2 }), /^version /],
    [JSON.stringify({ ...GOOD, authority: 'http://login.microsoftonline.com/t' }), /^authority /],
    [JSON.stringify({ ...GOOD, agents: [{}] }), /^agents\.0\.deployment /],
  ] as const) {
    const file = await fileOf(text);
    await assert.rejects(readWorld(file), error => {
      const { code, args } = error as { code: string; args: Record<string, string> };
      assert.deepEqual([code, args['path']], ['agent.connectionFile', file]);
      assert.match(args['problem'] ?? '', problem);
      return true;
    });
  }
  const missing = path.join(directory, 'none.json');
  await assert.rejects(readWorld(missing), { code: 'agent.connectionFile' });
});
