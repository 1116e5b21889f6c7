import { isCancellation, AgentIdError, describe } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import { redact } from '../base/redact.ts';
import type { Authority } from './authority.ts';
import { identityError } from './errors.ts';
import type { Account, EditorAccounts, EditorSession, UserToken } from './types.ts';
import { checkUserToken } from './userToken.ts';

/** Marks an account of the editor's, so that it is never taken for one of ours. */
const PREFIX = 'editor:';

/**
 * Tc through the editor's Microsoft account. The pseudo-scopes tell its provider which application asks in which tenant
 * (extensions/microsoft-authentication of VS Code); its tokens are checked as all others are.
 */
export class EditorFlow {
  readonly #accounts: EditorAccounts;
  readonly #authority: Authority;
  readonly #scope: string;
  readonly #scopes: readonly string[];
  readonly #clock: Clock;

  constructor(
    accounts: EditorAccounts,
    config: { authority: Authority; clientId: string; scope: string; clock: Clock },
  ) {
    const { authority, clientId, scope, clock } = config;
    this.#accounts = accounts;
    this.#authority = authority;
    this.#scope = scope;
    this.#scopes = [`VSCODE_CLIENT_ID:${clientId}`, `VSCODE_TENANT:${authority.tenant}`, scope, 'offline_access'];
    this.#clock = clock;
  }

  /** Asks the person. Throws `cancelled`, `signIn.editorAccount` and what the token's check throws. */
  async ask(options: { account?: Account; claims?: string; anew?: boolean }): Promise<UserToken> {
    const { account, claims, anew = false } = options;
    const known = account && own(account);
    try {
      return this.#check(
        await this.#accounts.ask(this.#scopes, { ...(known && { account: known }), ...(claims && { claims }), anew }),
      );
    } catch (error) {
      throw said(error);
    }
  }

  /** Renews without asking; undefined when the person has removed the account from the editor. Throws as `ask` does. */
  async renew(account: Account): Promise<UserToken | undefined> {
    const known = own(account);
    if (!known) return undefined;
    try {
      const session = await this.#accounts.silent(this.#scopes, known);
      if (session) return this.#check(session);
      if (!(await this.#accounts.knows(known.id))) return undefined;
    } catch (error) {
      throw said(error);
    }
    throw identityError('signIn.editorAccount', { reason: 'it gives no token without asking you' });
  }

  /** False for an account that is not in the editor any more. Throws `signIn.editorAccount`. */
  async knows(account: Account): Promise<boolean> {
    const known = own(account);
    try {
      return known !== undefined && (await this.#accounts.knows(known.id));
    } catch (error) {
      throw said(error);
    }
  }

  #check({ accessToken, account }: EditorSession): UserToken {
    const user = { id: PREFIX + account.id, username: account.label };
    const expected = { authority: this.#authority, scope: this.#scope };
    return checkUserToken(accessToken, user, expected, this.#clock.now());
  }
}

function own({ id, username }: Account): EditorSession['account'] | undefined {
  return id.startsWith(PREFIX) ? { id: id.slice(PREFIX.length), label: username } : undefined;
}

function said(error: unknown): unknown {
  if (isCancellation(error) || error instanceof AgentIdError) return error;
  return identityError('signIn.editorAccount', { reason: redact(describe(error)), way: 'editorAccount' }, error);
}
