import type { Frame, Locator } from 'playwright-core';
import type { Workbench } from './workbench.ts';

/** The chat view, in the words of the person who uses it. The webview's frame is looked up each time: it may be made anew. */
export class Chat {
  readonly #workbench: Workbench;

  constructor(workbench: Workbench) {
    this.#workbench = workbench;
  }

  frame(): Promise<Frame> {
    return this.#workbench.webview('chat');
  }

  async click(button: string | RegExp): Promise<void> {
    await (await this.frame()).getByRole('button', { name: button }).first().click();
  }

  /** Sends a message; returns when its turn runs, or has run. */
  async ask(text: string): Promise<void> {
    const frame = await this.frame();
    await frame.getByRole('textbox', { name: 'Message' }).fill(text);
    await this.#sending(() => frame.getByRole('button', { name: 'Send' }).click());
  }

  /** Clicks a prompt of an empty chat; returns when its turn runs, or has run. */
  async suggest(prompt: string): Promise<void> {
    await this.prompts(); // the chat is empty by now: nothing of an older one is counted
    await this.#sending(() => this.click(prompt));
  }

  /** Waits until no turn runs. */
  async idle(): Promise<void> {
    await (await this.frame()).getByRole('button', { name: 'Send' }).waitFor();
  }

  async log(): Promise<Locator> {
    return (await this.frame()).getByRole('log', { name: 'Conversation' });
  }

  /** The newest card of a tool. */
  async card(tool: string): Promise<Locator> {
    return (await this.frame()).getByRole('group', { name: `Tool ${tool}`, exact: true }).last();
  }

  /** Waits until the card asks, and answers. */
  async answer(tool: string, button: 'Allow Once' | 'Allow in This Session' | 'Reject…'): Promise<void> {
    await (await this.card(tool)).getByRole('button', { name: button }).click();
  }

  /** The prompts that an empty chat offers. */
  async prompts(): Promise<string[]> {
    const group = (await this.frame()).getByRole('group', { name: 'Suggested prompts' });
    await group.waitFor();
    return group.getByRole('button').allInnerTexts();
  }

  /** The host adds the message and says that it is busy in one go. */
  async #sending(send: () => Promise<void>): Promise<void> {
    const mine = (await this.log()).getByRole('article').filter({ hasText: /^You/ });
    const before = await mine.count();
    await send();
    await mine.nth(before).waitFor();
  }
}
