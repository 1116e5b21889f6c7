/** The end of long talk: a device code stands in the last sentences. */
const LIMIT = 600;

/** Addresses that a plugin may send a person to: https, or its own listener on this machine. */
const ADDRESS = /(?:https:\/\/|http:\/\/(?:localhost|127\.0\.0\.1)(?=[:/]))[^\s<>"'()[\]]+/gi;

/**
 * What a credential plugin said, as the text of a notification, where `[text](address)` is a link. The plugin's own
 * brackets make none: a link could be a command of the editor.
 */
export function pluginText(said: string): string {
  const text = said.trim().replace(/\s+/g, ' ').slice(-LIMIT);
  let result = '';
  let end = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const address = match[0].replace(/[.,;:!?]+$/, '');
    result +=
      plain(text.slice(end, match.index)) + (URL.canParse(address) ? `[${address}](${address})` : plain(address));
    end = match.index + address.length;
  }
  return result + plain(text.slice(end));
}

const plain = (text: string): string => text.replaceAll('[', '(').replaceAll(']', ')');
