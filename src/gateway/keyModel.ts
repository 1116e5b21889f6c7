import { AgentIdError } from '../base/errors.ts';
import type { Fetch } from '../base/fetch.ts';
import type { Logger } from '../base/logger.ts';
import { isLoopback } from '../base/loopback.ts';
import type { ChatModel } from './chat.ts';
import { streamCompletion, type ClientFactory } from './completion.ts';

/** `apiVersion` of an Azure endpoint when none is set: the newest stable data-plane version with streamed usage. */
const DEFAULT_API_VERSION = '2024-10-21';

/**
 * API-key mode, for testing: straight to an Azure OpenAI resource (`api-key` header) or an OpenAI-compatible endpoint
 * (bearer), with no gateway and no agent identity on the way. Throws `llm.endpointInvalid`.
 */
export async function createKeyModel(options: {
  fetch: Fetch;
  /** `https://RESOURCE.openai.azure.com`, or what goes before `/chat/completions` of a compatible server. */
  endpoint: string;
  kind: 'azure' | 'openai';
  /** Deployment (azure) or model (openai). */
  model: string;
  apiVersion?: string;
  key: string;
  logger: Logger;
}): Promise<ChatModel> {
  const { fetch, key, model, logger } = options;
  const endpoint = parseEndpoint(options.endpoint);
  const base = endpoint.href.replace(/\/+$/, '');
  const deps = { fetch, logger, asked: { host: endpoint.host, deployment: model } };
  const { AzureOpenAI, OpenAI } = await import('openai');
  const factory: ClientFactory =
    options.kind === 'azure'
      ? common =>
          new AzureOpenAI({
            ...common,
            baseURL: base.endsWith('/openai') ? base : `${base}/openai`,
            apiVersion: options.apiVersion ?? DEFAULT_API_VERSION,
            deployment: model,
            apiKey: key,
          })
      : common => new OpenAI({ ...common, baseURL: base, apiKey: key });
  return { label: model, stream: request => streamCompletion(factory, request, deps) };
}

/** A key leaves this machine over https only, and never beside credentials in the URL. */
function parseEndpoint(text: string): URL {
  const url = URL.parse(text);
  const loopback = url && isLoopback(url.hostname);
  const allowed = url && (url.protocol === 'https:' || (url.protocol === 'http:' && loopback));
  if (!allowed || url.username || url.password) throw new AgentIdError('llm.endpointInvalid');
  url.search = url.hash = '';
  return url;
}
