import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Chat } from './support/chat.ts';
import { lacks, startWorld, type World } from './support/world.ts';

const TOOL = 'microsoft_docs_search';
const SEARCH = 'Search the docs for the on-behalf-of flow.';
const THEMES = ['light', 'highContrast', 'dark'] as const;
/** Short enough to end between two messages, long enough for the steps of a sign-in. */
const SHORT_S = 8;

describe(
  'a turn that needs the person, or an administrator',
  { skip: lacks('controlUrl', 'mcp', 'llmModel', 'mcpAppId') },
  () => {
    let world: World;
    let chat: Chat;
    before(async () => {
      world = await startWorld({ name: 'recovery' });
      chat = new Chat(world.workbench);
    });
    after(() => world.close());

    const step = (name: string, run: () => Promise<void>) => void test(name, context => world.step(run)(context));
    const upn = () => world.connection.users[0]?.upn ?? '';
    const useCode = async () => {
      const modal = world.workbench.modal('Your code:');
      const code = /Your code: (\S+)/.exec(await modal.text())?.[1] ?? '';
      const page = await world.workbench.popup(() => modal.click('Copy Code and Open Browser'));
      await page.close();
      await world.logIn(code, upn());
    };
    const question = async () => (await chat.log()).getByRole('article').filter({ hasText: 'Sign-in needed' });
    const shots = async (name: string) => {
      for (const theme of THEMES) {
        await world.theme(theme);
        await world.workbench.screenshot(`${name}-${theme}`);
      }
    };
    const expire = () => new Promise(resolve => setTimeout(resolve, SHORT_S * 1000));

    step('signs in with tokens that live for seconds', async () => {
      await world.control('/entra', { tokenLifetime: SHORT_S });
      await world.workbench.openContainer('Agent ID');
      await chat.click('Sign In');
      await useCode();
      await world.workbench.statusBar(`for ${upn()}`).waitFor();
      await (await world.workbench.view('MCP Servers').open()).row(TOOL).waitFor();
    });

    step('asks in place when the session was revoked, and goes on where it was', async () => {
      await world.control('/entra', { revokeRefreshTokens: true });
      await expire();
      await chat.ask(SEARCH);
      const row = await question();
      await row.getByText('Your sign-in has ended').waitFor();
      await (await chat.frame()).getByRole('button', { name: 'Stop' }).waitFor();
      await shots('ask-in-place');
      await row.getByRole('button', { name: 'Sign In Again' }).click();
      await useCode();
      await chat.answer(TOOL, 'Allow Once');
      await chat.idle();
      assert.equal(await (await question()).count(), 0, 'the row is gone');
      assert.match(await (await chat.log()).innerText(), /on-behalf-of/i);
      await world.workbench.screenshot('went-on');
    });

    step('stops with the admin’s fix when one sign-in did not help', async () => {
      await world.control('/entra', { conditionalAccess: { kind: 'mfaWithClaims', resources: ['openai'] } });
      await expire();
      await chat.ask(SEARCH);
      await (await question()).getByRole('button', { name: 'Sign In Again' }).click();
      await useCode();
      const log = await chat.log();
      await log.getByText('is still refused').first().waitFor(); // the text for the admin has it too
      await chat.idle();
      assert.match(await log.innerText(), /Entra admin/);
      assert.equal(await world.workbench.modal('Your code:').box.count(), 0);
      await shots('did-not-help');
    });

    step('finishes the turn with Try Again once it is mended', async () => {
      await world.control('/entra', { conditionalAccess: { kind: 'none' }, tokenLifetime: null });
      await chat.click('Try Again');
      await chat.answer(TOOL, 'Allow Once');
      await chat.idle();
      assert.equal(await (await chat.frame()).getByRole('button', { name: 'Try Again' }).count(), 0);
      await world.workbench.screenshot('tried-again');
    });
  },
);
