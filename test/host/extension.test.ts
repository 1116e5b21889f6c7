import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import * as vscode from 'vscode';
import { commandIds } from '../../src/views/commands.ts';

const ID = 'agent-id-dev.agent-id';
/** Where undici, Node's own and any other, keeps the dispatcher that every fetch of the process uses. */
const DISPATCHERS = [Symbol.for('undici.globalDispatcher.1'), Symbol.for('undici.globalDispatcher.2')];

interface Manifest {
  contributes: {
    commands: { command: string; category: string }[];
    configuration:
      { properties: Record<string, { scope?: string }> } | { properties: Record<string, { scope?: string }> }[];
    views: Record<string, { id: string }[]>;
  };
  capabilities: { untrustedWorkspaces: { restrictedConfigurations: string[] } };
}

function extension(): vscode.Extension<unknown> {
  const found = vscode.extensions.getExtension(ID);
  assert.ok(found, `${ID} is not installed`);
  return found;
}

function dispatchers(): unknown[] {
  return DISPATCHERS.map(symbol => (globalThis as unknown as Record<symbol, unknown>)[symbol]);
}

describe('the extension in a real extension host', () => {
  const before = { dispatchers: dispatchers(), fetch: globalThis.fetch };

  it('activates', async () => {
    await extension().activate();
    assert.equal(extension().isActive, true);
  });

  it('registers the commands that it declares, and no other', async () => {
    const manifest = extension().packageJSON as Manifest;
    const declared = manifest.contributes.commands.map(({ command }) => command).sort();
    const views = Object.values(manifest.contributes.views).flat();
    const registered = (await vscode.commands.getCommands(true))
      .filter(id => id.startsWith('agentId.'))
      // VS Code adds commands of its own for each view: agentId.chat.focus, agentId.chat.open, …
      .filter(id => !views.some(view => id.startsWith(`${view.id}.`)));
    assert.deepEqual(registered.sort(), declared);
    assert.deepEqual([...commandIds].sort(), declared);
    for (const { command, category } of manifest.contributes.commands) assert.equal(category, 'Agent ID', command);
  });

  it('takes no setting from a workspace', () => {
    const manifest = extension().packageJSON as Manifest;
    const groups = [manifest.contributes.configuration].flat();
    const restricted = manifest.capabilities.untrustedWorkspaces.restrictedConfigurations;
    for (const [name, { scope }] of groups.flatMap(group => Object.entries(group.properties))) {
      assert.match(scope ?? '', /^(application|machine)$/, name);
      assert.ok(restricted.includes(name), `${name} is not restricted in an untrusted workspace`);
    }
  });

  it('leaves the dispatcher and fetch of the host alone, with every chunk of it loaded', async () => {
    const chunks = globSync('dist/chunks/*.js', { cwd: extension().extensionPath });
    assert.ok(chunks.length > 5, 'the heavy libraries are chunks');
    for (const chunk of chunks) {
      const url = pathToFileURL(path.join(extension().extensionPath, chunk)).href;
      await import(url);
    }
    assert.equal(globalThis.fetch, before.fetch);
    const after = dispatchers();
    assert.ok(after.some(Boolean), 'fetch has a dispatcher somewhere');
    for (const [index, dispatcher] of before.dispatchers.entries())
      assert.ok(dispatcher === undefined || dispatcher === after[index], `${String(DISPATCHERS[index])} was replaced`);
  });

  it('shows its log and its configuration with nothing configured', async () => {
    await vscode.commands.executeCommand('agentId.showLog');
    await vscode.commands.executeCommand('agentId.showConfiguration');
    const shown = vscode.window.visibleTextEditors.map(editor => editor.document.getText()).join('\n');
    assert.match(shown, /\S/);
  });
});
