import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Frame, Locator, Page } from 'playwright-core';
import { outDirectory } from '../../../scripts/host/paths.ts';
import { until } from '../../../scripts/host/processes.ts';
import { Modal, Toast } from './messages.ts';
import { QuickInput, quoted } from './quickInput.ts';
import { View } from './views.ts';

/** Real VS Code in a browser page, in the words of the person who uses it. Every wait ends after 20 s. */
export class Workbench {
  readonly page: Page;
  readonly quickInput: QuickInput;

  constructor(page: Page) {
    this.page = page;
    this.quickInput = new QuickInput(page);
  }

  /** Waits until the workbench is there; the extension may still be starting. */
  async ready(): Promise<void> {
    await this.page.locator('.monaco-workbench .part.statusbar .statusbar-item').first().waitFor({ timeout: 60_000 });
  }

  /** Runs a command from the palette, e.g. `Agent ID: Connect…`, as soon as it is offered. */
  async command(title: string): Promise<void> {
    const { field, box } = this.quickInput;
    const row = box.locator(`.monaco-list-row[aria-label^=${quoted(title)}]`).first();
    await until(
      () => `command ${title} in the palette`,
      async () => {
        await this.page.keyboard.press('F1');
        try {
          await field.fill(`>${title.replace(/…$/, '')}`, { timeout: 2500 }); // what takes the focus closes it again
          await row.click({ timeout: 2500 });
          return true;
        } catch {
          await this.page.keyboard.press('Escape'); // registered late: ask again
          return undefined;
        }
      },
      30_000,
    );
  }

  /** Opens a view container of the activity bar, or leaves it open. */
  async openContainer(title: string): Promise<void> {
    const shown = this.page.locator('.part.sidebar .composite.title .title-label', { hasText: title });
    const label = this.page.locator(`a.action-label[aria-label^=${quoted(title)}]`);
    const icon = this.page.locator('.activitybar .action-item', { has: label }); // whole: a badge may lie on its label
    await until(
      () => `view container ${title}`,
      async () => {
        if (await shown.isVisible()) return true;
        await icon.click({ timeout: 5000 }).catch(() => {}); // a click on the one that is open would close it
        await shown.waitFor({ timeout: 2000 }).catch(() => {});
        return undefined;
      },
    );
  }

  view(name: string): View {
    return new View(this.page, name);
  }

  toast(text: string | RegExp): Toast {
    return new Toast(this.page, text);
  }

  modal(text?: string | RegExp): Modal {
    return new Modal(this.page, text);
  }

  /** An item of the status bar that shows this text. */
  statusBar(text: string | RegExp): Locator {
    return this.page.locator('.part.statusbar .statusbar-item').filter({ hasText: text });
  }

  /** The content of a webview, known by `body[data-view]`; survives that VS Code makes the frame anew. */
  async webview(view: string): Promise<Frame> {
    return until(
      () => `webview ${view}`,
      () => this.#frameOf(view),
    );
  }

  /** True when that webview is there at all. */
  async hasWebview(view: string): Promise<boolean> {
    return (await this.#frameOf(view)) !== undefined;
  }

  async #frameOf(view: string): Promise<Frame | undefined> {
    for (const frame of this.page.frames()) {
      if (frame.isDetached()) continue;
      const found = frame.locator(`body[data-view=${quoted(view)}]`).count();
      // a frame that is just being made anew may never answer
      if ((await Promise.race([found.catch(() => 0), sleep(2000, 0, { ref: false })])) > 0) return frame;
    }
    return undefined;
  }

  /** The lines of the output panel that are on screen; open it first with the extension's own command. */
  async outputLines(): Promise<string[]> {
    const lines = this.page.locator('.part.panel .view-line');
    await lines.first().waitFor();
    return (await lines.allInnerTexts()).map(line => line.replaceAll('\u00a0', ' ').trimEnd());
  }

  /** The lines of the text editor in front that are on screen. */
  async editorLines(): Promise<string[]> {
    const lines = this.page.locator('.part.editor .view-line');
    await lines.first().waitFor();
    return (await lines.allInnerTexts()).map(line => line.replaceAll('\u00a0', ' ').trimEnd());
  }

  /** Tabs of the editor area by their title. */
  tab(title: string | RegExp): Locator {
    return this.page.locator('.part.editor .tab').filter({ hasText: title });
  }

  async closeEditors(): Promise<void> {
    await this.command('View: Close All Editors');
  }

  /** The page that `action` opens in another tab. */
  async popup(action: () => Promise<unknown>): Promise<Page> {
    const [page] = await Promise.all([this.page.context().waitForEvent('page'), action()]);
    await page.waitForLoadState('load'); // before it, closing the page may hang
    return page;
  }

  /** What is on the clipboard. */
  async clipboard(): Promise<string> {
    return this.page.evaluate('navigator.clipboard.readText()');
  }

  /** Reloads the window as a person does. (The browser's own reload would not let VS Code save its state first.) */
  async reload(): Promise<void> {
    await Promise.all([this.page.waitForEvent('load'), this.command('Developer: Reload Window')]);
    await this.ready();
  }

  /** Writes `out/screenshots/<name>.png` and returns its path. */
  async screenshot(name: string): Promise<string> {
    const file = path.join(outDirectory, 'screenshots', `${name.replace(/[^\w-]+/g, '-')}.png`);
    mkdirSync(path.dirname(file), { recursive: true });
    await this.page.screenshot({ path: file });
    return file;
  }
}
