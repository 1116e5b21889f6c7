import * as vscode from 'vscode';
import type { Failure } from '../protocol/common.ts';
import { asText, copyLabel } from '../protocol/fixers.ts';
import { plainMessage } from './plainMessage.ts';

const t = vscode.l10n.t;

/** Says a failure in a notification: what happened, the next step, who can take it, and the buttons that help. */
export async function showFailure(failure: Failure): Promise<void> {
  const { actions, fix = '' } = failure;
  const copy = copyLabel(t, failure);
  const buttons = [
    ...actions.map(({ id, label }) => ({ title: label, run: () => vscode.commands.executeCommand(id) })),
    ...(copy ? [{ title: copy, run: () => vscode.env.clipboard.writeText(fix) }] : []),
  ];
  const picked = await vscode.window.showErrorMessage(plainMessage(asText(t, failure, ' ')), ...buttons);
  await picked?.run();
}

/** Copies the fix of a tree row. */
export async function copyFix(row: unknown): Promise<void> {
  const fix = typeof row === 'object' && row !== null && 'fix' in row ? row.fix : undefined;
  if (typeof fix === 'string') await vscode.env.clipboard.writeText(fix);
}
