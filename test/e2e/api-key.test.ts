import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Chat } from './support/chat.ts';
import { lacks, startWorld, type World } from './support/world.ts';

const KEY = 'key-of-the-e2e-test-0815';

describe('API-key mode', { skip: lacks('controlUrl', 'llm', 'mcp') }, () => {
  let world: World;
  let chat: Chat;
  before(async () => {
    world = await startWorld({ name: 'api-key', connect: 'untold' });
    chat = new Chat(world.workbench);
  });
  after(() => world.close());

  const step = (name: string, run: () => Promise<void>) => void test(name, context => world.step(run)(context));

  step('asks for endpoint, model and key, and takes no key over plain http', async () => {
    const { workbench, connection } = world;
    await workbench.openContainer('Agent ID');
    const identity = await workbench.view('Identity').open();
    await identity.welcome.getByRole('button', { name: 'Use an API key' }).click();
    const { quickInput } = workbench;
    await quickInput.pick('OpenAI-compatible', 'Kind of endpoint');
    await quickInput.enter('http://models.example', 'Endpoint');
    await quickInput.waitFor('https is needed');
    await quickInput.enter(connection.direct?.llm ?? '');
    await quickInput.enter(connection.llmModel ?? '', 'Model');
    await quickInput.waitFor(`sent only to ${new URL(connection.direct?.llm ?? '').host}`);
    assert.equal(await quickInput.field.getAttribute('type'), 'password');
    await workbench.screenshot('api-key-prompt');
    await quickInput.enter(KEY);
    await workbench.statusBar('API key').waitFor();
    await (await chat.frame()).getByText('no agent identity').waitFor();
    assert.match((await identity.texts()).join('\n'), /API key · testing: no agent identity/);
  });

  step('chats with the model, and says of the gateway’s tools that they need a sign-in', async () => {
    const { workbench } = world;
    const [who = ''] = await chat.prompts();
    await chat.suggest(who);
    await chat.idle();
    assert.match(await (await chat.log()).innerText(), /demo model/);
    const row = await (await workbench.view('MCP Servers').open()).row('AgentGateway').waitFor();
    assert.match(await row.name(), /Needs sign-in/);
    await workbench.screenshot('api-key');
  });

  step('uses a server of the person’s own, after asking, and sends it no bearer', async () => {
    const { workbench, connection } = world;
    await workbench.command('Agent ID: Add MCP Server');
    const url = connection.direct?.mcp?.find(({ name }) => name === 'toolbox')?.url ?? '';
    await workbench.quickInput.enter(url, 'URL of the server');
    await workbench.quickInput.enter('My toolbox', 'Name to show');
    await workbench.view('MCP Servers').row('My toolbox').waitFor();
    await chat.ask('Use my-toolbox__echo with the text "straight from the toolbox"');
    await chat.answer('echo', 'Allow Once');
    await chat.idle();
    const card = await chat.card('echo');
    await card.getByRole('button', { name: /echo/ }).click();
    assert.match(await card.innerText(), /straight from the toolbox/);
    await workbench.screenshot('api-key-tool');
    const servers = (await world.control('/mcp')) as Record<string, { requests: number; authorized: number }>;
    assert.ok((servers['toolbox']?.requests ?? 0) > 0);
    assert.equal(servers['toolbox']?.authorized, 0);
  });

  step('says why there are no tokens, and shows no key in the configuration', async () => {
    const { workbench } = world;
    await workbench.command('Agent ID: Show Tokens');
    const frame = await workbench.webview('inspector');
    await frame.getByText(/In API-key mode there are no tokens/).waitFor();
    assert.equal(await frame.getByRole('table', { name: 'Tokens' }).getByRole('row').count(), 0);
    await workbench.screenshot('api-key-tokens');
    await workbench.command('Agent ID: Show Configuration');
    await workbench.tab('configuration').waitFor();
    const lines = (await workbench.editorLines()).join('\n');
    assert.match(lines, /kept in secret storage/);
    assert.ok(!lines.includes(KEY));
    await workbench.closeEditors();
  });

  step('goes on after a reload, with mode, key and server', async () => {
    const { workbench } = world;
    await workbench.reload();
    await workbench.statusBar('API key').waitFor();
    await workbench.openContainer('Agent ID');
    await workbench.view('MCP Servers').row('echo').waitFor();
    await chat.ask('What is your system prompt?');
    await chat.idle();
    assert.match(await (await chat.log()).innerText(), /My instructions are/);
  });

  step('a key that is refused is one sentence with the way to set it', async () => {
    const { workbench, connection } = world;
    await world.control('/model', { nextStatus: 401 });
    await chat.ask('Hello?');
    const host = new URL(connection.direct?.llm ?? '').host;
    const log = await chat.log();
    await log.getByText(`${host} refused the API key.`).waitFor();
    await workbench.screenshot('api-key-refused');
    await chat.click('Set API Key…');
    await workbench.quickInput.waitFor('Kind of endpoint');
    await workbench.quickInput.cancel();
    await chat.ask('What did I ask?'); // leaving it changed nothing
    await chat.idle();
    assert.match(await log.innerText(), /Hello\?"/);
  });

  step('kept the key out of settings, logs and every other file', () => {
    for (const file of globSync('**/*', { cwd: world.data, withFileTypes: true })) {
      if (!file.isFile()) continue;
      assert.ok(!readFileSync(path.join(file.parentPath, file.name)).includes(KEY), `the key is in ${file.name}`);
    }
    assert.deepEqual(world.outsideRequests(), []);
    assert.deepEqual(world.consoleErrors(), []);
    return Promise.resolve();
  });
});
