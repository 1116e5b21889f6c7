import * as vscode from 'vscode';

/** Every command that package.json declares, and no other: lint compares the two. */
export const commandIds = [
  'agentId.signIn',
  'agentId.forceSignIn',
  'agentId.signInWithDeviceCode',
  'agentId.signInInBrowser',
  'agentId.signInWithEditorAccount',
  'agentId.signOut',
  'agentId.connect',
  'agentId.disconnect',
  'agentId.selectAgent',
  'agentId.runDoctor',
  'agentId.showTokens',
  'agentId.copyRawToken',
  'agentId.inspectPastedToken',
  'agentId.addMcpServer',
  'agentId.removeMcpServer',
  'agentId.refreshMcpServers',
  'agentId.enableMcpServer',
  'agentId.disableMcpServer',
  'agentId.newChat',
  'agentId.clearConversation',
  'agentId.showConfiguration',
  'agentId.startSandbox',
  'agentId.stopSandbox',
  'agentId.setApiKey',
  'agentId.copyFix',
  'agentId.showLog',
  'agentId.openSettings',
  'agentId.openStatusMenu',
] as const;
export type CommandId = (typeof commandIds)[number];

/** What each command does; a missing one does not compile. `argument` is the tree row that it was called on. */
export type CommandHandlers = Record<CommandId, (argument?: unknown) => unknown>;

/** Registers all commands; whatever one throws goes to `report`, once. */
export function registerCommands(handlers: CommandHandlers, report: (error: unknown) => void): vscode.Disposable {
  return vscode.Disposable.from(
    ...commandIds.map(id =>
      vscode.commands.registerCommand(id, async (argument?: unknown) => {
        try {
          return await handlers[id](argument);
        } catch (error) {
          report(error);
          return undefined;
        }
      }),
    ),
  );
}
