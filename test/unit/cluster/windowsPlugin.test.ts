import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { test } from 'node:test';
import { folder } from './support/kubeconfig.ts';

interface Built {
  command: string;
  args: string[];
  options: { windowsVerbatimArguments?: boolean };
}
type Build = (command: string, args: string[], options: { env: Record<string, string> }) => Built;

/** The command builder as it is on Windows: it looks at the platform when it is loaded. */
function windowsBuilder(): Build {
  const platform = Object.getOwnPropertyDescriptor(process, 'platform')!;
  Object.defineProperty(process, 'platform', { ...platform, value: 'win32' });
  try {
    return (createRequire(import.meta.url)('cross-spawn') as { _parse: Build })._parse;
  } finally {
    Object.defineProperty(process, 'platform', platform);
  }
}

test('on Windows a plugin that is a .cmd goes through the shell, and nothing in its arguments is read by the shell', async t => {
  const directory = await folder(t);
  await writeFile(path.join(directory, 'kubelogin.CMD'), '');
  const env = { PATH: directory, PATHEXT: '.EXE;.CMD', comspec: 'C:\\Windows\\cmd.exe' };
  const hostile = 'a" & calc.exe & %PATH% | b';
  const built = windowsBuilder()('kubelogin', ['get-token', hostile], { env });
  assert.match(built.command, /cmd\.exe$/);
  assert.equal(built.options.windowsVerbatimArguments, true);
  const [d, s, c, line = ''] = built.args;
  assert.deepEqual([d, s, c], ['/d', '/s', '/c']);
  // every character that cmd.exe acts on stands behind a caret, quotes included: to it the line is one word after another
  for (const [index, character] of [...line.slice(1, -1)].entries())
    if ('"&|%<>()!'.includes(character)) assert.equal(line[index], '^', `${character} at ${index} of ${line}`);
  assert.ok(line.includes('get-token'));
});
