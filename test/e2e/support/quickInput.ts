import type { Locator, Page } from 'playwright-core';

/** VS Code's one widget for the command palette, quick picks and input boxes. */
export class QuickInput {
  readonly #page: Page;
  readonly box: Locator;
  readonly field: Locator;

  constructor(page: Page) {
    this.#page = page;
    this.box = page.locator('.quick-input-widget');
    this.field = this.box.locator('input.input');
  }

  /** The rows on screen; the list is virtual, so a long one needs a filter first. */
  rows(): Locator {
    return this.box.locator('.quick-input-list .monaco-list-row');
  }

  /** Accessible names of the rows: label, then description and detail, with commas between them. */
  async labels(): Promise<string[]> {
    await this.rows().first().waitFor();
    const rows = await this.rows().all();
    return Promise.all(rows.map(async row => (await row.getAttribute('aria-label')) ?? ''));
  }

  /** Waits for a quick pick with this text in title or placeholder, and picks the row whose name starts with `label`. */
  async pick(label: string, where?: string): Promise<void> {
    if (where !== undefined) await this.waitFor(where);
    await this.rows()
      .and(this.#page.locator(`[aria-label^=${quoted(label)}]`))
      .first()
      .click();
  }

  /** Ticks rows of a pick that allows several, then accepts. */
  async pickMany(labels: string[]): Promise<void> {
    for (const label of labels)
      await this.box.locator(`.monaco-list-row[aria-label^=${quoted(label)}] input[type=checkbox]`).check();
    await this.field.press('Enter');
  }

  /** Fills an input box and accepts it. */
  async enter(text: string, where?: string): Promise<void> {
    if (where !== undefined) await this.waitFor(where);
    await this.field.fill(text);
    await this.field.press('Enter');
  }

  /** Waits until the open widget shows this text anywhere: title, prompt, placeholder or validation message. */
  async waitFor(text: string): Promise<void> {
    const shown = this.box.filter({ hasText: text });
    const placeholder = this.box.filter({ has: this.#page.locator(`input[placeholder*=${quoted(text)}]`) });
    await shown.or(placeholder).waitFor();
  }

  /** The message under the field, e.g. why a value is refused. */
  async message(): Promise<string> {
    return (await this.box.locator('.quick-input-message').innerText()).trim();
  }

  async cancel(): Promise<void> {
    await this.field.press('Escape');
    await this.box.waitFor({ state: 'hidden' });
  }
}

/** A string as it must stand in an attribute selector. */
export function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}
