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

  async ask(text: string): Promise<void> {
    const frame = await this.frame();
    await frame.getByRole('textbox', { name: 'Message' }).fill(text);
    await frame.getByRole('button', { name: 'Send' }).click();
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
}
