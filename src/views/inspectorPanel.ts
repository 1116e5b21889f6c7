import * as vscode from 'vscode';
import type { Session } from '../agent/session.ts';
import { DisposableStore } from '../base/disposable.ts';
import { isCancellation } from '../base/errors.ts';
import {
  applyToInspector,
  emptyInspector,
  parseFromInspector,
  type FromInspector,
  type InspectorOperation,
  type InspectorState,
} from '../protocol/inspector.ts';
import type { Mode } from '../protocol/common.ts';
import { Feed } from './feed.ts';
import { inspect, rawToken, TOKEN_IDS, type TokenId, type TokenWords } from './inspectorTokens.ts';
import { fillWebview } from './webviewPage.ts';

const REVEAL_MS = 30_000;

export interface InspectorDeps {
  session: Session;
  words: TokenWords;
  /** The mode line, and why there are no tokens where there are none. */
  mode(): { mode: Mode; explanation?: string };
  copyRaw(id: TokenId): void;
  log(message: string): void;
}

/** The Token Inspector: at most one panel, beside the editors. */
export class InspectorPanel implements vscode.Disposable {
  readonly #extensionUri: vscode.Uri;
  readonly #deps: InspectorDeps;
  #open:
    { panel: vscode.WebviewPanel; feed: Feed<InspectorState, InspectorOperation>; store: DisposableStore } | undefined;
  #loading: AbortController | undefined;

  constructor(extensionUri: vscode.Uri, deps: InspectorDeps) {
    this.#extensionUri = extensionUri;
    this.#deps = deps;
  }

  /** Opens the panel, or brings the open one to the front. */
  show(): void {
    if (this.#open) {
      this.#open.panel.reveal();
      return;
    }
    const title = vscode.l10n.t('Token Inspector');
    const panel = vscode.window.createWebviewPanel('agentId.inspector', title, vscode.ViewColumn.Active);
    panel.iconPath = new vscode.ThemeIcon('key');
    const feed = new Feed<InspectorState, InspectorOperation>(emptyInspector, applyToInspector);
    const store = new DisposableStore();
    this.#open = { panel, feed, store };
    store.add(
      panel.webview.onDidReceiveMessage(data => {
        const message = parseFromInspector(data);
        if (message) this.#handle(message, feed, panel);
        else this.#deps.log('The inspector sent a message that is none of its own; it was ignored.');
      }),
    );
    store.add(panel.onDidChangeViewState(() => panel.visible || feed.send({ type: 'conceal' })));
    let connection = this.#deps.session.connection;
    store.add(
      this.#deps.session.onDidChange(() => {
        feed.change({ op: 'mode', ...this.#deps.mode() });
        if (connection === this.#deps.session.connection) return;
        connection = this.#deps.session.connection; // another agent, another user, or none: nothing that is shown holds
        feed.send({ type: 'conceal' });
        void this.#load(feed, false);
      }),
    );
    panel.onDidDispose(() => this.#close());
    fillWebview(panel.webview, this.#extensionUri, 'inspector', title);
    void this.#load(feed, false);
  }

  /** Loads the rows again, without forcing new tokens: after sign-in or sign-out. */
  reload(): void {
    if (this.#open) void this.#load(this.#open.feed, false);
  }

  dispose(): void {
    this.#open?.panel.dispose();
    this.#close();
  }

  #close(): void {
    this.#loading?.abort();
    this.#open?.feed.detach(); // a webview that is gone refuses messages
    this.#open?.store.dispose();
    this.#open = undefined;
  }

  #handle(message: FromInspector, feed: Feed<InspectorState, InspectorOperation>, panel: vscode.WebviewPanel): void {
    switch (message.type) {
      case 'ready':
      case 'needSnapshot':
        feed.attach(data => void panel.webview.postMessage(data), { now: Date.now() });
        return;
      case 'refresh':
        void this.#load(feed, true);
        return;
      case 'reveal':
        void this.#reveal(message.token, feed, panel);
        return;
      case 'copyRaw':
        if (isTokenId(message.token)) this.#deps.copyRaw(message.token);
        return;
      case 'runAction':
        void vscode.commands.executeCommand(message.id);
        return;
    }
  }

  async #load(feed: Feed<InspectorState, InspectorOperation>, force: boolean): Promise<void> {
    this.#loading?.abort();
    const loading = (this.#loading = new AbortController());
    const { connection } = this.#deps.session;
    const { words } = this.#deps;
    feed.change({ op: 'mode', ...this.#deps.mode() });
    if (!connection) {
      feed.change(...feed.state.tokens.map((token): InspectorOperation => ({ op: 'remove', id: token.id })));
      return;
    }
    feed.change(
      { op: 'refreshing', refreshing: true },
      ...TOKEN_IDS.map((id): InspectorOperation => ({
        op: 'token',
        token: { id, label: words.label(id), status: { kind: 'loading' } },
      })),
    );
    try {
      const show = async (id: TokenId) => {
        const token = await inspect(connection, id, force, words, loading.signal);
        if (!loading.signal.aborted) feed.change({ op: 'token', token });
      };
      await show('tc'); // a forced T2 should be made from the new Tc
      await Promise.all([show('llm'), show('mcp')]);
    } catch (error) {
      if (!isCancellation(error) && !loading.signal.aborted) throw error;
    } finally {
      if (this.#loading === loading) feed.change({ op: 'refreshing', refreshing: false });
    }
  }

  async #reveal(id: string, feed: Feed<InspectorState, InspectorOperation>, panel: vscode.WebviewPanel): Promise<void> {
    const { connection } = this.#deps.session;
    try {
      if (!connection || !isTokenId(id) || !panel.visible) throw new Error('nothing to reveal');
      const raw = await rawToken(connection, id, false, AbortSignal.timeout(30_000));
      if (panel.visible) feed.send({ type: 'raw', token: id, raw, clearAfterMs: REVEAL_MS });
    } catch {
      feed.send({ type: 'conceal' }); // the row says why there is no token
    }
  }
}

function isTokenId(id: string): id is TokenId {
  return (TOKEN_IDS as readonly string[]).includes(id);
}
