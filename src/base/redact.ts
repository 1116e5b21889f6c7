/** What a token can be part of: each run is looked at once, since a hostile text may hold thousands of token beginnings. */
const RUN = /[\w.-]{12,}/g;
const BEARER = /\b(Bearer\s+)[\w.~+/=-]{8,}/gi;
const NAMED =
  /("?(?:access_token|refresh_token|id_token|client_assertion|assertion|device_code|client_secret|api[-_]?key)"?\s*[:=]\s*"?)[^"&\s,}]{4,}/gi;
/** How Entra's refresh tokens and codes look so far; nothing documents it. */
const OPAQUE = /^[01]\.A[\w.-]{60,}$/;
/** Characters of a JWT that come before its first dot at least. */
const JWT_HEAD = 11;

/**
 * Text without the tokens and secrets that can be told by their form: a JWT (from its `eyJ` to the end of the run that it
 * stands in), an opaque token of Entra, what follows `Bearer`, what follows the name of a secret. It stands between every
 * logger and its channel, and in front of every body that an error quotes.
 */
export function redact(text: string): string {
  return text.replace(RUN, hideToken).replace(BEARER, '$1‹token›').replace(NAMED, '$1‹secret›');
}

function hideToken(run: string): string {
  if (OPAQUE.test(run)) return '‹token›';
  const start = run.indexOf('eyJ');
  return start >= 0 && run.indexOf('.', start + JWT_HEAD) > 0 ? `${run.slice(0, start)}‹token›` : run;
}
