import * as vscode from 'vscode';
import type { Pasted } from '../identity/pasted.ts';

const t = vscode.l10n.t;
type Readable = Exclude<Pasted, { kind: 'unreadable' }>;

/**
 * Asks for a token to inspect, in a field of the editor that hides it: it never enters a webview. Undefined when nothing
 * was given. Nothing is asked of any network.
 */
export async function askForToken(): Promise<Readable | undefined> {
  const [{ inspectPasted }, { sayPasted }] = await Promise.all([
    import('../identity/pasted.ts'),
    import('./messages/token.ts'),
  ]);
  const text = await vscode.window.showInputBox({
    title: t('Inspect a token'),
    prompt: t('It is read on this machine, kept in memory only, and forgotten when the inspector closes.'),
    placeHolder: t('A JWT, an Authorization header, or a token response'),
    password: true,
    ignoreFocusOut: true,
    validateInput: input => {
      const found = inspectPasted(input);
      const nothing = found.kind === 'unreadable' && found.why === 'empty'; // how the field begins, and how a person leaves it
      return found.kind === 'unreadable' && !nothing ? sayPasted(t, found) : undefined;
    },
  });
  const pasted = inspectPasted(text ?? '');
  return pasted.kind === 'unreadable' ? undefined : pasted;
}
