// The editor's accounts behind our adapter, with a stand-in for the provider `microsoft`, which this host does not have.
// What takes a person's consent is in test/e2e/editor-account.test.ts: here every question is refused at once.
import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { editorAccounts } from '../../src/views/editorAccounts.ts';

const SCOPES = ['VSCODE_CLIENT_ID:own', 'VSCODE_TENANT:tenant', 'api://blueprint/access_as_user', 'offline_access'];

describe('the editor’s accounts', () => {
  const subscriptions: vscode.Disposable[] = [];
  const account = { id: 'home', label: 'robin@contoso.example' };
  let sessions: vscode.AuthenticationSession[] = [];
  let created = 0;
  const changed = new vscode.EventEmitter<vscode.AuthenticationProviderAuthenticationSessionsChangeEvent>();
  before(() => {
    const provider: vscode.AuthenticationProvider = {
      onDidChangeSessions: changed.event,
      getSessions: async () => sessions,
      createSession: async scopes => {
        created++;
        return { id: 'one', accessToken: 'token', account, scopes };
      },
      removeSession: async () => {},
    };
    subscriptions.push(
      changed,
      vscode.authentication.registerAuthenticationProvider('microsoft', 'Microsoft', provider, {
        supportsMultipleAccounts: true,
      }),
    );
  });
  after(() => {
    for (const subscription of subscriptions) void subscription.dispose();
  });

  it('give no session that the person did not let us use', async () => {
    const accounts = editorAccounts(subscriptions);
    sessions = [{ id: 'one', accessToken: 'token', account, scopes: SCOPES }];
    assert.equal(await accounts.silent(SCOPES, account), undefined);
    assert.equal(await accounts.knows('home'), true);
    assert.equal(await accounts.knows('somebody else'), false);
  });

  it('sign nobody in before the person was asked by name', async () => {
    const accounts = editorAccounts(subscriptions);
    sessions = [];
    const question = /refused to show dialog.*'.*' wants to sign in using Microsoft/;
    for (const anew of [false, true]) await assert.rejects(accounts.ask(SCOPES, { anew }), question);
    assert.equal(created, 0);
  });

  it('tell of a change', async () => {
    const accounts = editorAccounts(subscriptions);
    const heard = new Promise(resolve => accounts.onDidChange(resolve));
    changed.fire({ added: [], removed: [], changed: [] });
    assert.equal(await heard, 'microsoft');
  });
});
