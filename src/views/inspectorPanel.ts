import * as vscode from 'vscode';
import type { Pasted } from '../identity/pasted.ts';
import type { InspectorController, InspectorDeps } from './inspectorController.ts';
import { LazyPanel } from './lazyPanel.ts';

export const INSPECTOR_PANEL = 'agentId.inspector';

/** The Token Inspector: at most one panel, beside the editors. After a reload of the window the editor gives it back. */
export class InspectorPanel implements vscode.WebviewPanelSerializer, vscode.Disposable {
  readonly #panel: LazyPanel<InspectorController>;

  constructor(extensionUri: vscode.Uri, deps: InspectorDeps) {
    this.#panel = new LazyPanel(extensionUri, {
      viewType: INSPECTOR_PANEL,
      page: 'inspector',
      title: vscode.l10n.t('Token Inspector'),
      icon: 'key',
      load: async () => new (await import('./inspectorController.ts')).InspectorController(deps),
    });
  }

  /** Opens the panel, or brings the open one to the front. */
  show(): void {
    this.#panel.show();
  }

  /** The page kept its place on the screen; its tokens were nowhere kept, and are asked for again. */
  async deserializeWebviewPanel(panel: vscode.WebviewPanel): Promise<void> {
    this.#panel.adopt(panel); // unless a command was faster
  }

  /** Loads the rows again, without forcing new tokens: after sign-in or sign-out. */
  async reload(): Promise<void> {
    (await this.#panel.behind())?.load(false);
  }

  /** Shows a pasted token as a row of its own. */
  async paste(pasted: Exclude<Pasted, { kind: 'unreadable' }>): Promise<void> {
    this.show();
    await (await this.#panel.behind())?.paste(pasted);
  }

  /** Forgets the tokens. */
  dispose(): void {
    this.#panel.forget();
  }
}
