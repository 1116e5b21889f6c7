import * as vscode from 'vscode';
import type { TrustQuestion } from '../agent/trust.ts';
import { sayTrust } from './trustWords.ts';

/** Who is about to be believed, by name, before anything is sent to the cluster. */
export async function confirmTrust(question: TrustQuestion): Promise<boolean> {
  const { title, detail, yes } = sayTrust(vscode.l10n.t, question);
  return (await vscode.window.showWarningMessage(title, { modal: true, detail }, yes)) === yes;
}
