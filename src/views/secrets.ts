import type * as vscode from 'vscode';
import { Emitter } from '../base/event.ts';
import type { SecretStore } from '../identity/signIn.ts';

/** The editor's secret storage; changes made in other windows are heard. */
export function editorSecrets(context: vscode.ExtensionContext): SecretStore {
  const changed = new Emitter<string>();
  context.subscriptions.push(
    changed,
    context.secrets.onDidChange(event => changed.fire(event.key)),
  );
  return {
    get: async key => context.secrets.get(key),
    set: async (key, value) => context.secrets.store(key, value),
    delete: async key => context.secrets.delete(key),
    onDidChange: changed.event,
  };
}

/** Secrets that end with the window: for a sandbox that does. */
export function memorySecrets(): SecretStore {
  const values = new Map<string, string>();
  return {
    get: async key => values.get(key),
    set: async (key, value) => void values.set(key, value),
    delete: async key => void values.delete(key),
  };
}
