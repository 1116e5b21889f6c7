import { plainMessage } from './plainMessage.ts';

/** The end of long talk: a device code stands in the last sentences. */
const LIMIT = 600;

/** Addresses that a plugin may send a person to: https, or its own listener on this machine. */
const ADDRESS = /(?:https:\/\/|http:\/\/(?:localhost|127\.0\.0\.1)(?=[:/]))[^\s<>"'()[\]]+/gi;

/** What a credential plugin said, as the text of a notification in which its page is a link, and nothing else is one. */
export function pluginText(said: string): string {
  const text = said.trim().replace(/\s+/g, ' ').slice(-LIMIT);
  return plainMessage(text).replace(ADDRESS, found => {
    const address = found.replace(/[.,;:!?]+$/, '');
    return URL.canParse(address) ? `[${address}](${address})${found.slice(address.length)}` : found;
  });
}
