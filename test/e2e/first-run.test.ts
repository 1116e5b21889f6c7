import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { until } from '../../scripts/host/processes.ts';
import { Chat } from './support/chat.ts';
import { fillLogin } from './support/login.ts';
import { startWorld, type World } from './support/world.ts';

const LOGIN = { url: '', codeField: 'code', userField: 'user' };
const THEMES = ['light', 'highContrast', 'highContrastLight', 'dark'] as const;

describe('the first day: nothing is configured', () => {
  let world: World;
  let chat: Chat;
  before(async () => {
    world = await startWorld({ name: 'first-run', connect: false });
    chat = new Chat(world.workbench);
  });
  after(() => world.close());

  const step = (name: string, run: () => Promise<void>) => void test(name, context => world.step(run)(context));
  const notSignedIn = () => world.workbench.statusBar(/for .+@/).waitFor({ state: 'hidden' });
  const noMessage = async () => {
    await world.page.waitForTimeout(500); // what should not come needs its chance to come
    const shown = () => world.page.locator('.notifications-toasts .notification-list-item').allInnerTexts();
    await until(
      () => 'no message',
      async () => (await shown()).length === 0 || undefined, // the progress goes with a delay; an error would stay
    );
  };
  /** Waits for the code, goes on to the page, and gives both. */
  const openPage = async (): Promise<{ code: string; page: Page }> => {
    const modal = world.workbench.modal('Your code:');
    const code = /Your code: (\S+)/.exec(await modal.text())?.[1] ?? '';
    return { code, page: await world.workbench.popup(() => modal.click('Copy Code and Open Browser')) };
  };
  const signIn = async (): Promise<string> => {
    const { code, page } = await openPage();
    const upn = await page.locator('[name=user]').inputValue();
    await fillLogin(page, LOGIN, code, upn);
    await page.getByText('Signed in').first().waitFor();
    await page.close();
    return upn;
  };
  const sandboxPid = () => Number(/(?:.*process (\d+))/s.exec(world.log())?.[1]);
  const gone = (pid: number) =>
    until(
      () => `process ${pid} to end`,
      () => {
        try {
          process.kill(pid, 0);
          return undefined;
        } catch {
          return true;
        }
      },
    );

  step('offers the three ways to begin, in the chat and in the Identity view', async () => {
    const { workbench } = world;
    await workbench.openContainer('Agent ID');
    const frame = await chat.frame();
    for (const name of [/Connect to a Cluster/, /Start the Sandbox/, /Use an API Key/])
      await frame.getByRole('button', { name }).waitFor();
    const { welcome } = await workbench.view('Identity').open();
    for (const name of ['Connect to a cluster', 'Start the sandbox', 'Use an API key'])
      await welcome.getByRole('button', { name }).waitFor();
    const servers = await workbench.view('MCP Servers').open();
    await servers.welcome.getByRole('button', { name: 'Add MCP server' }).waitFor();
    for (const theme of THEMES) {
      await world.theme(theme);
      await workbench.screenshot(`welcome-${theme}`);
    }
  });

  step('one click starts the sandbox; leaving the device code ends the sign-in without a word', async () => {
    const { workbench } = world;
    await chat.click(/Start the Sandbox/);
    await workbench.modal('Your code:').click('Cancel');
    await noMessage();
    await notSignedIn();
    await (await chat.frame()).getByRole('button', { name: /Start the Sandbox/ }).waitFor();
  });

  step('a sign-in that is declined on the page is said in one sentence', async () => {
    const { workbench } = world;
    await workbench.view('Identity').welcome.getByRole('button', { name: 'Start the sandbox' }).click();
    const { code, page } = await openPage();
    await page.locator('[name=code]').fill(code);
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('Sign-in cancelled').waitFor();
    await page.close();
    const toast = await workbench.toast(/declined/).waitFor();
    await workbench.screenshot('declined');
    assert.equal(
      await toast.text(),
      'The sign-in was declined on the page. Sign in again and choose Continue there. You can fix this.',
    );
    await toast.close();
    await workbench.statusBar(/SANDBOX · .*not signed in/).waitFor();
    await (
      await chat.frame()
    )
      .getByText('You are not signed in. The sign-in was declined on the page.', { exact: true })
      .waitFor();
  });

  step('a sign-in can be cancelled while it waits, and the code is then worth nothing', async () => {
    const { workbench } = world;
    await chat.click('Sign In');
    const { code, page } = await openPage();
    const progress = await workbench.toast('signing in').waitFor();
    assert.match(await progress.text(), new RegExp(code));
    await workbench.screenshot('signing-in');
    await progress.click('Cancel');
    await progress.gone();
    await fillLogin(page, LOGIN, code, await page.locator('[name=user]').inputValue());
    await page.close();
    await world.page.waitForTimeout(6_000); // longer than the pause between two polls
    await noMessage();
    await workbench.statusBar(/SANDBOX · .*not signed in/).waitFor();
  });

  step('signs in, and shows who acts for whom', async () => {
    const { workbench } = world;
    await chat.click('Sign In');
    const upn = await signIn();
    await workbench.statusBar(`SANDBOX · research-agent for ${upn}`).waitFor();
    await workbench.screenshot('first-run-connected');
  });

  step('offers three prompts that work: two tools at once, one tool, and one that the policy refuses', async () => {
    const { workbench } = world;
    const [two = '', one = '', refused = '', ...more] = await chat.prompts();
    assert.deepEqual(more, []);
    const begin = async (prompt: string) => {
      await workbench.command('Agent ID: New Chat');
      await chat.suggest(prompt);
    };

    await begin(two);
    for (const tool of ['microsoft_docs_search', 'web_search_exa']) await chat.answer(tool, 'Allow in This Session');
    await chat.idle();
    const text = await (await chat.log()).innerText();
    assert.match(text, /on-behalf-of/i);

    await begin(one);
    await chat.answer('microsoft_docs_search', 'Allow Once'); // a new chat asks again
    await chat.idle();
    assert.match(await (await chat.log()).innerText(), /workload identity/i);

    await begin(refused);
    await chat.answer('crawling_exa', 'Allow Once');
    const card = await chat.card('crawling_exa');
    await card
      .getByText(/policy refuses this tool/)
      .first()
      .waitFor();
    assert.match(await card.innerText(), /crawling_exa/);
    await chat.idle();
    await workbench.screenshot('first-run-refused');
  });

  step('Stop Sandbox ends it: the views are as on the first day, and no process is left', async () => {
    const { workbench } = world;
    const pid = sandboxPid();
    process.kill(pid, 0); // throws when it is not there
    await workbench.command('Agent ID: Stop Sandbox');
    await gone(pid);
    await workbench.view('Identity').welcome.getByRole('button', { name: 'Start the sandbox' }).waitFor();
    await workbench.screenshot('sandbox-stopped');
    await workbench.view('MCP Servers').welcome.waitFor();
  });

  step('and it starts again, with another sign-in; a reload of the window ends it', async () => {
    const { workbench } = world;
    await workbench.view('Identity').welcome.getByRole('button', { name: 'Start the sandbox' }).click();
    const upn = await signIn();
    await workbench.statusBar(`SANDBOX · research-agent for ${upn}`).waitFor();
    const pid = sandboxPid();
    await workbench.reload();
    await gone(pid);
    await workbench.openContainer('Agent ID');
    await (await chat.frame()).getByRole('button', { name: /Start the Sandbox/ }).waitFor();
    await notSignedIn();
  });

  step('raised no error in the browser and asked nobody outside', async () => {
    const own = (text: string) => text.startsWith('The sign-in was declined'); // the workbench logs what it shows
    assert.deepEqual(
      world.consoleErrors().filter(text => !own(text)),
      [],
    );
    assert.deepEqual(world.outsideRequests(), []);
  });
});
