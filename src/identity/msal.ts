import type { AccountInfo, PublicClientApplication } from '@azure/msal-node';
import { isCancellation, describe, AgentIdError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { redact } from '../base/redact.ts';
import type { Authority } from './authority.ts';
import { identityError } from './errors.ts';
import type { EntraNetwork } from './network.ts';
import type { Account } from './types.ts';

/**
 * A fresh MSAL client for one operation. It has no cache plugin: it works on a copy of the cache, and what it changed is
 * kept only when the operation ended well and nobody cancelled it. MSAL's own plugin would write before we can look at
 * the token, and MSAL forgets to call it when it drops a bad refresh token.
 */
export async function createMsal(options: {
  authority: Authority;
  known: boolean;
  clientId: string;
  network: EntraNetwork;
  logger: Logger;
}): Promise<PublicClientApplication> {
  const { PublicClientApplication, LogLevel } = await import('@azure/msal-node');
  const { authority, known, clientId, network, logger } = options;
  return new PublicClientApplication({
    auth: { clientId, authority: authority.url, ...(known && { knownAuthorities: [authority.host] }) },
    system: {
      networkClient: network,
      loggerOptions: {
        piiLoggingEnabled: false,
        logLevel: LogLevel.Warning,
        loggerCallback: (_level, message) => logger.debug(redact(message)),
      },
    },
  });
}

/** The user as the authority's tenant knows them; the id token is the better witness for guests. */
export function toAccount(info: AccountInfo): Account {
  const claims = info.idTokenClaims;
  return {
    id: info.homeAccountId,
    username: info.username,
    ...(info.name && { name: info.name }),
    oid: claims?.oid ?? info.localAccountId,
    tid: claims?.tid ?? info.tenantId,
  };
}

/** True when MSAL has no refresh token to work with, so that only the person can help. */
export function isNothingCached(error: unknown): boolean {
  return codeOf(error) === 'no_tokens_found' || codeOf(error) === 'no_account_found';
}

/** True when MSAL dropped the refresh token because Entra calls it bad. */
export function isBadToken(error: unknown): boolean {
  return error instanceof Error && (error as { subError?: unknown }).subError === 'bad_token';
}

/** What an MSAL operation failed with, in our terms: the cancel, else what the network saw, else MSAL's own words. */
export function translate(error: unknown, network: EntraNetwork, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (network.failure) return network.failure;
  if (isCancellation(error) || error instanceof AgentIdError) return error;
  const code = codeOf(error);
  if (code === 'device_code_expired') return identityError('signIn.deviceCodeExpired');
  return identityError('signIn.failed', { reason: redact([code, describe(error)].filter(Boolean).join(': ')) }, error);
}

function codeOf(error: unknown): string | undefined {
  const code: unknown = error instanceof Error ? (error as { errorCode?: unknown }).errorCode : undefined;
  return typeof code === 'string' ? code : undefined;
}
