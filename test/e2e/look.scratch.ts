import { startWorld } from './support/world.ts';
const world = await startWorld({ name: 'look' });
try {
  const w = world.workbench;
  await w.openContainer('Agent ID');
  await world.page.waitForTimeout(6000);
  await w.screenshot('look-1-start');
  await w.command('Agent ID: Sign In');
  await world.page.waitForTimeout(4000);
  await w.screenshot('look-2-code');
  const modal = w.modal();
  const text = await modal.text();
  console.error(text);
  const code = /code: (\S+)/.exec(text)?.[1] ?? '';
  const page = await w.popup(() => modal.click('Copy Code and Open Browser'));
  await page.waitForTimeout(1000);
  await page.screenshot({ path: 'out/screenshots/look-3-login.png' });
  await world.logIn(code);
  await world.page.waitForTimeout(9000);
  await w.screenshot('look-4-connected');
  const chat = await w.webview('chat');
  await chat
    .getByRole('textbox', { name: 'Message' })
    .fill('Search the docs for the on-behalf-of flow and the web for agent identity.');
  await chat.getByRole('button', { name: 'Send' }).click();
  await world.page.waitForTimeout(3000);
  await w.screenshot('look-5-approval');
  for (let i = 0; i < 2; i++) {
    await chat
      .getByRole('button', { name: /Allow once/i })
      .first()
      .click({ timeout: 5000 })
      .catch(e => console.error(String(e)));
  }
  await world.page.waitForTimeout(4000);
  await w.screenshot('look-6-answer');
  await w.command('Agent ID: Show Tokens');
  await world.page.waitForTimeout(3000);
  await w.screenshot('look-7-tokens');
  await w.command('Agent ID: Show Configuration');
  await world.page.waitForTimeout(2000);
  await w.screenshot('look-8-configuration');
  console.error(world.consoleErrors(), world.outsideRequests());
} catch (e) {
  console.error(e);
  await world.workbench.screenshot('look-error');
  console.error(world.log().slice(-3000));
} finally {
  await world.close();
}
