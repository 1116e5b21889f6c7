import * as vscode from 'vscode';
import { AgentIdError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { isLoopback } from '../base/loopback.ts';
import { createKeyModel } from '../gateway/keyModel.ts';
import type { ChatModel } from '../gateway/llm.ts';
import type { SecretStore } from '../identity/signIn.ts';
import type { Settings } from '../settings.ts';
import { ask, pick } from './pick.ts';

const t = vscode.l10n.t;
const SECRET = 'agentId.apiKey';

/** Asks for endpoint, model and key. The key is stored with the endpoint that it is for, and sent to no other. */
export async function setApiKey(secrets: SecretStore, settings: Settings): Promise<boolean> {
  const title = t('API key mode (testing: no agent identity)');
  const kind = await pick(title, t('Kind of endpoint'), [
    { label: 'Azure OpenAI', detail: 'https://NAME.openai.azure.com', value: 'azure' as const },
    {
      label: t('OpenAI-compatible'),
      detail: t('any service with /chat/completions under its base URL'),
      value: 'openai' as const,
    },
  ]);
  if (!kind) return false;
  const known = settings.apiKey;
  const same = known.kind === kind;
  const endpoint = await ask(title, t('Endpoint'), endpointProblem, {
    value: same ? known.endpoint : '',
    placeHolder: kind === 'azure' ? 'https://NAME.openai.azure.com' : 'https://api.openai.com/v1',
  });
  if (!endpoint) return false;
  const needed = (value: string) => (value ? undefined : t('A value is needed'));
  const modelPrompt = kind === 'azure' ? t('Deployment') : t('Model');
  const model = await ask(title, modelPrompt, needed, { value: same ? known.model : '' });
  if (!model) return false;
  const key = await ask(title, t('API key: kept in secret storage, sent only to {0}', new URL(endpoint).host), needed, {
    password: true,
  });
  if (!key) return false;
  await secrets.set(SECRET, JSON.stringify({ endpoint, key }));
  const configuration = vscode.workspace.getConfiguration('agentId');
  for (const [name, value] of Object.entries({ kind, endpoint, model })) {
    await configuration.update(`apiKey.${name}`, value, vscode.ConfigurationTarget.Global);
  }
  return true;
}

/** The key that is stored, if any. */
export async function apiKeyOf(secrets: SecretStore): Promise<string[]> {
  const stored = parseStored(await secrets.get(SECRET));
  return stored ? [stored.key] : [];
}

/** The model of API-key mode. Throws `agent.noApiKey` when there is no key, or one for another endpoint. */
export async function keyModel(secrets: SecretStore, settings: Settings, logger: Logger): Promise<ChatModel> {
  const { kind, endpoint, model, apiVersion } = settings.apiKey;
  const problem = endpointProblem(endpoint);
  if (problem) throw new AgentIdError('agent.setting', { setting: 'agentId.apiKey.endpoint', problem });
  const stored = parseStored(await secrets.get(SECRET));
  if (stored?.endpoint !== endpoint) throw new AgentIdError('agent.noApiKey');
  return createKeyModel({
    fetch: (input, init) => fetch(input, init),
    endpoint,
    kind,
    model,
    key: stored.key,
    logger,
    ...(apiVersion && { apiVersion }),
  });
}

/** A key travels over https, or to this machine. */
function endpointProblem(value: string): string | undefined {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (!url || url.username || url.password) return t('A URL such as https://NAME.openai.azure.com');
  const local = isLoopback(url.hostname);
  return url.protocol === 'https:' || (url.protocol === 'http:' && local)
    ? undefined
    : t('https is needed: the key is a secret');
}

function parseStored(text: string | undefined): { endpoint: string; key: string } | undefined {
  try {
    const value: unknown = JSON.parse(text ?? '');
    if (typeof value !== 'object' || value === null || !('endpoint' in value) || !('key' in value)) return undefined;
    const { endpoint, key } = value;
    return typeof endpoint === 'string' && typeof key === 'string' ? { endpoint, key } : undefined;
  } catch {
    return undefined;
  }
}
