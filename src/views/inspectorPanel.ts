import * as vscode from 'vscode';
import { DisposableStore } from '../base/disposable.ts';
import type { Pasted } from '../identity/pasted.ts';
import type { InspectorController, InspectorDeps } from './inspectorController.ts';
import { fillWebview } from './webviewPage.ts';

export const INSPECTOR_PANEL = 'agentId.inspector';

/** The Token Inspector: at most one panel, beside the editors. After a reload of the window the editor gives it back. */
export class InspectorPanel implements vscode.WebviewPanelSerializer, vscode.Disposable {
  readonly #extensionUri: vscode.Uri;
  readonly #deps: InspectorDeps;
  #open:
    | { panel: vscode.WebviewPanel; store: DisposableStore; controller: Promise<InspectorController | undefined> }
    | undefined;

  constructor(extensionUri: vscode.Uri, deps: InspectorDeps) {
    this.#extensionUri = extensionUri;
    this.#deps = deps;
  }

  /** Opens the panel, or brings the open one to the front. */
  show(): void {
    if (this.#open) return this.#open.panel.reveal();
    this.#adopt(vscode.window.createWebviewPanel(INSPECTOR_PANEL, title(), vscode.ViewColumn.Active));
  }

  /** The page kept its place on the screen; its tokens were nowhere kept, and are asked for again. */
  async deserializeWebviewPanel(panel: vscode.WebviewPanel): Promise<void> {
    if (this.#open)
      panel.dispose(); // a command was faster
    else this.#adopt(panel);
  }

  /** Loads the rows again, without forcing new tokens: after sign-in or sign-out. */
  async reload(): Promise<void> {
    (await this.#open?.controller)?.load(false);
  }

  /** Shows a pasted token as a row of its own. */
  async paste(pasted: Exclude<Pasted, { kind: 'unreadable' }>): Promise<void> {
    this.show();
    await (await this.#open?.controller)?.paste(pasted);
  }

  /** Forgets the tokens. The panel stays: the editor keeps its place, and gives it back after a reload. */
  dispose(): void {
    this.#open?.store.dispose();
  }

  #adopt(panel: vscode.WebviewPanel): void {
    const store = new DisposableStore();
    panel.title = title();
    panel.iconPath = new vscode.ThemeIcon('key');
    let closed = false;
    panel.onDidDispose(() => {
      closed = true;
      this.#open = undefined;
      store.dispose();
    });
    const connect = async () => {
      // What explains tokens is large, and needed only when somebody looks.
      const { InspectorController: Controller } = await import('./inspectorController.ts');
      if (closed) return undefined;
      const controller = store.add(new Controller(this.#deps));
      const post = (message: unknown) => void panel.webview.postMessage(message);
      store.add(panel.webview.onDidReceiveMessage(data => controller.receive(data, post, panel.visible)));
      store.add(panel.onDidChangeViewState(() => panel.visible || controller.hidden()));
      fillWebview(panel.webview, this.#extensionUri, 'inspector', title());
      return controller;
    };
    this.#open = { panel, store, controller: connect() };
  }
}

const title = () => vscode.l10n.t('Token Inspector');
