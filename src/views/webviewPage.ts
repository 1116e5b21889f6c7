import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import { webviewHtml, type WebviewName } from '../protocol/html.ts';

/** Gives a webview its page, its options and nothing else: only our script and style load, and no form or command link works. */
export function fillWebview(webview: vscode.Webview, extensionUri: vscode.Uri, view: WebviewName, title: string): void {
  const root = vscode.Uri.joinPath(extensionUri, 'dist', 'webviews');
  const uri = (file: string) => webview.asWebviewUri(vscode.Uri.joinPath(root, file)).toString();
  webview.options = { enableScripts: true, enableForms: false, enableCommandUris: false, localResourceRoots: [root] };
  webview.html = webviewHtml({
    view,
    title,
    cspSource: webview.cspSource,
    nonce: randomBytes(16).toString('base64url'),
    scriptUri: uri(`${view}.js`),
    styleUri: uri(`${view}.css`),
    lang: vscode.env.language,
    strings: translations(),
  });
}

/** The bundle of the display language, which `l10n.t` uses in the host; English has none. */
function translations(): Record<string, string> | undefined {
  const bundle = vscode.l10n.bundle;
  return bundle && Object.fromEntries(Object.entries(bundle).filter(entry => typeof entry[1] === 'string'));
}
