import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { PluginRun } from '../cluster/pluginProcess.ts';
import { plainMessage } from './plainMessage.ts';
import { pluginText } from './pluginText.ts';

const t = vscode.l10n.t;

/** A plugin that needs nobody is done by then, and nothing flickers. */
const QUICK_MS = 2_000;

/**
 * Shows a credential plugin at work, as soon as it says something or takes its time: its own words with its device code,
 * and its page as a link that opens only when it is pressed, after the editor's question. Gone when the plugin is.
 */
export function showPlugin(run: PluginRun): void {
  let said = '';
  let tell: ((text: string) => void) | undefined;
  let over = false;
  const show = (): void => {
    clearTimeout(slow);
    if (over || tell) return;
    tell = () => {};
    const options = {
      location: vscode.ProgressLocation.Notification,
      cancellable: true,
      title: plainMessage(t('Agent ID: signing in to the cluster with {0}', basename(run.command))),
    };
    void vscode.window.withProgress(options, (progress, token) => {
      token.onCancellationRequested(() => run.cancel());
      tell = message => progress.report({ message });
      if (said) tell(said);
      return run.ended;
    });
  };
  const slow = setTimeout(show, QUICK_MS);
  run.onOutput(text => {
    said = pluginText(text);
    show();
    tell?.(said);
  });
  void run.ended.then(() => {
    over = true;
    clearTimeout(slow);
  });
}
