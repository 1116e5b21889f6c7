import * as vscode from 'vscode';
import { DisposableStore, type Disposable } from '../base/disposable.ts';
import type { WebviewName } from '../protocol/html.ts';
import type { Post } from './feed.ts';
import { fillWebview } from './webviewPage.ts';

/** What is behind a page. */
interface Behind extends Disposable {
  /** A message of the page; `shown` says whether anybody sees it. */
  receive(data: unknown, post: Post, shown: boolean): void;
  /** Nobody sees the page any more, though it is there. */
  hidden?(): void;
}

export interface PageOf<B extends Behind> {
  viewType: string;
  page: WebviewName;
  title: string;
  icon: string;
  /** Loads and makes what is behind the page: it is large, and needed only when somebody looks. */
  load(): Promise<B>;
}

/** A page beside the editors: at most one of its kind. */
export class LazyPanel<B extends Behind> {
  readonly #extensionUri: vscode.Uri;
  readonly #of: PageOf<B>;
  #open: { panel: vscode.WebviewPanel; store: DisposableStore; behind: Promise<B | undefined> } | undefined;

  constructor(extensionUri: vscode.Uri, of: PageOf<B>) {
    this.#extensionUri = extensionUri;
    this.#of = of;
  }

  /** Opens the panel, or brings the open one to the front. */
  show(): void {
    const { viewType, title } = this.#of;
    if (this.#open) this.#open.panel.reveal();
    else this.adopt(vscode.window.createWebviewPanel(viewType, title, vscode.ViewColumn.Active));
  }

  /** What is behind the open page; undefined where none is open, or it was closed before it came to that. */
  async behind(): Promise<B | undefined> {
    return this.#open?.behind;
  }

  /** Fills a panel that the editor has made, unless there is one. */
  adopt(panel: vscode.WebviewPanel): void {
    if (this.#open) return void panel.dispose();
    const { page, title, icon } = this.#of;
    const store = new DisposableStore();
    panel.title = title;
    panel.iconPath = new vscode.ThemeIcon(icon);
    let closed = false;
    panel.onDidDispose(() => {
      closed = true;
      this.#open = undefined;
      store.dispose();
    });
    const connect = async () => {
      const behind = await this.#of.load();
      if (closed) {
        behind.dispose();
        return undefined;
      }
      store.add(behind);
      const post = (message: unknown) => void panel.webview.postMessage(message);
      store.add(panel.webview.onDidReceiveMessage(data => behind.receive(data, post, panel.visible)));
      store.add(panel.onDidChangeViewState(() => panel.visible || behind.hidden?.()));
      fillWebview(panel.webview, this.#extensionUri, page, title);
      return behind;
    };
    this.#open = { panel, store, behind: connect() };
  }

  /** Ends what is behind the page. The panel stays: the editor keeps its place, and may give it back after a reload. */
  forget(): void {
    this.#open?.store.dispose();
  }

  close(): void {
    this.#open?.panel.dispose();
  }
}
