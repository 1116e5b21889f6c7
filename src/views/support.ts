import os from 'node:os';
import path from 'node:path';
import * as vscode from 'vscode';
import type { Connection } from '../agent/connection.ts';
import { openUnsaved } from './unsavedDocument.ts';

const t = vscode.l10n.t;

/** Where this runs, and which settings somebody has set (never to what): for a support bundle. */
export function supportFacts(context: vscode.ExtensionContext): {
  environment: Record<string, string>;
  settings: string[];
  home: string;
} {
  const { version, contributes } = context.extension.packageJSON as {
    version: string;
    contributes: { configuration: { properties: Record<string, unknown> } };
  };
  const { env } = vscode;
  const settings = Object.keys(contributes.configuration.properties).filter(
    name => vscode.workspace.getConfiguration().inspect(name)?.globalValue !== undefined,
  );
  return {
    environment: {
      extension: version,
      extensionKind: context.extension.extensionKind === vscode.ExtensionKind.UI ? 'ui' : 'workspace',
      editor: `${env.appName} ${vscode.version}`,
      editorHost: env.appHost,
      remote: env.remoteName ?? 'none',
      language: env.language,
      system: `${os.type()} ${os.release()} ${os.arch()}`,
      node: process.version,
    },
    settings,
    home: os.homedir(),
  };
}

/** The tokens of a connection that are in memory: no piece of one may be in what leaves. */
export function heldTokens(connection: Connection | undefined): string[] {
  if (!connection) return [];
  const { broker, configuration, lastUserToken } = connection;
  const agentTokens = [configuration.llmApi, configuration.mcpApi].map(({ value }) => broker.peek(value));
  return [lastUserToken, ...agentTokens].flatMap(token => token?.raw ?? []);
}

/** Shows a support bundle to be read first, and offers to copy or to save what then stands in the document. */
export async function offerBundle(json: string): Promise<void> {
  const document = await openUnsaved(json, 'json');
  const [copy, save] = [t('Copy'), t('Save…')];
  const message = t(
    'Read the support bundle before you send it: it names your tenant, your applications and your cluster.',
  );
  const picked = await vscode.window.showInformationMessage(message, copy, save);
  const text = document.getText();
  if (picked === copy) await vscode.env.clipboard.writeText(text);
  if (picked !== save) return;
  const defaultUri = vscode.Uri.file(path.join(os.homedir(), 'agent-id-support.json'));
  const file = await vscode.window.showSaveDialog({ defaultUri, filters: { JSON: ['json'] } });
  if (file) await vscode.workspace.fs.writeFile(file, new TextEncoder().encode(text));
}
