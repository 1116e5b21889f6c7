/**
 * The address that a link in model output may lead to, normalised, or undefined. Only https and mailto: anything else
 * (http, file, vscode, command, javascript, data) could reach into this machine or into the editor.
 */
export function safeHref(href: string): string | undefined {
  if (!/^(?:https|mailto):/i.test(href) || !URL.canParse(href)) return undefined;
  const url = new URL(href);
  return url.username || url.password ? undefined : url.href; // https://bank@evil reads as the bank
}

/** Where the sources of what we say about claims are: nothing else is opened from the inspector. */
const DOCUMENTATION_HOSTS = new Set(['learn.microsoft.com', 'www.rfc-editor.org', 'openid.net', 'github.com']);

/** The address of a page of documentation, normalised, or undefined for any other. */
export function documentationHref(href: string): string | undefined {
  const safe = safeHref(href);
  return safe !== undefined && DOCUMENTATION_HOSTS.has(new URL(safe).host) ? safe : undefined;
}
