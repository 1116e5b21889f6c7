import { AgentIdError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { DiscoveredAgent } from '../cluster/discovery.ts';
import type { Tunnel } from '../cluster/tunnel.ts';
import { createGatewayModel, type ChatModel } from '../gateway/llm.ts';
import type { GetOptions } from '../identity/broker.ts';
import type { Configuration } from './configuration.ts';

/** Life that a token must have left when the model is asked, in milliseconds: most answers end within it. */
const TURN_LIFETIME_MS = 120_000;

export interface GatewayModelDeps {
  configuration: Configuration;
  agent: DiscoveredAgent;
  tunnel: Tunnel | undefined;
  /** The agent's token for the LLM. */
  token: (options: GetOptions) => Promise<string>;
  logger: Logger;
}

/** The model behind the gateway: made when it is first asked for, because its library is heavy. */
export class GatewayModel {
  readonly #deps: GatewayModelDeps;
  #model: Promise<ChatModel> | undefined;

  constructor(deps: GatewayModelDeps) {
    this.#deps = deps;
  }

  /** A model whose token lives long enough for a turn. Throws `agent.noGateway` or what the exchange throws. */
  async forTurn(signal: AbortSignal): Promise<ChatModel> {
    const { configuration, agent, tunnel, token, logger } = this.#deps;
    if (!tunnel) throw new AgentIdError('agent.noGateway', { namespace: agent.namespace });
    await token({ minLifetimeMs: TURN_LIFETIME_MS, signal });
    this.#model ??= createGatewayModel({
      fetch: tunnel.fetch,
      baseUrl: `${tunnel.origin}${configuration.llmPath.value}`,
      deployment: configuration.llmDeployment.value,
      apiVersion: configuration.llmApiVersion.value,
      token,
      logger,
    });
    this.#model.catch(() => (this.#model = undefined)); // the next turn tries again
    return this.#model;
  }
}
