import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { test } from 'node:test';
import { silentLogger } from '../../../src/base/logger.ts';
import { runCredentialPlugin } from '../../../src/cluster/execCredential.ts';
import type { PluginRun } from '../../../src/cluster/pluginProcess.ts';
import { failure } from './support/failure.ts';
import { folder, plugin } from './support/kubeconfig.ts';
import { until } from '../../support/until.ts';

interface Built {
  command: string;
  args: string[];
  options: { windowsVerbatimArguments?: boolean };
}
type Build = (command: string, args: string[], options: { env: Record<string, string> }) => Built;

/** What `work` makes of it when it looks at the platform. */
function onWindows<T>(work: () => T): T {
  const platform = Object.getOwnPropertyDescriptor(process, 'platform')!;
  Object.defineProperty(process, 'platform', { ...platform, value: 'win32' });
  try {
    return work();
  } finally {
    Object.defineProperty(process, 'platform', platform);
  }
}

/** The command builder looks at the platform when it is loaded: this is a second copy of it. */
function windowsBuilder(): Build {
  const require = createRequire(import.meta.url);
  const forget = () => {
    for (const file of Object.keys(require.cache)) if (file.includes('cross-spawn')) delete require.cache[file];
  };
  forget();
  try {
    return onWindows(() => (require('cross-spawn') as { _parse: Build })._parse);
  } finally {
    forget();
  }
}

test('on Windows a plugin that is a .cmd goes through the shell, and nothing in its arguments is read by the shell', async t => {
  const directory = await folder(t);
  await writeFile(path.join(directory, 'kubelogin.CMD'), '');
  const env = { PATH: directory, PATHEXT: '.EXE;.CMD', comspec: 'C:\\Windows\\cmd.exe' };
  const hostile = 'a" & calc.exe & %PATH% | b';
  const build = windowsBuilder();
  const built = build('kubelogin', ['get-token', hostile], { env });
  assert.match(built.command, /cmd\.exe$/);
  assert.equal(built.options.windowsVerbatimArguments, true);
  const [d, s, c, line = ''] = built.args;
  assert.deepEqual([d, s, c], ['/d', '/s', '/c']);
  // every character that cmd.exe acts on stands behind a caret, quotes included: to it the line is one word after another
  for (const [index, character] of [...line.slice(1, -1)].entries())
    if ('"&|%<>()!'.includes(character)) assert.equal(line[index], '^', `${character} at ${index} of ${line}`);
  assert.ok(line.includes('get-token'));
});

test('on Windows a plugin is ended with what it started: a .cmd is a shell around the plugin itself', async t => {
  const directory = await folder(t);
  const called = path.join(directory, 'called');
  await writeFile(path.join(directory, 'taskkill'), `#!/bin/sh\necho "$@" > ${called}\nkill "$2"\n`, { mode: 0o755 });
  const before = process.env['PATH'];
  process.env['PATH'] = [directory, before].join(path.delimiter);
  t.after(() => (process.env['PATH'] = before));
  const script = await plugin(t, `process.stderr.write(String(process.pid)); setTimeout(() => {}, 60_000);`);
  const said: string[] = [];
  let run: PluginRun | undefined;
  const watch = (started: PluginRun) => (run = started).onOutput(text => said.push(text));
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: script.command, args: [], env: [] };
  const credential = runCredentialPlugin(exec, {}, { logger: silentLogger, watch }, new AbortController().signal);
  await until(() => said.length > 0, 'the plugin to start');
  onWindows(() => run?.cancel());
  await assert.rejects(credential, failure('cancelled'));
  await until(() => existsSync(called), 'taskkill');
  assert.equal((await readFile(called, 'utf8')).trim(), `/pid ${said.join('')} /t /f`);
});
