import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { Chat } from './support/chat.ts';
import { fillLogin } from './support/login.ts';
import { lacks, startWorld, type World } from './support/world.ts';

const THEMES = ['light', 'highContrast', 'highContrastLight', 'dark'] as const;
const BROWSER = 'Sign In with the Browser';

describe('signing in another way', { skip: lacks('controlUrl') }, () => {
  let world: World;
  let chat: Chat;
  before(async () => {
    world = await startWorld({ name: 'sign-in' });
    chat = new Chat(world.workbench);
  });
  after(() => world.close());

  const step = (name: string, run: () => Promise<void>) => void test(name, context => world.step(run)(context));
  const upn = (index: number) => world.connection.users[index]?.upn ?? '';
  const signedIn = (index: number) => world.workbench.statusBar(`for ${upn(index)}`).waitFor();
  /** On Entra's page: chooses a user and goes on, up to the form that leads back. */
  const choose = async (page: Page, index: number) => {
    await page.locator('[name=user]').selectOption(upn(index));
    await Promise.all([page.waitForEvent('load'), page.getByRole('button', { name: 'Continue' }).click()]);
  };
  /** Presses the button that a browser with scripts presses by itself; the page on which the sign-in ends. */
  const goBack = async (page: Page) => {
    await Promise.all([page.waitForEvent('load'), page.getByRole('button', { name: 'Continue' }).click()]);
    await page.getByText('You can close this page').waitFor();
  };

  step('a device code that a policy blocks ends in one sentence, with the ways that are left', async () => {
    const { workbench } = world;
    const { login } = world.connection;
    if (login === 'manual') throw new Error('a sandbox has a login page');
    await workbench.openContainer('Agent ID');
    await world.control('/entra', { deviceCode: 'blocked', deviceCodeInterval: 1 });
    await chat.click('Sign In');
    const modal = workbench.modal('Your code:');
    const code = /Your code: (\S+)/.exec(await modal.text())?.[1] ?? '';
    const page = await workbench.popup(() => modal.click('Copy Code and Open Browser'));
    await fillLogin(page, login, code, upn(0));
    await page.getByText('530036').waitFor();
    await page.close();
    await world.control('/entra', { deviceCode: 'expired' }); // nobody wants to wait for it
    const toast = await workbench.toast(/The code expired/).waitFor();
    const buttons = await toast.box.getByRole('button').allInnerTexts();
    assert.deepEqual(
      buttons.map(label => label.trim()).filter(label => /Sign In|Use/.test(label)),
      ['Use a Device Code', BROWSER],
    );
    await workbench.screenshot('sign-in-blocked');
  });

  step('the browser takes its place, and its page can be closed then', async () => {
    const { workbench } = world;
    const toast = workbench.toast(/The code expired/);
    const page = await workbench.popup(() => toast.click(BROWSER));
    const progress = await workbench.toast('signing in').waitFor();
    assert.match(await progress.text(), /go on in the browser, at 127\.0\.0\.1:\d+/);
    await workbench.screenshot('sign-in-browser');
    await choose(page, 0);
    await goBack(page);
    await workbench.screenshot('sign-in-browser-done');
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: `out/screenshots/sign-in-close-${colorScheme}.png` });
    }
    await page.close();
    await signedIn(0);
    await progress.gone();
  });

  step('Force Sign In lets the person choose the way, and becomes somebody else', async () => {
    const { workbench } = world;
    await workbench.command('Agent ID: Force Sign In');
    const { quickInput } = workbench;
    await quickInput.waitFor('How do you want to sign in?');
    assert.deepEqual(
      (await quickInput.labels()).map(label => label.split(',')[0]?.trim()),
      ['With a device code', 'In the browser'],
    );
    const page = await workbench.popup(() => quickInput.pick('In the browser'));
    await choose(page, 1);
    await goBack(page);
    await page.close();
    await signedIn(1);
  });

  step('and offers who else is signed in here: a switch needs no page', async () => {
    const { workbench } = world;
    for (const theme of THEMES) {
      await world.theme(theme);
      await workbench.command('Agent ID: Force Sign In');
      await workbench.quickInput.waitFor(upn(0));
      await workbench.screenshot(`sign-in-choice-${theme}`);
      if (theme !== 'dark') await world.page.keyboard.press('Escape');
    }
    await workbench.quickInput.pick(upn(0));
    await signedIn(0);
    await workbench.reload();
    await signedIn(0); // the one who was chosen, not the one who signed in last
  });

  step('the way that worked is the first one next time; a cancel there ends it at once', async () => {
    const { workbench } = world;
    await workbench.command('Agent ID: Sign Out');
    await workbench.statusBar(/not signed in/).waitFor();
    const page = await workbench.popup(() => chat.click('Sign In'));
    const progress = await workbench.toast('signing in').waitFor();
    await choose(page, 0);
    await progress.click('Cancel');
    await progress.gone();
    await Promise.all([
      page.waitForEvent('framenavigated').catch(() => {}),
      page.getByRole('button', { name: 'Continue' }).click(),
    ]);
    assert.equal(await page.getByText('You can close this page').count(), 0, 'nobody listens any more');
    await page.close();
    await world.page.waitForTimeout(1000);
    await workbench.statusBar(/not signed in/).waitFor();
  });

  step('while Connect asks in one way, another takes its place, and it connects', async () => {
    const { workbench } = world;
    const { login, agents } = world.connection;
    if (login === 'manual') throw new Error('a sandbox has a login page');
    await world.control('/entra', { deviceCode: 'normal' });
    await workbench.command('Agent ID: Connect…');
    const browser = await workbench.popup(() => workbench.quickInput.pick(agents[0]?.deployment ?? ''));
    const progress = await workbench.toast(/go on in the browser/).waitFor();
    await workbench.command('Agent ID: Force Sign In');
    await workbench.quickInput.pick('With a device code');
    const modal = workbench.modal('Your code:');
    const code = /Your code: (\S+)/.exec(await modal.text())?.[1] ?? '';
    await progress.gone();
    await workbench.screenshot('sign-in-instead');
    const page = await workbench.popup(() => modal.click('Copy Code and Open Browser'));
    await fillLogin(page, login, code, upn(0));
    await page.close();
    await browser.close();
    await signedIn(0);
    await workbench.toast('signing in').gone();
  });

  step('left no code and no token in the log or on disk', async () => {
    assert.doesNotMatch(world.log(), /eyJ[\w-]+\.|code=|client_info=/);
    assert.deepEqual(world.outsideRequests(), []);
  });
});
