/** A page that the build makes from `src/webviews/<name>` and `media/<name>.css`. */
export type WebviewName = 'chat' | 'inspector' | 'doctor';

export interface WebviewPage {
  readonly view: WebviewName;
  /** The webview's `cspSource`. */
  readonly cspSource: string;
  /** At least 16 random bytes, made anew for every page. */
  readonly nonce: string;
  readonly scriptUri: string;
  readonly styleUri: string;
  /** BCP 47, from `env.language`. */
  readonly lang: string;
  readonly title: string;
  /** English sentence to the person's language: `l10n.bundle`; undefined for English. */
  readonly strings?: Readonly<Record<string, string>> | undefined;
}

/**
 * The whole page of a webview. Nothing may be loaded but our own script (by nonce) and our own style and fonts; there
 * is no connect-src, no inline style and no image from outside, so that rendered model output has no way out. Markup
 * from text is possible in one place only, the purifier (trusted types).
 */
export function webviewHtml(page: WebviewPage): string {
  const policy = [
    "default-src 'none'",
    `img-src ${page.cspSource} data:`,
    `style-src ${page.cspSource}`,
    `font-src ${page.cspSource}`,
    `script-src 'nonce-${page.nonce}'`,
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    'trusted-types dompurify',
  ].join('; ');
  const strings = JSON.stringify(page.strings ?? {}).replace(/</g, '\\u003c'); // no way to close the element from inside
  return `<!DOCTYPE html>
<html lang="${escape(page.lang)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escape(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(page.title)}</title>
<link rel="stylesheet" href="${escape(page.styleUri)}">
</head>
<body data-view="${page.view}">
<script type="application/json" id="strings">${strings}</script>
<script nonce="${escape(page.nonce)}" src="${escape(page.scriptUri)}"></script>
</body>
</html>
`;
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`);
}
