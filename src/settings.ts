import * as vscode from 'vscode';

/** What the person set, validated; everything that has no default and no value is undefined. */
export interface Settings {
  kubeconfig?: string;
  connectionFile?: string;
  authority: string;
  clientId: string;
  clientIdIsDefault: boolean;
  scopeName?: string;
  llmDeployment?: string;
  llmApiVersion?: string;
  systemPrompt?: string;
  /** The editor's `http.proxy`. */
  proxy?: string;
  apiKey: { kind: 'azure' | 'openai'; endpoint: string; model: string; apiVersion?: string };
}

/**
 * Reads the settings. Each has application or machine scope, so a workspace can't choose an endpoint, an identity or a
 * key; `inspect` is used all the same, so that a later change of a scope can't open that door.
 */
export function readSettings(): Settings {
  const configuration = vscode.workspace.getConfiguration('agentId');
  const own = <T>(key: string): T | undefined => {
    const found = configuration.inspect<T>(key);
    return found?.globalValue ?? found?.defaultValue;
  };
  const text = (key: string): string | undefined => own<string>(key)?.trim() || undefined;
  return {
    kubeconfig: text('kubeconfig'),
    connectionFile: text('connectionFile'),
    authority: text('authority') ?? 'https://login.microsoftonline.com',
    clientId: text('clientId') ?? '',
    clientIdIsDefault: text('clientId') === configuration.inspect('clientId')?.defaultValue,
    scopeName: text('scopeName'),
    llmDeployment: text('llmDeployment'),
    llmApiVersion: text('llmApiVersion'),
    systemPrompt: text('systemPrompt'),
    proxy: vscode.workspace.getConfiguration('http').inspect<string>('proxy')?.globalValue?.trim() || undefined,
    apiKey: {
      kind: own<string>('apiKey.kind') === 'openai' ? 'openai' : 'azure',
      endpoint: text('apiKey.endpoint') ?? '',
      model: text('apiKey.model') ?? '',
      apiVersion: text('apiKey.apiVersion'),
    },
  };
}
