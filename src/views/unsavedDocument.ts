import * as vscode from 'vscode';

/** Opens text as a document that is in no file yet: the person reads it first, and saves it where they like. */
export async function openUnsaved(content: string, language: string): Promise<vscode.TextDocument> {
  const document = await vscode.workspace.openTextDocument({ content, language });
  await vscode.window.showTextDocument(document);
  return document;
}
