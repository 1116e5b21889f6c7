// Stands in for the editor's provider `microsoft`: an extension of its own, as the real one is. Its one session is in the
// file that AGENT_ID_EDITOR_ACCOUNT names, so that it outlives a reload and the test can see what was asked.
import { readFileSync, writeFileSync } from 'node:fs';
import * as vscode from 'vscode';

interface Account {
  accessToken: string;
  account: { id: string; label: string };
  signedIn: boolean;
  /** The scopes of the last sign-in. */
  scopes: string[];
}

export function activate({ subscriptions }: vscode.ExtensionContext): void {
  const file = process.env.AGENT_ID_EDITOR_ACCOUNT ?? '';
  const read = () => JSON.parse(readFileSync(file, 'utf8')) as Account;
  const write = (changes: Partial<Account>) => writeFileSync(file, JSON.stringify({ ...read(), ...changes }));
  const session = (): vscode.AuthenticationSession => {
    const { accessToken, account, scopes } = read();
    return { id: 'one', accessToken, account, scopes };
  };
  const changed = new vscode.EventEmitter<vscode.AuthenticationProviderAuthenticationSessionsChangeEvent>();
  const provider: vscode.AuthenticationProvider = {
    onDidChangeSessions: changed.event,
    getSessions: async () => (read().signedIn ? [session()] : []),
    createSession: async scopes => {
      write({ signedIn: true, scopes: [...scopes] });
      changed.fire({ added: [session()], removed: [], changed: [] });
      return session();
    },
    removeSession: async () => {
      write({ signedIn: false });
      changed.fire({ added: [], removed: [session()], changed: [] });
    },
  };
  subscriptions.push(
    changed,
    vscode.authentication.registerAuthenticationProvider('microsoft', 'Microsoft', provider, {
      supportsMultipleAccounts: true,
    }),
    vscode.commands.registerCommand('standIn.removeAccount', () => provider.removeSession('one')),
  );
}
