import { AgentIdError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import type { Disposable } from '../base/disposable.ts';
import type { Logger } from '../base/logger.ts';
import type { ChatModel } from '../gateway/llm.ts';
import type { DenialReason } from '../gateway/policy.ts';
import { MODEL_NAME, targetOf } from '../mcp/names.ts';
import type { CatalogTool, McpServer, McpServers } from '../mcp/registry.ts';
import { Approvals, type ApprovalAnswer, type ApprovalRequest } from './approvals.ts';
import { Conversation, DEFAULT_SYSTEM_PROMPT } from './conversation.ts';
import type { Connection } from './connection.ts';
import { needsPerson } from './recovery.ts';
import type { ReceiptLog } from './receipts.ts';
import type { Session } from './session.ts';
import type { CallIdentity, ResolvedTool, ToolCallState } from './toolCall.ts';
import { runTurn, type TurnObserver, type TurnOutcome } from './turn.ts';

export interface TurnsDeps {
  session: Session;
  servers: McpServers;
  receipts: ReceiptLog;
  /** The model of API-key mode; throws `agent.noApiKey` or `agent.setting`. */
  keyModel(): Promise<ChatModel>;
  /** The system prompt of API-key mode, where no cluster says one. */
  systemPrompt(): string | undefined;
  askApproval(request: ApprovalRequest, signal: AbortSignal): Promise<ApprovalAnswer>;
  /** Puts the question for a sign-in, and why, before the person, until it is disposed. */
  askSignIn(error: AgentIdError): Disposable;
  logger: Logger;
  clock: Clock;
}

type Observer = TurnObserver & { toolChanged(state: ToolCallState): void };

/** The conversation of the window, and its turns: brings the session's model, tools and identity together. */
export class Turns {
  readonly #deps: TurnsDeps;
  #conversation = new Conversation();
  readonly #usedIds = new Set<string>();
  readonly approvals: Approvals;
  readonly #running = new Set<Promise<TurnOutcome>>();
  readonly #closing = new AbortController();
  /** For whom the last turn ran; undefined with an API key, where nobody acts. */
  #actor: AbortSignal | undefined;

  constructor(deps: TurnsDeps) {
    this.#deps = deps;
    this.approvals = new Approvals((request, signal) => deps.askApproval(request, signal));
  }

  /**
   * Stops what runs, for good, and settles when it has ended and its receipts are written. The window calls it last: a
   * tool call that was made must not be without a receipt.
   */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled(this.#running);
  }

  /** Begins a new conversation; a turn that still runs writes into the old one. */
  clear(): void {
    this.#conversation = new Conversation();
  }

  /**
   * Runs one turn; it stops when the user who began it signs out or makes way for another, and waits where only a sign-in
   * helps. Throws `agent.notConnected` and whatever the token exchange or the model throws.
   */
  run(text: string, observer: Observer, signal: AbortSignal): Promise<TurnOutcome> {
    return this.#keep(this.#run(text, observer, signal));
  }

  /** Goes on with the turn that failed last, from the point where it failed. Throws as `run`. */
  retry(observer: Observer, signal: AbortSignal): Promise<TurnOutcome> {
    return this.#keep(this.#run(undefined, observer, signal));
  }

  #keep(turn: Promise<TurnOutcome>): Promise<TurnOutcome> {
    this.#running.add(turn);
    return turn.finally(() => this.#running.delete(turn));
  }

  async #run(text: string | undefined, observer: Observer, caller: AbortSignal): Promise<TurnOutcome> {
    const { session, servers, clock } = this.#deps;
    const { connection } = session; // the turn's own, whatever the session connects to meanwhile
    const actor = connection?.actor;
    const conversation = this.#conversation;
    if (actor !== this.#actor) {
      this.approvals.clear(); // they were given to whoever acted then
      conversation.abandonCalls(); // and so were the calls asked for
    }
    this.#actor = actor;
    const signal = AbortSignal.any([caller, this.#closing.signal, ...(actor ? [actor] : [])]);
    signal.throwIfAborted();
    // What the gateway offers to a connection that came later is for that one's agent and user.
    const mine = (server: McpServer) => server.spec.kind === 'direct' || session.connection === connection;
    const catalog = () => servers.catalog().filter(entry => mine(entry.server));
    return runTurn(text, {
      model: this.#model(connection, signal),
      systemPrompt: connection
        ? connection.configuration.systemPrompt.value
        : (this.#deps.systemPrompt() ?? DEFAULT_SYSTEM_PROMPT),
      conversation,
      observer,
      usedIds: this.#usedIds,
      signal,
      clock,
      approvals: this.approvals,
      tools: () => catalog().map(entry => toolSpec(entry)),
      resolve: name => resolveTool(name, catalog(), servers.list().filter(mine)),
      identity: server => callIdentity(connection, server),
      explainDenial: resolved => denialOf(connection, resolved),
      mend: async error => {
        if (!connection || signal.aborted || !needsPerson(error)) return false;
        await connection.waitForSignIn(error, reason => this.#deps.askSignIn(reason), signal);
        return true;
      },
      appendReceipt: async receipt => {
        try {
          await this.#deps.receipts.append(receipt);
        } catch (error) {
          this.#deps.logger.error(`The receipt of call ${receipt.callId} could not be written: ${String(error)}`);
        }
      },
      onChange: state => observer.toolChanged(state),
    });
  }

  /** The model of the turn, as it is needed: with an API key one for the whole turn. */
  #model(connection: Connection | undefined, signal: AbortSignal): () => Promise<ChatModel> {
    const { session } = this.#deps;
    const { mode } = session;
    let keyModel: Promise<ChatModel> | undefined;
    return async () => {
      if (mode === 'apiKey') return (keyModel ??= this.#deps.keyModel());
      if (!connection || mode === 'connecting') throw new AgentIdError('agent.notConnected');
      return connection.modelForTurn(signal);
    };
  }
}

function toolSpec({ modelName, tool, parameters }: CatalogTool) {
  return { name: modelName, description: tool.description, parameters };
}

/**
 * The tool behind a name that the model used. A name that nobody lists may still be one that the gateway hides: when its
 * prefix is a target of a gateway server (`<target>_<tool>`), the call goes there, so that the gateway itself refuses it.
 */
function resolveTool(
  modelName: string,
  catalog: readonly CatalogTool[],
  servers: readonly McpServer[],
): ResolvedTool | undefined {
  const listed = catalog.find(entry => entry.modelName === modelName);
  if (listed) {
    const { server, tool } = listed;
    return { server, name: tool.name, tool, listed: true, ...targetOf(tool.name, server.spec.targets ?? []) };
  }
  if (!MODEL_NAME.test(modelName)) return undefined;
  for (const server of servers) {
    if (server.spec.kind !== 'gateway' || server.state.kind !== 'ready') continue;
    const own = targetOf(modelName, server.spec.targets ?? []);
    if (own.target) return { server, name: modelName, listed: false, ...own };
  }
  return undefined;
}

function denialOf(
  connection: Connection | undefined,
  { server, ownName, target }: ResolvedTool,
): DenialReason | undefined {
  return target ? connection?.explainDenial(server.spec.id, { name: ownName, target }) : undefined;
}

function callIdentity(connection: Connection | undefined, server: McpServer): CallIdentity | undefined {
  if (!connection?.account || server.spec.kind !== 'gateway') return undefined;
  const token = connection.broker.peek(connection.configuration.mcpApi.value);
  return {
    user: { oid: connection.account.oid, username: connection.account.username },
    agent: connection.configuration.agentAppId.value,
    blueprint: connection.configuration.blueprintAppId.value,
    ...(token && {
      token: { audience: String(token.claims['aud']), fingerprint: token.fingerprint, expiresAt: token.expiresAt },
    }),
  };
}
