import type { Locator, Page } from 'playwright-core';
import { until } from '../../../scripts/host/processes.ts';
import { quoted } from './quickInput.ts';

/** One view (pane) of a view container. */
export class View {
  readonly pane: Locator;
  readonly #page: Page;

  constructor(page: Page, name: string) {
    this.#page = page;
    this.pane = page.locator('.pane', { has: page.locator(`.pane-header[aria-label^=${quoted(name)}]`) });
  }

  /** Expands the pane if it is folded. */
  async open(): Promise<this> {
    const header = this.pane.locator('.pane-header');
    await header.waitFor();
    if ((await header.getAttribute('aria-expanded')) === 'false') await header.click();
    return this;
  }

  /** Rows of the tree that are on screen, in order; the list is virtual. */
  rows(): Locator {
    return this.pane.locator('.monaco-list-row[role=treeitem]');
  }

  /** The first row with this label (or that starts with it). */
  row(label: string): TreeRow {
    const named = this.#page.locator('.label-name', { hasText: new RegExp(`^${escaped(label)}`) });
    return new TreeRow(this.#page, this.rows().filter({ has: named }).first());
  }

  /** Label and description of every row on screen, `label · description`. */
  async texts(): Promise<string[]> {
    const rows = await this.rows().all();
    return Promise.all(
      rows.map(async row => {
        const parts = [row.locator('.label-name'), row.locator('.label-description')];
        const texts = await Promise.all(
          parts.map(async part => ((await part.count()) > 0 ? (await part.first().innerText()).trim() : '')),
        );
        return texts.filter(Boolean).join(' · ');
      }),
    );
  }

  /** The welcome text of an empty view; its buttons are links with the role of a button. */
  get welcome(): Locator {
    return this.pane.locator('.welcome-view');
  }

  /** A button of the view's title bar. */
  async titleAction(title: string): Promise<void> {
    await this.pane.locator('.pane-header').hover();
    await this.pane.locator(`.pane-header a.action-label[aria-label^=${quoted(title)}]`).click();
  }
}

export class TreeRow {
  readonly row: Locator;
  readonly #page: Page;

  constructor(page: Page, row: Locator) {
    this.#page = page;
    this.row = row;
  }

  async waitFor(): Promise<this> {
    await this.row.waitFor();
    return this;
  }

  async click(): Promise<void> {
    await this.row.click();
  }

  async description(): Promise<string> {
    return (await this.row.locator('.label-description').innerText()).trim();
  }

  /** The accessible name: label, description and what the extension adds. */
  async name(): Promise<string> {
    return (await this.row.getAttribute('aria-label')) ?? '';
  }

  async expand(): Promise<this> {
    await this.row.waitFor();
    if ((await this.row.getAttribute('aria-expanded')) === 'false') {
      await this.row.locator('.monaco-tl-twistie').click();
      await this.row.and(this.#page.locator('[aria-expanded=true]')).waitFor();
    }
    return this;
  }

  /** A button at the row's right end; it shows itself on hover. */
  async action(title: string): Promise<void> {
    await this.row.hover();
    await this.row.locator(`.actions a.action-label[aria-label^=${quoted(title)}]`).click();
  }

  /** Ticks or clears the row's check box. */
  async check(on: boolean): Promise<void> {
    const box = this.row.locator('.custom-view-tree-node-item-checkbox, [role=checkbox]').first();
    if (((await box.getAttribute('aria-checked')) === 'true') !== on) await box.click();
  }

  async contextMenu(item: string): Promise<void> {
    const entry = this.#page.getByRole('menuitem', { name: item });
    await until(
      () => `menu entry ${item}`,
      async () => {
        if ((await entry.count()) === 0) await this.row.click({ button: 'right' });
        await this.#page.waitForTimeout(250); // VS Code drops a mouse-up right after the menu opened
        const done = async () => {
          await entry.click({ timeout: 2000 });
          await entry.waitFor({ state: 'hidden', timeout: 2000 });
          return true;
        };
        return done().catch(() => undefined);
      },
    );
  }
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
