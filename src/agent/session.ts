import type { Clock } from '../base/clock.ts';
import type { Disposable } from '../base/disposable.ts';
import { AgentIdError } from '../base/errors.ts';
import { Emitter } from '../base/event.ts';
import type { Fetch } from '../base/fetch.ts';
import type { Logger } from '../base/logger.ts';
import type { PluginRun } from '../cluster/pluginProcess.ts';
import type { EditorAccounts, SecretStore } from '../identity/types.ts';
import type { McpServers } from '../mcp/registry.ts';
import type { Connection } from './connection.ts';
import type { InteractiveSignIn } from './personSignIn.ts';
import type { ConnectionPlan, Overrides } from './configuration.ts';
import type { TrustQuestion, TrustStore } from './trust.ts';

export type SessionMode = 'disconnected' | 'connecting' | 'connected' | 'sandbox' | 'apiKey';

/** What a session asks of the person while it connects; absent = nobody may be asked (start-up). */
export interface Interaction {
  signIn: InteractiveSignIn;
  /** Shows who is to be trusted; resolves to true only on an explicit yes. */
  trust(question: TrustQuestion): Promise<boolean>;
}

export interface SessionDeps {
  servers: McpServers;
  /** For the tenant of a cluster, and of a sandbox that outlives the window. */
  secrets: SecretStore;
  /** For a sandbox that ends with the window. */
  memory: SecretStore;
  /** The editor's own Microsoft accounts. */
  editorAccounts?: EditorAccounts;
  trust: TrustStore;
  overrides(): Overrides;
  /**
   * Called when a plan has led to a connection, before it takes the place of what was on and its steps run: a reload may
   * come before they end.
   */
  opened(plan: ConnectionPlan): void;
  /** Shows a credential plugin of the kubeconfig at work. */
  watchPlugin?: (run: PluginRun) => void;
  /** The editor's fetch (proxy, system certificates). */
  fetch: Fetch;
  logger: Logger;
  clock: Clock;
}

/** Which mode is on, and the connection behind it. One at a time; a new one ends the one before. */
export class Session implements Disposable {
  readonly #deps: SessionDeps;
  readonly #changed = new Emitter<void>();
  readonly onDidChange = this.#changed.event;
  #mode: SessionMode = 'disconnected';
  #plan: ConnectionPlan | undefined;
  #connection: Connection | undefined;
  #attempt: AbortController | undefined;

  constructor(deps: SessionDeps) {
    this.#deps = deps;
  }

  get mode(): SessionMode {
    return this.#mode;
  }

  get plan(): ConnectionPlan | undefined {
    return this.#plan;
  }

  get connection(): Connection | undefined {
    return this.#connection;
  }

  /**
   * Connects as the plan says and runs the steps. Resolves with the connection, whose steps say what failed; throws
   * when there is nothing to run steps on (no kubeconfig, no such agent, not trusted) or when it was aborted. What was on
   * stays until there is something to run them on: whoever declines, or meets a failure, still has it.
   */
  async connect(plan: ConnectionPlan, interaction: Interaction | undefined, signal: AbortSignal): Promise<Connection> {
    this.#attempt?.abort();
    if (this.#mode === 'connecting') this.disconnect(); // half a connection is nothing to keep
    const attempt = (this.#attempt = new AbortController());
    const both = AbortSignal.any([signal, attempt.signal]);
    if (this.#mode === 'disconnected') this.#set('connecting', plan);
    try {
      const { openConnection } = await import('./openConnection.ts'); // tunnels, policy and sign-in come with it
      const connection = await openConnection(plan, interaction, this.#deps, both);
      if (both.aborted) {
        connection.dispose();
        both.throwIfAborted();
      }
      this.#deps.opened(plan);
      this.#end();
      this.#connection = connection;
      connection.onDidChange(() => this.#changed.fire());
      this.#set('connecting', plan);
      await connection.start(interaction?.signIn, both);
      both.throwIfAborted();
      this.#set(plan.mode, plan);
      return connection;
    } catch (error) {
      const reason: unknown = both.aborted ? both.reason : error; // what an abort broke is no news
      if (this.#attempt === attempt && this.#mode === 'connecting') this.disconnect();
      throw reason;
    }
  }

  /** API-key mode: the gateway's servers say that they need a sign-in; the person's own servers work. */
  useApiKey(): void {
    this.disconnect();
    this.#deps.servers.setGateway({ unavailable: new AgentIdError('agent.gatewayNeedsSignIn') });
    this.#set('apiKey', undefined);
  }

  /** Ends whatever is on, or being tried. Stored sign-ins stay. */
  disconnect(): void {
    this.#attempt?.abort();
    this.#attempt = undefined;
    this.#end();
    this.#set('disconnected', undefined);
  }

  dispose(): void {
    this.disconnect();
    this.#changed.dispose();
  }

  #end(): void {
    this.#connection?.dispose();
    this.#connection = undefined;
    this.#deps.servers.setGateway([]);
  }

  #set(mode: SessionMode, plan: ConnectionPlan | undefined): void {
    this.#mode = mode;
    this.#plan = plan;
    this.#changed.fire();
  }
}
