const REFRESH_AHEAD_MS = 5 * 60_000;

/**
 * How long before its expiry a token is replaced: five minutes as MSAL does, or a tenth of its life when that is short.
 * All in milliseconds; `obtainedAt` is when we got it (its `iat` is back-dated).
 */
export function refreshAhead(token: { obtainedAt: number; expiresAt: number }): number {
  return Math.min(REFRESH_AHEAD_MS, (token.expiresAt - token.obtainedAt) / 10);
}
