import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { temporaryDirectory } from '../../scripts/host/processes.ts';
import { userToken } from './support/userToken.ts';
import { buildExtension } from './support/extraExtension.ts';
import { lacks, startWorld, type World } from './support/world.ts';

const OWN_CLIENT = 'd5e8a073-2c9f-4b16-a7d4-8f0b3c6e1952';
const WAY = 'With the editor’s Microsoft account';

// The authority is Microsoft's and out of reach: only the editor can sign anybody in. Its provider is a stand-in, whose
// token comes from the sandbox, so that everything behind the sign-in works as it would.
describe('signing in with the editor’s Microsoft account', { skip: lacks('controlUrl') }, () => {
  const directory = temporaryDirectory('editor-account');
  const kubeconfig = path.join(directory.path, 'config');
  const accountFile = path.join(directory.path, 'account.json');
  let world: World;
  before(async () => {
    const source = path.join(import.meta.dirname, 'standIns', 'editorAccount.ts');
    const standIn = await buildExtension(directory.path, source, {
      name: 'editor-account',
      activationEvents: ['onAuthenticationRequest:microsoft', 'onStartupFinished'],
      contributes: {
        authentication: [{ id: 'microsoft', label: 'Microsoft' }],
        commands: [{ command: 'standIn.removeAccount', title: 'Remove Account', category: 'Stand-in' }],
      },
    });
    world = await startWorld({
      name: 'editor-account',
      connect: 'untold',
      extensions: [standIn],
      settings: { 'agentId.kubeconfig': kubeconfig, 'agentId.clientId': OWN_CLIENT },
      env: {
        AGENT_ID_EDITOR_ACCOUNT: accountFile,
        ...{ HTTPS_PROXY: 'http://127.0.0.1:9', https_proxy: 'http://127.0.0.1:9', NO_PROXY: '127.0.0.1' },
      },
    });
    const { connection } = world;
    copyFileSync(connection.kubeconfig, kubeconfig);
    const label = connection.users[0]?.upn ?? '';
    const accessToken = await userToken(connection, OWN_CLIENT, label);
    writeFileSync(
      accountFile,
      JSON.stringify({ accessToken, account: { id: 'home', label }, signedIn: false, scopes: [] }),
    );
  });
  after(async () => {
    await world.close();
    directory.remove();
  });

  const step = (name: string, run: () => Promise<void>) => void test(name, context => world.step(run)(context));
  const account = () => JSON.parse(readFileSync(accountFile, 'utf8')) as { signedIn: boolean; scopes: string[] };
  const signedIn = () => world.workbench.statusBar(`for ${world.connection.users[0]?.upn}`).waitFor();
  const signedOut = () => world.workbench.statusBar(/not signed in/).waitFor();
  const choose = async () => {
    await world.workbench.command('Agent ID: Force Sign In');
    await world.workbench.quickInput.pick(WAY, 'How do you want to sign in?');
  };
  const connect = async () => {
    const { workbench, connection } = world;
    await workbench.command('Agent ID: Connect…');
    await workbench.quickInput.pick(connection.context, 'Cluster context');
    await workbench.quickInput.pick(connection.namespace, 'Namespace of the agent');
    await workbench.quickInput.pick(connection.agents[0]?.deployment ?? '', 'Agent');
  };

  step('is offered beside the others where the client is one’s own', async () => {
    const { workbench } = world;
    await workbench.openContainer('Agent ID');
    await connect();
    await workbench.modal('Trust this cluster').click('Trust and Connect');
    await (await workbench.toast(/can’t be reached/).waitFor()).close(); // the device code, from Microsoft
    await workbench.command('Agent ID: Force Sign In');
    await workbench.quickInput.waitFor('How do you want to sign in?');
    const labels = (await workbench.quickInput.labels()).map(label => label.split(',')[0]);
    assert.deepEqual(labels, ['With a device code', 'In the browser', WAY]);
    await workbench.screenshot('editor-account-choice');
    await world.page.keyboard.press('Escape');
  });

  step('a person who does not let us use the account has left, without a word', async () => {
    const { workbench } = world;
    await choose();
    await workbench.modal(/wants to sign in using Microsoft/).click('Cancel');
    await world.page.waitForTimeout(1000);
    assert.equal(await workbench.toast(/Microsoft account gave no token/).box.count(), 0);
    assert.equal(account().signedIn, false);
    await signedOut();
  });

  step('signs in through the editor, and everything behind it works', async () => {
    const { workbench, connection } = world;
    await choose();
    const modal = workbench.modal(/wants to sign in using Microsoft/);
    await modal.waitFor();
    await workbench.screenshot('editor-account-consent');
    await modal.click('Allow');
    await signedIn();
    assert.deepEqual(account().scopes.toSorted(), [
      `VSCODE_CLIENT_ID:${OWN_CLIENT}`,
      `VSCODE_TENANT:${connection.tenantId}`,
      connection.scope,
      'offline_access',
    ]);
    await (await workbench.view('Identity').open()).row('Connection').waitFor();
    await workbench.statusBar(connection.agents[0]?.deployment ?? '').waitFor();
    await (await workbench.view('MCP Servers').open()).row('AgentGateway').waitFor();
    await workbench.screenshot('editor-account');
  });

  step('the next window goes on without asking', async () => {
    await world.workbench.reload();
    await signedIn();
    assert.equal(await world.workbench.modal().box.count(), 0);
  });

  step('an account that is removed from the editor is signed out here', async () => {
    await world.workbench.command('Stand-in: Remove Account');
    await signedOut();
  });

  step('the way that worked is taken by Sign In; a sign-out here leaves the account in the editor', async () => {
    const { workbench } = world;
    await workbench.command('Agent ID: Sign In');
    await workbench.modal(/wants to sign in using Microsoft/).click('Allow');
    await signedIn();
    await workbench.command('Agent ID: Sign Out');
    await signedOut();
    assert.equal(account().signedIn, true);
    await workbench.reload();
    await signedOut();
    await workbench.command('Agent ID: Sign In'); // the editor has a session, and may give it to us: no question
    await signedIn();
    assert.deepEqual(world.outsideRequests(), []);
  });
});
