import * as vscode from 'vscode';
import type { Session } from '../agent/session.ts';
import { AgentIdError } from '../base/errors.ts';
import { rawToken, TOKEN_IDS, type TokenId } from './inspectorTokens.ts';
import { tokenLabel } from './words.ts';

const t = vscode.l10n.t;

/** How long a copied token stays in the clipboard, in milliseconds. */
const CLEAR_AFTER_MS = 30_000;

/** Copies raw tokens after a warning. The clipboard holds one for a time only, and not beyond the end of the window. */
export class TokenClipboard {
  readonly #session: Session;
  #copied: { raw: string; timer: NodeJS.Timeout } | undefined;

  constructor(session: Session) {
    this.#session = session;
  }

  /** `rowOrId` says which token, from the inspector or the Identity view; without it the person is asked. */
  async copy(rowOrId?: unknown): Promise<void> {
    const { connection } = this.#session;
    if (!connection) throw new AgentIdError('agent.notConnected');
    const id = tokenIdOf(rowOrId) ?? (await chooseToken());
    if (!id || !(await confirmed(id))) return;
    const raw = await rawToken(connection, id, false, AbortSignal.timeout(60_000));
    await vscode.env.clipboard.writeText(raw);
    clearTimeout(this.#copied?.timer);
    this.#copied = { raw, timer: setTimeout(() => void this.#clearInTime(), CLEAR_AFTER_MS) };
    vscode.window.setStatusBarMessage(
      `$(key) ${t('Token copied; the clipboard is cleared in {0} s', CLEAR_AFTER_MS / 1000)}`,
      CLEAR_AFTER_MS,
    );
  }

  /** Clears the clipboard now, unless something else is in it by then. */
  async clear(): Promise<void> {
    const copied = this.#copied;
    if (!copied) return;
    this.#copied = undefined;
    clearTimeout(copied.timer);
    if ((await vscode.env.clipboard.readText()) === copied.raw) await vscode.env.clipboard.writeText('');
  }

  async #clearInTime(): Promise<void> {
    try {
      await this.clear();
    } catch {
      void vscode.window.showWarningMessage(
        t('The clipboard could not be cleared: the copied token may still be in it. Copy something else.'),
      );
    }
  }
}

async function confirmed(id: TokenId): Promise<boolean> {
  const copy = t('Copy');
  const picked = await vscode.window.showWarningMessage(
    t('Copy the raw {0}?', tokenLabel(id)),
    {
      modal: true,
      detail: t(
        'Who has this token can act as you, or as the agent on your behalf, until it expires. The clipboard is cleared after {0} seconds.',
        CLEAR_AFTER_MS / 1000,
      ),
    },
    copy,
  );
  return picked === copy;
}

async function chooseToken(): Promise<TokenId | undefined> {
  const choices = TOKEN_IDS.map(id => ({ label: tokenLabel(id), id }));
  return (await vscode.window.showQuickPick(choices, { title: t('Copy raw token') }))?.id;
}

/** From the inspector comes an id, from the Identity view a row. */
function tokenIdOf(value: unknown): TokenId | undefined {
  const id = typeof value === 'object' && value !== null && 'id' in value ? value.id : value;
  const name = typeof id === 'string' ? id.replace(/^token:/, '') : '';
  return TOKEN_IDS.find(known => known === name);
}
