import * as vscode from 'vscode';
import { AgentIdError } from '../base/errors.ts';
import { Emitter } from '../base/event.ts';
import type { EditorAccounts } from '../identity/signIn.ts';

const PROVIDER = 'microsoft';

/** The accounts of the editor's provider `microsoft`, through the API that every extension has. */
export function editorAccounts(subscriptions: vscode.Disposable[]): EditorAccounts {
  const changed = new Emitter<string>();
  subscriptions.push(
    changed,
    vscode.authentication.onDidChangeSessions(({ provider }) => {
      if (provider.id === PROVIDER) changed.fire(PROVIDER);
    }),
  );
  return {
    silent: async (scopes, account) =>
      vscode.authentication.getSession(PROVIDER, scopes, { silent: true, account: { ...account } }),
    async ask(scopes, { account, claims, anew }) {
      // The provider reads claims out of a challenge only, in base64, and takes our scopes where that names none.
      const challenge = claims && `Bearer claims="${Buffer.from(claims).toString('base64')}"`;
      const request = challenge ? { wwwAuthenticate: challenge, fallbackScopes: scopes } : scopes;
      try {
        const which = account ? { account } : { clearSessionPreference: anew };
        return await (anew || claims
          ? vscode.authentication.getSession(PROVIDER, request, { ...which, forceNewSession: true })
          : vscode.authentication.getSession(PROVIDER, request, { ...which, createIfNone: true }));
      } catch (error) {
        // what the workbench says when the person leaves its question or the provider's page
        if (error instanceof Error && (error.name === 'Canceled' || /did not consent|cancell?ed/i.test(error.message)))
          throw new AgentIdError('cancelled');
        throw error;
      }
    },
    knows: async id => (await vscode.authentication.getAccounts(PROVIDER)).some(account => account.id === id),
    onDidChange: changed.event,
  };
}
