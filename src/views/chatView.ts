import * as vscode from 'vscode';
import { parseFromChat } from '../protocol/chat.ts';
import type { ChatController } from './chatController.ts';
import { fillWebview } from './webviewPage.ts';

export const CHAT_VIEW = 'agentId.chat';

/** The chat's place in the side bar: shows what the controller keeps, and may come and go. */
export class ChatView implements vscode.WebviewViewProvider {
  readonly #extensionUri: vscode.Uri;
  readonly #controller: ChatController;
  readonly #log: (message: string) => void;
  #view: vscode.WebviewView | undefined;

  constructor(extensionUri: vscode.Uri, controller: ChatController, log: (message: string) => void) {
    this.#extensionUri = extensionUri;
    this.#controller = controller;
    this.#log = log;
  }

  /** Makes the chat visible without taking the cursor out of the editor. */
  reveal(): void {
    if (this.#view) this.#view.show(true);
    else void vscode.commands.executeCommand(`${CHAT_VIEW}.focus`, { preserveFocus: true });
  }

  resolveWebviewView(view: vscode.WebviewView): void {
    this.#view = view;
    const post = (message: unknown) => void view.webview.postMessage(message);
    view.webview.onDidReceiveMessage(data => {
      const message = parseFromChat(data);
      if (!message) {
        this.#log('The chat view sent a message that is none of its own; it was ignored.');
        return;
      }
      if (message.type === 'ready' || message.type === 'needSnapshot') this.#controller.feed.attach(post);
      this.#controller.handle(message);
    });
    view.onDidDispose(() => {
      if (this.#view !== view) return;
      this.#view = undefined;
      this.#controller.feed.detach();
    });
    fillWebview(view.webview, this.#extensionUri, 'chat', vscode.l10n.t('Chat'));
  }
}
