import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parse, stringify } from 'yaml';
import { temporaryDirectory, until } from '../../scripts/host/processes.ts';
import { Chat } from './support/chat.ts';
import { lacks, startWorld, type World } from './support/world.ts';

interface Kubeconfig {
  contexts: { name: string; context: { user: string } }[];
  users: { name: string; user: { token?: string; exec?: unknown } }[];
}

describe('connecting to a cluster of one’s own', { skip: lacks('controlUrl') }, () => {
  const directory = temporaryDirectory('kubeconfig');
  const kubeconfig = path.join(directory.path, 'config');
  let world: World;
  let chat: Chat;
  before(async () => {
    world = await startWorld({
      name: 'connect',
      connect: 'untold',
      settings: { 'agentId.kubeconfig': kubeconfig },
      // the authority is Microsoft's here, and no test may reach it
      env: { HTTPS_PROXY: 'http://127.0.0.1:9', https_proxy: 'http://127.0.0.1:9', NO_PROXY: '127.0.0.1' },
    });
    chat = new Chat(world.workbench);
  });
  after(async () => {
    await world.close();
    directory.remove();
  });

  const step = (name: string, run: () => Promise<void>) => void test(name, context => world.step(run)(context));
  const connect = () => world.workbench.command('Agent ID: Connect…');
  /** The toast with this text, closed; its whole sentence. */
  const said = async (text: RegExp, buttons: string[]) => {
    const toast = await world.workbench.toast(text).waitFor();
    for (const name of buttons) await toast.box.getByRole('button', { name, exact: true }).waitFor();
    const sentence = await toast.text();
    await toast.close();
    return sentence;
  };
  /** Writes the sandbox's kubeconfig where the setting points to, with these of its contexts. */
  const writeContexts = (keep: (name: string) => boolean) => {
    const file = parse(readFileSync(world.connection.kubeconfig, 'utf8')) as Kubeconfig;
    writeFileSync(kubeconfig, stringify({ ...file, contexts: file.contexts.filter(({ name }) => keep(name)) }));
  };
  /**
   * Puts a credential plugin in place of the developer's token: it signs in by a code of its own, and has the token when
   * `signedIn` is called. `waits` tells whether it has been started and not answered.
   */
  const writePlugin = () => {
    const [plugin, started, go] = ['plugin', 'started', 'go'].map(name => path.join(directory.path, name)) as [
      string,
      string,
      string,
    ];
    const file = parse(readFileSync(world.connection.kubeconfig, 'utf8')) as Kubeconfig;
    const context = file.contexts.find(({ name }) => name === world.connection.context);
    const user = file.users.find(({ name }) => name === context?.context.user);
    assert.ok(context && user?.user.token);
    const apiVersion = 'client.authentication.k8s.io/v1';
    const answer = JSON.stringify({ apiVersion, kind: 'ExecCredential', status: { token: user.user.token } });
    writeFileSync(
      plugin,
      `#!/bin/sh
touch ${started}
echo 'To sign in, use a web browser to open the page https://login.example/device and enter the code ABCD-1234 to authenticate.' >&2
while [ ! -e ${go} ]; do sleep 0.1; done
echo '${answer}'
`,
    );
    chmodSync(plugin, 0o755);
    user.user = { exec: { apiVersion, command: plugin } };
    writeFileSync(kubeconfig, stringify({ ...file, contexts: [context] }));
    return {
      starts: () =>
        until(
          () => 'the plugin to start',
          async () => existsSync(started) || undefined,
        ),
      again: () => rmSync(started),
      signedIn: () => writeFileSync(go, ''),
    };
  };
  const kubernetes = (call: string, ...args: unknown[]) => world.control('/kubernetes', { do: call, args });
  const signInUnreachable = () => said(/Entra.*login\.microsoftonline\.com.*can’t be reached/, ['Sign In']);

  step('without a kubeconfig it says where it looked', async () => {
    await world.workbench.openContainer('Agent ID');
    await chat.click(/Connect to a Cluster/);
    const sentence = await said(/There is no kubeconfig file/, ['Open Settings', 'Start Sandbox']);
    assert.ok(sentence.includes(kubeconfig), sentence);
  });

  step('a single context is picked by itself, and a namespace that may not be read is named', async () => {
    const { workbench, connection } = world;
    writeContexts(name => name === connection.context);
    await kubernetes('deny', { verb: 'list', resource: 'namespaces' }); // then it can only be typed
    await connect();
    const { quickInput } = workbench;
    await quickInput.waitFor('Namespace of the agent');
    await until(
      () => 'the namespace of the context as a suggestion',
      async () => (await quickInput.field.inputValue()) === connection.namespace || undefined,
    );
    await quickInput.enter('Not A Name');
    await quickInput.waitFor('Not a namespace name');
    await quickInput.enter('kube-system');
    const sentence = await said(/You may not/, ['Show Log']);
    assert.match(sentence, /list deployments in namespace kube-system/);
    await kubernetes('allowAll');
  });

  step('offers contexts and namespaces, and says when no agent is there', async () => {
    const { workbench, connection } = world;
    writeContexts(() => true);
    await connect();
    const { quickInput } = workbench;
    await quickInput.waitFor('Cluster context');
    const contexts = await quickInput.labels();
    assert.match(contexts[0] ?? '', new RegExp(`^${connection.context}, current context`));
    await workbench.screenshot('pick-context');
    await quickInput.pick(contexts[1]?.split(',')[0] ?? '');
    await quickInput.pick('default', 'Namespace of the agent');
    await said(/There is no agent in namespace default/, ['Connect…', 'Start Sandbox']);
  });

  step('names every right that is missing, before anything is opened', async () => {
    const { workbench, connection } = world;
    await kubernetes('deny', { verb: 'list', resource: 'services' });
    await kubernetes('deny', { verb: 'create', resource: 'pods', subresource: 'portforward' });
    await connect();
    await workbench.quickInput.pick(connection.context, 'Cluster context');
    await workbench.quickInput.pick(connection.namespace, 'Namespace of the agent');
    await workbench.toast(/You may not/).waitFor();
    await workbench.screenshot('rbac-denied');
    const sentence = await said(/You may not/, ['Show Log']);
    assert.match(sentence, /list services in namespace [\w-]+, nor: create pods\/portforward\./);
    await kubernetes('allowAll');
  });

  step('shows what a credential plugin says while it waits for the person, and ends it when they cancel', async () => {
    const { workbench } = world;
    const plugin = writePlugin();
    await connect();
    await plugin.starts();
    const toast = await workbench.toast(/ABCD-1234/).waitFor();
    await toast.box.getByRole('link', { name: 'https://login.example/device' }).waitFor();
    await workbench.screenshot('credential-plugin');
    await toast.click('Cancel');
    await toast.gone();
    assert.equal(await workbench.toast(/./).box.count(), 0, 'a cancel is no error');

    plugin.again();
    await connect();
    await plugin.starts();
    await workbench.toast(/ABCD-1234/).waitFor();
    plugin.signedIn();
    await workbench.quickInput.waitFor('Namespace of the agent');
    await workbench.toast(/ABCD-1234/).gone();
    await workbench.quickInput.cancel();
    assert.deepEqual(world.outsideRequests(), [], 'the page opens only when its link is pressed');
    writeContexts(() => true);
  });

  step('asks for trust by name before it sends anything, and takes no for an answer', async () => {
    const { workbench, connection } = world;
    await connect();
    const { quickInput } = workbench;
    await quickInput.pick(connection.context, 'Cluster context');
    await quickInput.pick(connection.namespace, 'Namespace of the agent');
    await quickInput.waitFor('are not isolated from each other');
    const [agent] = connection.agents;
    await workbench.screenshot('pick-agent');
    await quickInput.pick(agent?.deployment ?? '');
    const modal = workbench.modal('Trust this cluster');
    const text = await modal.text();
    const { clusters } = parse(readFileSync(kubeconfig, 'utf8')) as { clusters: { cluster: { server: string } }[] };
    for (const name of [clusters[0]?.cluster.server, connection.tenantId, connection.blueprintAppId])
      assert.ok(text.includes(name ?? '?'), text);
    await workbench.screenshot('trust');
    await modal.click('Cancel');
    await said(/not confirmed, so nothing was sent/, ['Connect…']);
    const requests = (await world.control('/requests')) as { part: string }[];
    assert.deepEqual(
      requests.filter(({ part }) => ['entra', 'login', 'sidecar', 'gateway'].includes(part)),
      [],
    );
    await workbench.statusBar('Agent ID').waitFor();
    await (await chat.frame()).getByRole('button', { name: /Connect to a Cluster/ }).waitFor();
  });

  step('asks for the one thing that the cluster does not say, and takes no nonsense', async () => {
    const { workbench, connection } = world;
    await kubernetes('fixture', 'unannotated');
    await connect();
    const { quickInput } = workbench;
    await quickInput.pick(connection.context, 'Cluster context');
    await quickInput.pick(connection.namespace, 'Namespace of the agent');
    await quickInput.pick(connection.agents[0]?.deployment ?? '');
    await quickInput.enter('research-agent', 'The cluster does not say');
    await quickInput.waitFor('A GUID');
    await quickInput.waitFor('Agent identity (application id) of');
    await workbench.screenshot('ask-identity');
    await quickInput.cancel();
    assert.equal(await workbench.modal().box.count(), 0);
    await kubernetes('reset');
  });

  step(
    'a single agent is picked by itself; a sign-in that can’t be reached is one sentence and a next step',
    async () => {
      const { workbench, connection } = world;
      await kubernetes('fixture', 'one');
      await connect();
      await workbench.quickInput.pick(connection.context, 'Cluster context');
      await workbench.quickInput.pick(connection.namespace, 'Namespace of the agent');
      await workbench.modal('Trust this cluster').click('Trust and Connect');
      const toast = await workbench.toast(/can’t be reached/).waitFor();
      await workbench.screenshot('sign-in-unreachable');
      assert.match(
        await toast.text(),
        /Check the network, the proxy and the VPN, then sign in again\. You can fix this\.$/,
      );
      await signInUnreachable();
      await workbench.statusBar(`${connection.agents[0]?.deployment}, not signed in`).waitFor();
      await (await workbench.view('Identity').open()).row('Sidecar healthy').waitFor(); // the rest goes on
    },
  );

  step('what was used last is one press away, and is not asked to be trusted again', async () => {
    const { workbench, connection } = world;
    await connect();
    await workbench.quickInput.waitFor('Cluster context');
    const [first] = await workbench.quickInput.labels();
    assert.ok(first?.startsWith(`${connection.agents[0]?.deployment}, used last`), first);
    await workbench.screenshot('pick-used-last');
    await workbench.quickInput.field.press('Enter');
    await signInUnreachable();
    await workbench.reload();
    await workbench.statusBar(`${connection.agents[0]?.deployment}, not signed in`).waitFor();
    await workbench.openContainer('Agent ID');
    await (await chat.frame()).getByText('You are not signed in.', { exact: true }).waitFor(); // asks nobody at start
    assert.equal(await workbench.modal().box.count(), 0);
    await chat.click('Sign In');
    await signInUnreachable();
  });

  step('stops at a cluster that contradicts itself', async () => {
    const { workbench, connection } = world;
    await kubernetes('fixture', 'otherClientId');
    await connect();
    await workbench.quickInput.pick(connection.context, 'Cluster context');
    await workbench.quickInput.pick(connection.namespace, 'Namespace of the agent');
    await workbench.quickInput.pick(connection.agents[0]?.deployment ?? '');
    const sentence = await said(/names the blueprint/, ['Connect…']);
    assert.ok(sentence.includes(connection.blueprintAppId), sentence);
  });

  step('asks again for another blueprint, showing what changed; a no leaves what is connected', async () => {
    const { workbench, connection } = world;
    await kubernetes('reset');
    await kubernetes('fixture', 'secondBlueprint');
    await connect();
    await workbench.quickInput.pick(connection.context, 'Cluster context');
    await workbench.quickInput.pick(connection.namespace, 'Namespace of the agent');
    await workbench.quickInput.pick('other-agent');
    const modal = workbench.modal('not as you confirmed it');
    assert.match(await modal.text(), new RegExp(`Blueprint: \\S+ \\(until now ${connection.blueprintAppId}\\)`));
    await workbench.screenshot('trust-changed');
    await modal.click('Cancel');
    await said(/not confirmed, so nothing was sent/, ['Connect…']);
    await workbench.statusBar(`${connection.agents[0]?.deployment}, not signed in`).waitFor();
    await (await workbench.view('Identity').open()).row('Sidecar healthy').waitFor();
  });

  step('disconnects, and stays so', async () => {
    const { workbench } = world;
    await kubernetes('fixture', 'one');
    const welcome = async () => (await chat.frame()).getByRole('button', { name: /Connect to a Cluster/ }).waitFor();
    await workbench.command('Agent ID: Disconnect');
    await welcome();
    await world.page.waitForTimeout(1_000); // a workbench in a browser writes what it keeps with a delay
    await workbench.reload();
    await workbench.openContainer('Agent ID');
    await welcome();
    assert.deepEqual(world.outsideRequests(), []);
  });
});
