import type { BrowserContext, Page } from 'playwright-core';
import type { Connection } from './connection.ts';

const PERSON_MS = 300_000;

/**
 * Signs a user in with the code that the extension shows, on the login page of the endpoints, in a page of its own.
 * Where `login` is `manual` it asks the person at the terminal and gives them until the code is used or five minutes.
 */
export async function logIn(
  context: BrowserContext,
  login: Connection['login'],
  userCode: string,
  upn: string,
): Promise<void> {
  if (login === 'manual') {
    console.error(`\n>>> Sign in as ${upn} with the code ${userCode} within ${PERSON_MS / 60_000} minutes. <<<\n`);
    return;
  }
  const page = await context.newPage();
  try {
    await page.goto(login.url);
    await fillLogin(page, login, userCode, upn);
  } finally {
    await page.close();
  }
}

/** Fills the login page that is open in `page`, e.g. the tab that "Copy Code and Open Browser" opened. */
export async function fillLogin(
  page: Page,
  login: Exclude<Connection['login'], 'manual'>,
  userCode: string,
  upn: string,
): Promise<void> {
  await page.locator(`[name="${login.codeField}"]`).fill(userCode);
  const user = page.locator(`[name="${login.userField}"]`);
  if ((await user.first().getAttribute('type')) === 'radio') await user.and(page.locator(`[value="${upn}"]`)).check();
  else if ((await user.and(page.locator('select')).count()) > 0) await user.selectOption(upn);
  else await user.fill(upn);
  // the answer is there when this returns: Chromium may never close a page that is just navigating
  await Promise.all([page.waitForEvent('load'), page.locator('form').getByRole('button').first().click()]);
}
