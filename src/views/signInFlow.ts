import * as vscode from 'vscode';
import type { SignInRequest } from '../agent/connection.ts';
import { AgentIdError } from '../base/errors.ts';
import type { DeviceCodePrompt, SignIn, UserToken } from '../identity/signIn.ts';

const t = vscode.l10n.t;

/**
 * Device code through the editor: a modal with the code, then a notification that keeps the code in sight and can be
 * cancelled until the person is done on the page. Rejects with `cancelled` as soon as the person cancels.
 */
export async function signInWithDeviceCode(
  signIn: SignIn,
  signal: AbortSignal,
  { claims }: SignInRequest = {},
): Promise<UserToken> {
  const cancel = new AbortController();
  const both = AbortSignal.any([signal, cancel.signal]);
  const options = {
    location: vscode.ProgressLocation.Notification,
    cancellable: true,
    title: t('Agent ID: signing in'),
  };
  return vscode.window.withProgress(options, (progress, token) => {
    token.onCancellationRequested(() => cancel.abort(new AgentIdError('cancelled')));
    progress.report({ message: t('asking for a code…') });
    const onPrompt = (prompt: DeviceCodePrompt) => {
      progress.report({ message: t('enter the code {0} at {1}', prompt.userCode, prompt.verificationUri) });
      void showCode(prompt).then(go => {
        if (!go) cancel.abort(new AgentIdError('cancelled'));
      });
    };
    return signIn.deviceCode({ onPrompt, ...(claims && { claims }), signal: both });
  });
}

/** True when the person went on to the page. */
async function showCode(prompt: DeviceCodePrompt): Promise<boolean> {
  const go = t('Copy Code and Open Browser');
  const picked = await vscode.window.showInformationMessage(
    t('Your code: {0}', prompt.userCode),
    {
      modal: true,
      detail: t(
        'Enter it at {0}. You asked for this code just now, in this window: never enter a code that somebody sent you.',
        prompt.verificationUri,
      ),
    },
    go,
  );
  if (picked !== go) return false;
  await vscode.env.clipboard.writeText(prompt.userCode);
  await vscode.env.openExternal(vscode.Uri.parse(prompt.verificationUri));
  return true;
}
