/** Anything that looks like a JWT or an opaque Entra refresh token, and whatever follows `Bearer`. */
const JWT = /\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?/g;
const BEARER = /\b(Bearer\s+)[\w.~+/=-]{8,}/gi;
const NAMED =
  /("?(?:access_token|refresh_token|id_token|client_assertion|assertion|device_code|client_secret|api[-_]?key)"?\s*[:=]\s*"?)[^"&\s,}]{4,}/gi;

/**
 * Text with every token and secret replaced. It stands between every logger and its channel, and in front of every
 * body that an error quotes.
 */
export function redact(text: string): string {
  return text.replace(JWT, '‹token›').replace(BEARER, '$1‹token›').replace(NAMED, '$1‹secret›');
}
