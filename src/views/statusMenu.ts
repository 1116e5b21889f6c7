import * as vscode from 'vscode';
import type { Session } from '../agent/session.ts';
import type { CommandId } from './commands.ts';

const t = vscode.l10n.t;

/** What can be done in this mode, from the status bar. */
export async function showStatusMenu(session: Session): Promise<void> {
  const item = (icon: string, label: string, command: CommandId) => ({ label: `$(${icon}) ${label}`, command });
  const { connection } = session;
  const choices =
    session.mode === 'disconnected'
      ? [
          item('plug', t('Connect to a cluster'), 'agentId.connect'),
          item('beaker', t('Start the sandbox'), 'agentId.startSandbox'),
          item('key', t('Use an API key'), 'agentId.setApiKey'),
          item('pulse', t('Run Doctor'), 'agentId.runDoctor'),
        ]
      : [
          ...(connection
            ? [
                item('key', t('Show Tokens'), 'agentId.showTokens'),
                item('hubot', t('Select Agent…'), 'agentId.selectAgent'),
                ...(connection.account
                  ? [
                      item('account', t('Switch Account…'), 'agentId.forceSignIn'),
                      item('sign-out', t('Sign Out'), 'agentId.signOut'),
                    ]
                  : [item('sign-in', t('Sign In'), 'agentId.signIn')]),
              ]
            : []),
          item('add', t('New Chat'), 'agentId.newChat'),
          item('pulse', t('Run Doctor'), 'agentId.runDoctor'),
          item('settings-gear', t('Show Configuration'), 'agentId.showConfiguration'),
          item('plug', t('Connect…'), 'agentId.connect'),
          item('debug-disconnect', t('Disconnect'), 'agentId.disconnect'),
        ];
  const picked = await vscode.window.showQuickPick([...choices, item('output', t('Show Log'), 'agentId.showLog')], {
    title: 'Agent ID',
  });
  if (picked) await vscode.commands.executeCommand(picked.command);
}
