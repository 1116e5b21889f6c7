import * as vscode from 'vscode';

/** Opens a link of a webview outside, after the editor's own question; the protocol let through https and mailto only. */
export function openLink(href: string): void {
  void vscode.env.openExternal(vscode.Uri.parse(href, true));
}
