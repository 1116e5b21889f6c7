import * as vscode from 'vscode';
import { DisposableStore } from '../base/disposable.ts';
import type { DoctorController, DoctorViewDeps } from './doctorController.ts';
import { fillWebview } from './webviewPage.ts';

/** The Doctor: at most one panel, beside the editors. */
export class DoctorPanel implements vscode.Disposable {
  readonly #extensionUri: vscode.Uri;
  readonly #deps: DoctorViewDeps;
  #open: { panel: vscode.WebviewPanel; controller: Promise<DoctorController | undefined> } | undefined;

  constructor(extensionUri: vscode.Uri, deps: DoctorViewDeps) {
    this.#extensionUri = extensionUri;
    this.#deps = deps;
  }

  /** Opens the panel, or brings the open one to the front, and examines. */
  async run(): Promise<void> {
    if (this.#open) this.#open.panel.reveal();
    else this.#show();
    await (await this.#open?.controller)?.run();
  }

  dispose(): void {
    this.#open?.panel.dispose();
  }

  #show(): void {
    const title = vscode.l10n.t('Doctor');
    const panel = vscode.window.createWebviewPanel('agentId.doctor', title, vscode.ViewColumn.Active);
    const store = new DisposableStore();
    panel.iconPath = new vscode.ThemeIcon('pulse');
    let closed = false;
    panel.onDidDispose(() => {
      closed = true;
      this.#open = undefined;
      store.dispose();
    });
    const connect = async () => {
      // The checks reach into everything that the extension can do, and are needed only when somebody asks.
      const { DoctorController: Controller } = await import('./doctorController.ts');
      if (closed) return undefined;
      const controller = store.add(new Controller(this.#deps));
      const post = (message: unknown) => void panel.webview.postMessage(message);
      store.add(panel.webview.onDidReceiveMessage(data => controller.receive(data, post)));
      fillWebview(panel.webview, this.#extensionUri, 'doctor', title);
      return controller;
    };
    this.#open = { panel, controller: connect() };
  }
}
