import * as vscode from 'vscode';

/** One choice of a list, with the value behind it. */
export interface Choice<T> extends vscode.QuickPickItem {
  value: T;
}

/** Picks one; a list of one is picked by itself. Undefined when the person left. */
export async function pick<T>(
  title: string,
  placeHolder: string,
  choices: readonly Choice<T>[],
): Promise<T | undefined> {
  if (choices.length === 1) return choices[0]?.value;
  const picked = await vscode.window.showQuickPick(choices, {
    title,
    placeHolder,
    ignoreFocusOut: true,
    matchOnDetail: true,
  });
  return picked?.value;
}

/** Asks for a line of text; what `problem` says keeps the box open. Undefined when the person left. */
export async function ask(
  title: string,
  prompt: string,
  problem: (value: string) => string | undefined,
  options: { value?: string; placeHolder?: string; password?: boolean } = {},
): Promise<string | undefined> {
  const value = await vscode.window.showInputBox({
    title,
    prompt,
    ignoreFocusOut: true,
    validateInput: input => problem(input.trim()),
    ...options,
  });
  return value?.trim();
}
