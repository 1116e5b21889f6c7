import { describe } from '../base/errors.ts';
import type { Fetch } from '../base/fetch.ts';
import type { Logger } from '../base/logger.ts';
import type { ChatModel, ChatRequest, ModelEvent } from './chat.ts';
import { streamCompletion } from './completion.ts';
import { newTokenMayHelp } from './translate.ts';

export type { ChatMessage, ChatModel, ChatRequest, ModelEvent, ToolSpec } from './chat.ts';

/**
 * The model behind AgentGateway's LLM route: requests go to
 * `{baseUrl}/openai/deployments/{deployment}/chat/completions?api-version=…` with the agent's token as bearer. The
 * gateway's route rewrites the prefix and passes the token through to Azure OpenAI.
 *
 * `token` is asked before every request and fails it with its own error (no token, no call); it is asked once more,
 * with `forceRefresh`, when the gateway refuses the first one for its age or key.
 */
export async function createGatewayModel(options: {
  fetch: Fetch;
  /** The gateway's LLM route, for example `http://gateway.invalid/llm`. */
  baseUrl: string;
  deployment: string;
  apiVersion: string;
  token(options: { forceRefresh?: boolean; signal?: AbortSignal }): Promise<string>;
  logger: Logger;
}): Promise<ChatModel> {
  const { fetch, deployment, apiVersion, logger } = options;
  const base = new URL(options.baseUrl);
  const baseURL = `${base.href.replace(/\/+$/, '')}/openai`;
  const deps = { fetch, logger, asked: { route: base.pathname, host: base.host, deployment } };

  async function* attempt(request: ChatRequest, forceRefresh: boolean): AsyncGenerator<ModelEvent> {
    const token = await options.token({ signal: request.signal, ...(forceRefresh && { forceRefresh }) });
    const { AzureOpenAI } = await import('openai');
    yield* streamCompletion(
      // An empty key keeps the SDK from taking AZURE_OPENAI_API_KEY out of the environment beside the token.
      common =>
        new AzureOpenAI({
          ...common,
          baseURL,
          apiVersion,
          deployment,
          apiKey: '',
          azureADTokenProvider: async () => token,
        }),
      request,
      deps,
    );
  }

  return {
    label: deployment,
    async *stream(request) {
      try {
        yield* attempt(request, false);
      } catch (error) {
        // These errors are read off the status line, so nothing of an answer has been consumed.
        if (!newTokenMayHelp(error)) throw error;
        logger.info(`llm: ${describe(error)}, asking once more with a new token`);
        yield* attempt(request, true);
      }
    },
  };
}
