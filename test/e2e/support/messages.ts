import type { Locator, Page } from 'playwright-core';

/** A notification. `text` may be any part of it; progress notifications count too. */
export class Toast {
  readonly box: Locator;

  constructor(page: Page, text: string | RegExp) {
    this.box = page.locator('.notifications-toasts .notification-list-item').filter({ hasText: text }).first();
  }

  async waitFor(): Promise<this> {
    await this.box.waitFor();
    return this;
  }

  async text(): Promise<string> {
    return (await this.box.locator('.notification-list-item-message').innerText()).trim();
  }

  /** Clicks one of its buttons, after waiting for it. */
  async click(button: string): Promise<void> {
    await this.box.getByRole('button', { name: button, exact: true }).click();
  }

  async close(): Promise<void> {
    await this.box.hover();
    await this.box.locator('a.action-label[aria-label^="Clear Notification"]').click();
    await this.box.waitFor({ state: 'hidden' });
  }

  async gone(): Promise<void> {
    await this.box.waitFor({ state: 'hidden' });
  }
}

/** A modal dialog. */
export class Modal {
  readonly box: Locator;

  constructor(page: Page, text?: string | RegExp) {
    const boxes = page.locator('.monaco-dialog-box');
    this.box = text === undefined ? boxes : boxes.filter({ hasText: text });
  }

  async waitFor(): Promise<this> {
    await this.box.waitFor();
    return this;
  }

  /** Message and detail, one below the other. */
  async text(): Promise<string> {
    await this.box.waitFor();
    return (await this.box.locator('.dialog-message-container').innerText()).trim();
  }

  async buttons(): Promise<string[]> {
    return (await this.box.locator('.dialog-buttons').getByRole('button').allInnerTexts()).map(label => label.trim());
  }

  /** Clicks a button by its exact label and waits for the dialog to close. */
  async click(button: string): Promise<void> {
    await this.box.getByRole('button', { name: button, exact: true }).click();
    await this.box.waitFor({ state: 'hidden' });
  }
}
