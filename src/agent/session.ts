import { readFile } from 'node:fs/promises';
import type { Clock } from '../base/clock.ts';
import type { Disposable } from '../base/disposable.ts';
import { AgentIdError } from '../base/errors.ts';
import { Emitter } from '../base/event.ts';
import type { Fetch } from '../base/fetch.ts';
import type { Logger } from '../base/logger.ts';
import { discover } from '../cluster/discovery.ts';
import type { KubeApi } from '../cluster/kubeApi.ts';
import { loadKubeconfig } from '../cluster/kubeconfig.ts';
import { pinnedFetch } from '../cluster/pinnedFetch.ts';
import { createSignIn, type SecretStore } from '../identity/signIn.ts';
import type { McpServers } from '../mcp/registry.ts';
import { Connection, type InteractiveSignIn } from './connection.ts';
import { resolveConfiguration, type Configuration, type ConnectionPlan, type Overrides } from './configuration.ts';
import { trustKey, type TrustedIdentity, type TrustStore } from './trust.ts';

export type SessionMode = 'disconnected' | 'connecting' | 'connected' | 'sandbox' | 'apiKey';

/** What a session asks of the person while it connects; absent = nobody may be asked (start-up). */
export interface Interaction {
  signIn: InteractiveSignIn;
  /** Shows who is to be trusted; resolves to true only on an explicit yes. */
  trust(identity: TrustedIdentity): Promise<boolean>;
}

export interface SessionDeps {
  servers: McpServers;
  /** For the tenant of a cluster, and of a sandbox that outlives the window. */
  secrets: SecretStore;
  /** For a sandbox that ends with the window. */
  memory: SecretStore;
  trust: TrustStore;
  overrides(): Overrides;
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
   * when there is nothing to run steps on (no kubeconfig, no such agent, not trusted) or when it was aborted.
   */
  async connect(plan: ConnectionPlan, interaction: Interaction | undefined, signal: AbortSignal): Promise<Connection> {
    this.disconnect();
    const attempt = (this.#attempt = new AbortController());
    const both = AbortSignal.any([signal, attempt.signal]);
    this.#set('connecting', plan);
    try {
      const connection = await this.#open(plan, interaction, both);
      if (both.aborted) {
        connection.dispose();
        both.throwIfAborted();
      }
      this.#connection = connection;
      connection.onDidChange(() => this.#changed.fire());
      this.#changed.fire();
      await connection.start(interaction?.signIn, both);
      this.#set(plan.mode, plan);
      return connection;
    } catch (error) {
      if (this.#attempt === attempt) this.disconnect();
      throw error;
    }
  }

  /** API-key mode: the gateway's servers say that they need a sign-in; the person's own servers work. */
  useApiKey(): void {
    this.disconnect();
    void this.#deps.servers.setGateway({ unavailable: new AgentIdError('agent.gatewayNeedsSignIn') });
    this.#set('apiKey', undefined);
  }

  /** Ends whatever is on, or being tried. Stored sign-ins stay. */
  disconnect(): void {
    this.#attempt?.abort();
    this.#attempt = undefined;
    this.#connection?.dispose();
    this.#connection = undefined;
    void this.#deps.servers.setGateway([]);
    this.#set('disconnected', undefined);
  }

  dispose(): void {
    this.disconnect();
    this.#changed.dispose();
  }

  async #open(plan: ConnectionPlan, interaction: Interaction | undefined, signal: AbortSignal): Promise<Connection> {
    const { logger, servers, clock } = this.#deps;
    const kubeconfig = await loadKubeconfig({ ...(plan.kubeconfig && { path: plan.kubeconfig }), logger });
    const api = await kubeconfig.connect(plan.context);
    try {
      const found = await discover(api, plan.namespace, signal);
      const agent = found.agents.find(candidate => candidate.deployment === plan.deployment);
      if (!agent) throw new AgentIdError('agent.agentGone', { deployment: plan.deployment, namespace: plan.namespace });
      const blocking = agent.problems[0];
      if (blocking) throw blocking;
      const configuration = resolveConfiguration(agent, found.gateway, plan, this.#deps.overrides());
      await this.#confirmTrust(plan, api, configuration, interaction);
      const signIn = await createSignIn(
        {
          authority: configuration.authority.value,
          clientId: configuration.clientId.value,
          scopes: [configuration.scope.value],
          knownAuthority: plan.world?.caFile !== undefined,
        },
        {
          secrets: plan.world?.keepSignIn === false ? this.#deps.memory : this.#deps.secrets,
          fetch: plan.world?.caFile ? await pinnedFetch(await readFile(plan.world.caFile, 'utf8')) : this.#deps.fetch,
          logger,
          clock,
        },
      );
      const { gateway } = found;
      return await Connection.open({ api, agent, gateway, configuration, signIn, servers, logger, clock });
    } catch (error) {
      api.dispose();
      throw error;
    }
  }

  /** DESIGN §4.4: the first use of an API server with a tenant and a blueprint is confirmed and pinned. */
  async #confirmTrust(
    plan: ConnectionPlan,
    api: KubeApi,
    configuration: Configuration,
    interaction: Interaction | undefined,
  ): Promise<void> {
    if (plan.mode === 'sandbox') return; // its identities are made up, and its authority came with it
    const identity: TrustedIdentity = {
      server: api.server,
      tenantId: configuration.tenantId.value,
      blueprintAppId: configuration.blueprintAppId.value,
    };
    if (this.#deps.trust.get(identity.server)?.includes(trustKey(identity))) return;
    if (!interaction || !(await interaction.trust(identity))) throw new AgentIdError('agent.notTrusted');
    await this.#deps.trust.add(identity.server, trustKey(identity));
  }

  #set(mode: SessionMode, plan: ConnectionPlan | undefined): void {
    this.#mode = mode;
    this.#plan = plan;
    this.#changed.fire();
  }
}
