import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { until } from '../../scripts/host/processes.ts';
import { type Capability, lacks, startWorld, type World } from './support/world.ts';

const TWO_TOOLS = 'Search the docs for the on-behalf-of flow and the web for agent identity.';

describe('the whole story, as a person does it', () => {
  let world: World;
  before(async () => {
    world = await startWorld({ name: 'story' });
  });
  after(() => world.close());

  const needs =
    (...what: Capability[]) =>
    (name: string, run: () => Promise<void>) =>
      void test(name, { skip: lacks(...what) }, context => world.step(run)(context));
  const step = needs();
  const turn = needs('llmModel', 'mcpAppId');
  const chat = () => world.workbench.webview('chat');
  const ask = async (text: string) => {
    const frame = await chat();
    await frame.getByRole('textbox', { name: 'Message' }).fill(text);
    await frame.getByRole('button', { name: 'Send' }).click();
  };
  const answered = async () => (await chat()).getByRole('button', { name: 'Send' }).waitFor();

  step('connects to the cluster and asks to sign in', async () => {
    const { workbench } = world;
    await workbench.openContainer('Agent ID');
    const simulated = new URL(world.connection.authority).hostname === '127.0.0.1';
    await workbench.statusBar(simulated ? /SANDBOX · .*not signed in/ : /not signed in/).waitFor();
    await (await chat()).getByRole('button', { name: 'Sign In' }).waitFor();
    await workbench.screenshot('not-signed-in');
  });

  step('signs in with a device code on the page of the authority', async () => {
    const { workbench, connection } = world;
    await (await chat()).getByRole('button', { name: 'Sign In' }).click();
    const modal = workbench.modal('Your code:');
    const code = /Your code: (\S+)/.exec(await modal.text())?.[1] ?? '';
    assert.match(code, /^[A-Z0-9]{8,9}$/);
    await workbench.screenshot('device-code');
    const opened = await workbench.popup(() => modal.click('Copy Code and Open Browser'));
    await opened.waitForLoadState(); // the editor opened the page, nothing is stubbed
    if (connection.login !== 'manual') await opened.getByText('SANDBOX').first().waitFor();
    await opened.close();
    await until(
      () => 'the code in the clipboard',
      async () => (await workbench.clipboard()) === code || undefined,
    );
    await world.logIn(code);
    const [agent, user] = [connection.agents[0], connection.users[0]];
    await workbench.statusBar(`${agent?.deployment} for ${user?.upn}`).waitFor({ timeout: 40_000 });
    await workbench.screenshot('connected');
  });

  turn('ticks off each step, and shows who acts for whom', async () => {
    const identity = await world.workbench.view('Identity').open();
    const description = async (label: string) => (await identity.row(label).waitFor()).description();
    assert.equal(await description('User'), world.connection.users[0]?.upn);
    assert.equal(await description('Agent'), world.connection.agents[0]?.deployment);
    assert.match(await description('Connection'), /5 of 5/);
  });

  needs('mcpAppId')('lists the tools of both targets, and says which one the policy hides', async () => {
    const servers = await world.workbench.view('MCP Servers').open();
    for (const label of ['microsoft', 'exa-ai', 'microsoft_docs_search', 'web_search_exa'])
      await servers.row(label).waitFor();
    await servers.row('exa-ai').row.hover();
    await world.page.mouse.wheel(0, 400); // the list shows no more rows than fit
    const hidden = await servers.row('crawling_exa').waitFor();
    assert.match(await hidden.name(), /denied by policy.*mcp\.tool\.name/);
    await world.workbench.screenshot('tools');
  });

  turn('answers a prompt from two tools of two targets, after asking for each', async () => {
    await ask(TWO_TOOLS);
    const frame = await chat();
    for (const tool of ['microsoft_docs_search', 'web_search_exa']) {
      await frame
        .getByRole('group', { name: `Tool ${tool}` })
        .getByText('Waiting for approval')
        .waitFor();
    }
    await world.workbench.screenshot('approval');
    for (const tool of ['microsoft_docs_search', 'web_search_exa']) {
      await frame
        .getByRole('group', { name: `Tool ${tool}` })
        .getByRole('button', { name: 'Allow Once' })
        .click();
    }
    await answered();
    const log = frame.getByRole('log', { name: 'Conversation' });
    await log.getByText('demo model').last().waitFor();
    const text = await log.innerText();
    assert.match(text, /on-behalf-of/i);
    assert.match(text, /agent identity|agent/i);
    await world.workbench.screenshot('answer');
  });

  turn('refuses a hidden tool with the clause of the policy that does it', async () => {
    await ask('Use exa-ai_crawling_exa to read https://example.com/agents');
    const card = (await chat()).getByRole('group', { name: 'Tool crawling_exa' });
    await card
      .getByText(/policy will refuse/)
      .first()
      .waitFor();
    await card.getByRole('button', { name: 'Allow Once' }).click();
    await card
      .getByText(/policy refuses this tool/)
      .first()
      .waitFor();
    assert.match(await card.innerText(), /mcp\.tool\.name/);
    await answered();
    await world.workbench.screenshot('refused');
  });

  turn('left a receipt for each call, and no token on disk', async () => {
    const files = globSync('**/receipts.jsonl', { cwd: world.data });
    const receipts = files.flatMap(file => readFileSync(path.join(world.data, file), 'utf8').trimEnd().split('\n'));
    assert.equal(receipts.length, 3);
    assert.match(receipts[2] ?? '', /"decision":"denied"/);
    for (const file of globSync('**/*', { cwd: world.data, withFileTypes: true })) {
      if (!file.isFile()) continue;
      const text = readFileSync(path.join(file.parentPath, file.name), 'utf8');
      assert.doesNotMatch(text, /eyJ[\w-]{16,}\.eyJ[\w-]{16,}\./, `a token is in ${file.name}`);
    }
  });

  turn('shows each token with the right claims', async () => {
    const { workbench, connection } = world;
    await workbench.command('Agent ID: Show Tokens');
    const frame = await workbench.webview('inspector');
    const table = frame.getByRole('table', { name: 'Tokens' });
    const row = (label: string) => table.getByRole('row').filter({ hasText: label });
    for (const label of ['User token (Tc)', 'T2 (Azure OpenAI)', 'T2 (MCP)'])
      await row(label).getByText('OK', { exact: true }).waitFor();
    const [agent, user] = [connection.agents[0], connection.users[0]];
    assert.match(await row('User token (Tc)').innerText(), new RegExp(connection.blueprintAppId));
    const llm = await row('T2 (Azure OpenAI)').innerText();
    for (const value of ['https://cognitiveservices.azure.com', user?.upn, agent?.appId])
      assert.ok(llm.includes(value ?? '?'), llm);
    const mcp = await row('T2 (MCP)').innerText();
    for (const value of [`api://${connection.mcpAppId}`, user?.upn, agent?.appId])
      assert.ok(mcp.includes(value ?? '?'), mcp);
    const tc = frame.getByRole('region', { name: 'User token (Tc) claims' });
    assert.match(await tc.getByRole('row').filter({ hasText: 'xms_act_fct' }).innerText(), /absent/);
    assert.match(
      await tc
        .getByRole('row')
        .filter({ hasText: /^appid/ })
        .innerText(),
      /absent[\s\S]*version 2\.0/,
    );
    const claims = frame.getByRole('region', { name: 'T2 (MCP) claims' });
    assert.match(await claims.getByRole('row').filter({ hasText: 'xms_act_fct' }).innerText(), /\b11\b/);
    await workbench.screenshot('token-inspector');
    assert.doesNotMatch(await frame.locator('body').innerText(), /eyJ/);
  });

  step('shows the configuration with the source of each value', async () => {
    const { workbench, connection } = world;
    await workbench.command('Agent ID: Show Configuration');
    await workbench.tab('configuration').waitFor();
    const lines = (await workbench.editorLines()).join('\n');
    assert.match(lines, new RegExp(`agent identity +${connection.agents[0]?.appId} .*annotation`));
    await workbench.screenshot('configuration');
    await workbench.closeEditors();
  });

  needs('mcp')('adds a server of the person’s own, which gets no policy, and removes it', async () => {
    const { workbench, connection } = world;
    const own = connection.direct?.mcp?.find(server => server.name === 'toolbox');
    assert.ok(own);
    await workbench.command('Agent ID: Add MCP Server');
    await workbench.quickInput.enter('ftp://nonsense', 'streamable HTTP');
    await workbench.quickInput.waitFor('not an http or https URL');
    await workbench.quickInput.enter(own.url);
    await workbench.quickInput.enter('My toolbox', 'Name to show');
    await workbench.toast(/Added My toolbox.*no gateway policy/).waitFor();
    const servers = workbench.view('MCP Servers');
    const row = await servers.row('My toolbox').waitFor();
    assert.match(await row.description(), /direct: no gateway policy/);
    await workbench.screenshot('own-server');
    await row.contextMenu('Remove MCP Server…');
    await workbench.modal('Remove the MCP server').click('Remove');
    await row.row.waitFor({ state: 'hidden' });
  });

  step('clears the conversation', async () => {
    const { workbench } = world;
    await workbench.command('Agent ID: Clear Conversation');
    const frame = await chat();
    await frame.getByText('What should the agent do?').waitFor();
    assert.equal(await frame.getByRole('group', { name: /^Tool / }).count(), 0);
  });

  needs('secondAgent', 'mcpAppId')('another agent connects and is refused every tool, with the reason', async () => {
    const { workbench, connection } = world;
    const refused = connection.agents[1]?.deployment ?? '';
    await workbench.command('Agent ID: Select Agent');
    await workbench.quickInput.pick(refused, 'ServiceAccount');
    await workbench.statusBar(`${refused} for `).waitFor();
    const none = await workbench.view('MCP Servers').row('No tool is allowed').waitFor();
    assert.match(await none.name(), /appid/);
    const log = (await chat()).getByRole('log', { name: 'Conversation' });
    await log.getByText(new RegExp(`lists no tools for ${refused}.*appid`)).waitFor();
    await log.getByRole('button', { name: 'Show Tokens' }).waitFor();
    await workbench.screenshot('refused-agent');
    await workbench.command('Agent ID: Select Agent');
    await workbench.quickInput.pick(connection.agents[0]?.deployment ?? '');
    await workbench.statusBar(`${connection.agents[0]?.deployment} for `).waitFor();
    await workbench.view('MCP Servers').row('web_search_exa').waitFor();
    await log.getByText(/lists no tools/).waitFor({ state: 'hidden' });
  });

  step('goes on silently after a reload of the window', async () => {
    const { workbench, connection } = world;
    await workbench.reload();
    await workbench
      .statusBar(`${connection.agents[0]?.deployment} for ${connection.users[0]?.upn}`)
      .waitFor({ timeout: 40_000 });
  });

  turn('and answers as before', async () => {
    const { workbench } = world;
    await workbench.openContainer('Agent ID');
    await ask('Search the docs for workload identity federation.');
    const card = (await chat()).getByRole('group', { name: 'Tool microsoft_docs_search' });
    await card.getByRole('button', { name: 'Allow in This Session' }).click();
    await answered();
    await workbench.screenshot('after-reload');
  });

  step('signs out', async () => {
    const { workbench } = world;
    await workbench.command('Agent ID: Sign Out');
    await workbench.statusBar('not signed in').waitFor();
    await workbench.reload();
    await workbench.statusBar(/not signed in/).waitFor({ timeout: 40_000 });
  });

  step('raised no error in the browser and asked nobody outside', async () => {
    await until(
      () => 'a quiet console',
      async () => world.consoleErrors().length === 0 || undefined,
    );
    assert.deepEqual(world.outsideRequests(), []);
  });
});
