/**
 * The address that a link in model output may lead to, normalised, or undefined. Only https and mailto: anything else
 * (http, file, vscode, command, javascript, data) could reach into this machine or into the editor.
 */
export function safeHref(href: string): string | undefined {
  if (!/^(?:https|mailto):/i.test(href) || !URL.canParse(href)) return undefined;
  const url = new URL(href);
  return url.username || url.password ? undefined : url.href; // https://bank@evil reads as the bank
}
