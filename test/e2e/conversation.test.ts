import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { until } from '../../scripts/host/processes.ts';
import { Chat } from './support/chat.ts';
import { lacks, startWorld, type World } from './support/world.ts';

const SEARCH = 'Search the docs for the on-behalf-of flow.';
const TOOL = 'microsoft_docs_search';
const THEMES = ['light', 'highContrast', 'highContrastLight', 'dark'] as const;

describe(
  'a conversation and what can happen to it',
  { skip: lacks('controlUrl', 'mcp', 'llmModel', 'mcpAppId') },
  () => {
    let world: World;
    let chat: Chat;
    before(async () => {
      world = await startWorld({ name: 'conversation' });
      chat = new Chat(world.workbench);
    });
    after(() => world.close());

    const step = (name: string, run: () => Promise<void>) => void test(name, context => world.step(run)(context));
    /** Takes the code from the modal and uses it as this user. */
    const useCode = async (upn: string) => {
      const modal = world.workbench.modal('Your code:');
      const code = /Your code: (\S+)/.exec(await modal.text())?.[1] ?? '';
      const page = await world.workbench.popup(() => modal.click('Copy Code and Open Browser'));
      await page.close();
      await world.logIn(code, upn);
    };
    const servers = () => world.workbench.view('MCP Servers');
    const user = (index: number) => world.connection.users[index]?.upn ?? '';

    step('signs in from the chat', async () => {
      const { workbench } = world;
      await workbench.openContainer('Agent ID');
      await chat.click('Sign In');
      await useCode(user(0));
      await workbench.statusBar(`for ${user(0)}`).waitFor();
      await (await servers().open()).row(TOOL).waitFor();
    });

    step('copies a raw token only after a question', async () => {
      const { workbench } = world;
      const identity = await workbench.view('Identity').open();
      await (await identity.row('Tokens').expand()).row.hover();
      await workbench.page.mouse.wheel(0, 400); // the list shows no more rows than fit
      const row = identity.row('T2 (MCP)');
      await workbench.page.evaluate('navigator.clipboard.writeText("mine")');
      await row.contextMenu('Copy Raw Token…');
      await workbench.modal('Copy the raw T2 (MCP)?').click('Cancel');
      assert.equal(await workbench.clipboard(), 'mine');
      await row.contextMenu('Copy Raw Token…');
      await workbench.screenshot('copy-token');
      await workbench.modal('Copy the raw T2 (MCP)?').click('Copy');
      await until(
        () => 'the token',
        async () => /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/.test(await workbench.clipboard()) || undefined,
      );
    });

    step('stops in the middle of a long answer, and goes on with what was said', async () => {
      await world.control('/model', { chunkDelay: 40 });
      await chat.ask('Give me a long answer.');
      const log = await chat.log();
      await log.getByText(/sentence 5 of/).waitFor();
      await chat.click('Stop');
      await chat.idle();
      await log.getByText('Stopped. The answer is incomplete.').waitFor();
      assert.doesNotMatch(await log.innerText(), /sentence 150 of/);
      await world.workbench.screenshot('stopped');
      await world.control('/model', {});
      await chat.ask('What did I ask?');
      await chat.idle();
      await log.getByText('Before this you asked: "Give me a long answer."').waitFor();
    });

    step('a call can be rejected with a reason, which the model is told', async () => {
      await chat.ask(SEARCH);
      await chat.answer(TOOL, 'Reject…');
      const card = await chat.card(TOOL);
      const reason = card.getByRole('textbox', { name: /Reason/ });
      await reason.fill('not today, please');
      await world.workbench.screenshot('reject');
      await reason.press('Enter');
      await chat.idle();
      await card.getByText('Rejected', { exact: true }).waitFor();
      assert.match(await (await chat.log()).innerText(), /not today, please/);
      await world.workbench.screenshot('rejected');
    });

    step('a call that waits survives that the view goes and comes back, and ends with Stop', async () => {
      const { workbench } = world;
      await chat.ask(SEARCH);
      const waiting = async () => (await chat.card(TOOL)).getByText('Waiting for approval').waitFor();
      await waiting();
      await workbench.command('View: Show Explorer');
      await until(
        () => 'the chat to be gone',
        async () => !(await workbench.hasWebview('chat')) || undefined,
      );
      await workbench.openContainer('Agent ID');
      await waiting();
      assert.match(await (await chat.log()).innerText(), /not today, please/); // the conversation is all there
      await chat.click('Stop');
      await chat.idle();
      await (await chat.card(TOOL)).getByText('Cancelled', { exact: true }).waitFor();
      await chat.ask(SEARCH); // the history that is left is valid
      await chat.answer(TOOL, 'Allow Once');
      await chat.idle();
      await (await chat.card(TOOL)).getByText('Done', { exact: true }).waitFor();
    });

    step('a server can be turned off and on', async () => {
      const row = servers().row('AgentGateway');
      await row.action('Disable MCP Server');
      await until(
        () => 'the server to be off',
        async () => (await row.description()).startsWith('disabled') || undefined,
      );
      await chat.ask(SEARCH);
      await chat.idle();
      assert.match(await (await chat.log()).innerText(), /I was offered no tools/);
      await row.action('Enable MCP Server');
      await servers().row(TOOL).waitFor();
    });

    step('looks right in every theme', async () => {
      const { workbench } = world;
      await chat.ask('Search the docs for the on-behalf-of flow and the web for agent identity.');
      await chat.answer(TOOL, 'Allow Once');
      await (await chat.card('web_search_exa')).getByText('Waiting for approval').waitFor();
      await workbench.command('Agent ID: Show Tokens');
      const frame = await workbench.webview('inspector');
      await frame.getByRole('region', { name: 'T2 (MCP) claims' }).waitFor();
      for (const theme of THEMES) {
        await world.theme(theme);
        await workbench.screenshot(`views-${theme}`);
      }
      await chat.click('Stop');
      await chat.idle();
    });

    step('cleared the token from the clipboard after half a minute', async () => {
      await until(
        () => 'an empty clipboard',
        async () => (await world.workbench.clipboard()) === '' || undefined,
        35_000,
      );
    });

    step('signs in as another user, unless that is cancelled', async () => {
      const { workbench } = world;
      const anew = async () => {
        await workbench.command('Agent ID: Force Sign In');
        await workbench.quickInput.pick('With a device code');
      };
      await anew();
      await workbench.modal('Your code:').click('Cancel');
      await workbench.statusBar(`for ${user(0)}`).waitFor();
      await anew();
      await useCode(user(1));
      await workbench.statusBar(`for ${user(1)}`).waitFor();
      await until(
        () => 'the user in the Identity view',
        async () => (await workbench.view('Identity').row('User').description()) === user(1) || undefined,
      );
      const table = (await workbench.webview('inspector')).getByRole('table', { name: 'Tokens' });
      for (const label of ['T2 (Azure OpenAI)', 'T2 (MCP)'])
        await table
          .getByRole('row')
          .filter({ hasText: label })
          .filter({ hasText: user(1) })
          .waitFor();
      assert.ok(!(await table.innerText()).includes(user(0)));
      await chat.ask(SEARCH);
      const card = await chat.card(TOOL);
      await card.getByText(`for ${user(1)}`).waitFor(); // and asks again: the yes was another user's
      await card.getByRole('button', { name: 'Allow Once' }).click();
      await chat.idle();
    });

    step('a server that is dead at start says so, and Refresh heals it', async () => {
      const { workbench, connection } = world;
      const url = connection.direct?.mcp?.find(({ name }) => name === 'toolbox')?.url ?? '';
      await workbench.command('Agent ID: Add MCP Server');
      await workbench.quickInput.enter(url, 'URL of the server');
      await workbench.quickInput.enter('My toolbox', 'Name to show');
      await workbench.toast('Added My toolbox').waitFor();
      await world.control('/mcp', { server: 'toolbox', down: true });
      await workbench.reload();
      await workbench.openContainer('Agent ID');
      await workbench.statusBar(`for ${user(1)}`).waitFor({ timeout: 40_000 });
      await servers().row(TOOL).waitFor(); // the others are there
      await servers().row('AgentGateway').click();
      await workbench.page.keyboard.press('ArrowLeft'); // folded, so that the other one is in sight
      const row = await servers().row('My toolbox').waitFor();
      await until(
        () => 'the reason',
        async () => /503/.test(await row.name()) || undefined,
      );
      await workbench.screenshot('dead-server');
      await world.control('/mcp', { server: 'toolbox', down: false });
      await row.action('Refresh MCP Servers');
      await until(
        () => 'the server to be back',
        async () => (await row.description()).startsWith('6 tools') || undefined,
      );
    });

    step('raised no error in the browser and asked nobody outside', () => {
      assert.deepEqual(world.consoleErrors(), []);
      assert.deepEqual(world.outsideRequests(), []);
      return Promise.resolve();
    });
  },
);
