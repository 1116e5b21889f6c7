import os from 'node:os';
import * as vscode from 'vscode';

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
