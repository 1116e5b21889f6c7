import * as vscode from 'vscode';
import type { DoctorController, DoctorViewDeps } from './doctorController.ts';
import { LazyPanel } from './lazyPanel.ts';

/** The Doctor: at most one panel, beside the editors. A reload of the window closes it. */
export class DoctorPanel implements vscode.Disposable {
  readonly #panel: LazyPanel<DoctorController>;

  constructor(extensionUri: vscode.Uri, deps: DoctorViewDeps) {
    this.#panel = new LazyPanel(extensionUri, {
      viewType: 'agentId.doctor',
      page: 'doctor',
      title: vscode.l10n.t('Doctor'),
      icon: 'pulse',
      load: async () => new (await import('./doctorController.ts')).DoctorController(deps),
    });
  }

  /** Opens the panel, or brings the open one to the front, and examines. */
  async run(): Promise<void> {
    this.#panel.show();
    await (await this.#panel.behind())?.run();
  }

  dispose(): void {
    this.#panel.close();
  }
}
