import { readFile } from 'node:fs/promises';
import type { Event } from '../base/event.ts';
import type { Fetch } from '../base/fetch.ts';
import { pinnedFetch } from '../cluster/pinnedFetch.ts';
import { Authority } from '../identity/authority.ts';
import { createSignIn, type SignIn } from '../identity/signIn.ts';
import { SigningKeys } from '../identity/signingKeys.ts';
import type { Configuration, ConnectionPlan } from './configuration.ts';
import type { SessionDeps } from './session.ts';

/** Who signs people in for a connection, and how the authority is reached. */
export interface OpenSignIn {
  signIn: SignIn;
  authority: Authority;
  signingKeys: SigningKeys;
  /** Reaches the authority: of a sandbox by its own CA, else as the editor reaches everything. */
  fetch: Fetch;
  /** Fire when another window, or the editor, may have changed who is signed in. */
  signInChanged: readonly Event<string>[];
}

/** Asks nobody anything yet. Throws `signIn.authorityInvalid`. */
export async function openSignIn(
  plan: ConnectionPlan,
  configuration: Configuration,
  deps: Pick<SessionDeps, 'overrides' | 'secrets' | 'memory' | 'editorAccounts' | 'fetch' | 'logger' | 'clock'>,
): Promise<OpenSignIn> {
  const { logger, clock } = deps;
  // the default client is registered for no editor
  const editorAccounts = deps.overrides().clientIdIsDefault ? undefined : deps.editorAccounts;
  const secrets = plan.world?.keepSignIn === false ? deps.memory : deps.secrets;
  const known = plan.world?.caFile !== undefined;
  const authority = new Authority(configuration.authority.value, known);
  const fetch = plan.world?.caFile ? await pinnedFetch(await readFile(plan.world.caFile, 'utf8')) : deps.fetch;
  const signIn = await createSignIn(
    {
      authority: configuration.authority.value,
      clientId: configuration.clientId.value,
      scopes: [configuration.scope.value],
      knownAuthority: known,
    },
    { secrets, fetch, logger, clock, ...(editorAccounts && { editorAccounts }) },
  );
  return {
    signIn,
    authority,
    signingKeys: new SigningKeys({ authority, fetch, clock }),
    fetch,
    signInChanged: [secrets.onDidChange, editorAccounts?.onDidChange].filter(event => event !== undefined),
  };
}
