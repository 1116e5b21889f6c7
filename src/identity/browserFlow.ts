import { randomBytes } from 'node:crypto';
import timers from 'node:timers/promises';
import type { AuthenticationResult, PublicClientApplication } from '@azure/msal-node';
import type { Clock } from '../base/clock.ts';
import { orAborted } from '../base/abort.ts';
import type { Authority } from './authority.ts';
import { parseFailure } from './entraError.ts';
import { identityError } from './errors.ts';
import { listenForAnswer } from './loopback.ts';
import { signInRefused } from './refusal.ts';
import type { BrowserOptions } from './types.ts';

/** As long as a device code lives: MFA, a new password and a terms-of-use page fit in. */
const LONGEST_WAIT_MINUTES = 15;

/**
 * Authorization code with PKCE (RFC 7636) over the loopback interface (RFC 8252 §7.3). MSAL makes the address and
 * redeems the code; the listener is ours, because that of MSAL's `acquireTokenInteractive` (7.2.1) outlives a cancel.
 * Entra ignores the port of a registered `http://localhost`. Throws `signIn.*` and what `open` and `reach` throw.
 */
export async function acquireInBrowser(
  msal: PublicClientApplication,
  request: { authority: Authority; scopes: string[]; claims?: string; signal: AbortSignal; clock: Clock },
  { open, reach, closing, account }: BrowserOptions,
): Promise<AuthenticationResult> {
  const { CryptoProvider, PromptValue, ResponseMode } = await import('@azure/msal-node');
  const { authority, scopes, claims, signal, clock } = request;
  const { verifier, challenge } = await new CryptoProvider().generatePkceCodes();
  const state = randomBytes(32).toString('base64url');
  const listener = await listenForAnswer(state, closing, signal);
  const done = new AbortController();
  try {
    const common = {
      scopes,
      redirectUri: `http://localhost:${await orAborted(reach(listener.port), signal)}`,
      ...(claims && { claims }),
    };
    const address = await msal.getAuthCodeUrl({
      ...common,
      state,
      responseMode: ResponseMode.FORM_POST, // keeps the code out of addresses and of the browser's history
      codeChallenge: challenge,
      codeChallengeMethod: 'S256',
      ...(account?.username ? { loginHint: account.username } : { prompt: PromptValue.SELECT_ACCOUNT }),
    });
    if (!authority.isPage(address))
      throw identityError('signIn.unsafePage', { page: new URL(address).origin, authority: authority.url });
    signal.throwIfAborted();
    await orAborted(Promise.resolve(open(address)), signal);
    const late = timers.setTimeout(LONGEST_WAIT_MINUTES * 60_000, undefined, { signal: done.signal }).then(() => {
      throw identityError('signIn.browserUnanswered', { minutes: LONGEST_WAIT_MINUTES });
    });
    const answer = await orAborted(Promise.race([listener.answer, late]), signal);
    listener.close();
    const code = answer.get('code');
    if (!code) throw refused(Object.fromEntries(answer), authority, clock.now());
    return await msal.acquireTokenByCode({ ...common, code, codeVerifier: verifier });
  } finally {
    done.abort();
    listener.close();
  }
}

function refused(answer: Record<string, string>, authority: Authority, now: number): Error {
  const failure = parseFailure(answer);
  if (failure) return signInRefused(failure, { way: 'browser', now });
  return identityError('signIn.badAnswer', { host: authority.host, status: 200, problem: 'no OAuth error' });
}
