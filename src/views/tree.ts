import * as vscode from 'vscode';
import { visible } from '../protocol/visible.ts';

/** One row of a tree; what servers and clusters call things is made harmless when it is shown. `id` is stable, so that selection and expansion survive a refresh. */
export interface Row {
  id: string;
  label: string;
  description?: string;
  tooltip?: string | vscode.MarkdownString;
  icon?: string;
  /** Theme colour of the icon. */
  color?: string;
  contextValue?: string;
  /** What a screen reader says instead of label and description. */
  accessibleLabel?: string;
  /** The fix of what failed here, for the row's own button that copies it. */
  fix?: string;
  command?: { command: string; title: string; arguments?: unknown[] };
  expanded?: boolean;
  children?: Row[];
}

/** A tree that is built whole from state each time it changes: these trees have tens of rows, not thousands. */
export class RowTree implements vscode.TreeDataProvider<Row>, vscode.Disposable {
  readonly #build: () => Row[];
  readonly #summary: () => string | undefined;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.#changed.event;

  readonly #view: vscode.TreeView<Row>;
  readonly #title: string | undefined;

  /** `summary` follows the view's title while the view is folded and its rows are not to be seen. */
  constructor(viewId: string, build: () => Row[], summary: () => string | undefined) {
    this.#build = build;
    this.#summary = summary;
    this.#view = vscode.window.createTreeView(viewId, { treeDataProvider: this });
    this.#title = this.#view.title;
    this.#view.onDidChangeVisibility(() => this.#summarize());
  }

  /** Scrolls to a top-level row and selects it. */
  async reveal(id: string): Promise<void> {
    const row = this.#build().find(candidate => candidate.id === id);
    if (row) await this.#view.reveal(row, { select: true });
  }

  /** Only top-level rows are ever revealed. */
  getParent(): undefined {
    return undefined;
  }

  refresh(): void {
    this.#summarize();
    this.#changed.fire();
  }

  #summarize(): void {
    const summary = this.#view.visible ? undefined : this.#summary(); // a folded view does not show its description
    this.#view.title = [this.#title, summary].filter(Boolean).join(' · ');
  }

  getChildren(row?: Row): Row[] {
    return row ? (row.children ?? []) : this.#build();
  }

  getTreeItem(row: Row): vscode.TreeItem {
    const { None, Expanded, Collapsed } = vscode.TreeItemCollapsibleState;
    const item = new vscode.TreeItem(visible(row.label), row.children ? (row.expanded ? Expanded : Collapsed) : None);
    item.id = row.id;
    item.description = row.description && visible(row.description);
    item.tooltip = typeof row.tooltip === 'string' ? visible(row.tooltip) : row.tooltip;
    item.contextValue = [row.contextValue, row.fix && 'fixable'].filter(Boolean).join(';');
    item.command = row.command;
    if (row.icon)
      item.iconPath = new vscode.ThemeIcon(row.icon, row.color ? new vscode.ThemeColor(row.color) : undefined);
    if (row.accessibleLabel) item.accessibilityInformation = { label: row.accessibleLabel };
    return item;
  }

  dispose(): void {
    this.#view.dispose();
    this.#changed.dispose();
  }
}
