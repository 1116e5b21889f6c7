import { AgentIdError } from '../base/errors.ts';
import { isLoopback } from '../base/loopback.ts';

/**
 * The URL of a server that a person adds, in its normal form. https only, except to this machine; no user name and no
 * password in it, since it is shown and stored. Throws `mcp.urlInvalid`, `mcp.urlNotHttps`, `mcp.urlCredentials`.
 */
export function parseServerUrl(text: string): URL {
  const url = URL.parse(text.trim());
  if (!url || !['http:', 'https:'].includes(url.protocol) || !url.hostname) throw new AgentIdError('mcp.urlInvalid');
  if (url.username || url.password) throw new AgentIdError('mcp.urlCredentials');
  if (url.protocol === 'http:' && !isLoopback(url.hostname))
    throw new AgentIdError('mcp.urlNotHttps', { host: url.host });
  url.hash = '';
  return url;
}

/** `[a-z0-9-]+`, at most 24 characters, out of any text. */
export function slugOf(text: string): string {
  const slug = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 24)
    .replace(/^-+|-+$/g, '');
  return slug || 'server';
}
