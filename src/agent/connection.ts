import type { Clock } from '../base/clock.ts';
import { DisposableStore, type Disposable } from '../base/disposable.ts';
import { AgentIdError } from '../base/errors.ts';
import { Emitter, type Event } from '../base/event.ts';
import type { Logger } from '../base/logger.ts';
import type { DiscoveredAgent, DiscoveredGateway } from '../cluster/discovery.ts';
import type { KubeApi } from '../cluster/kubeApi.ts';
import type { Tunnel } from '../cluster/tunnel.ts';
import type { ChatModel } from '../gateway/llm.ts';
import type { DenialReason, HiddenTool } from '../gateway/policy.ts';
import type { RouteVerdict } from '../gateway/preflight.ts';
import type { PresentedToken } from '../gateway/tokenCheck.ts';
import type { Authority } from '../identity/authority.ts';
import { TokenBroker, type AgentToken, type GetOptions } from '../identity/broker.ts';
import { Sidecar } from '../identity/sidecar.ts';
import type { SigningKeys } from '../identity/signingKeys.ts';
import type { Account, SignIn, SignInWay, UserToken } from '../identity/signIn.ts';
import type { McpServers } from '../mcp/registry.ts';
import { Actor } from './actor.ts';
import type { Configuration } from './configuration.ts';
import { GatewayModel } from './gatewayModel.ts';
import { GatewayRules } from './gatewayRules.ts';
import { GatewayServers } from './gatewayServers.ts';
import { PersonSignIn, type InteractiveSignIn } from './personSignIn.ts';
import { Recovery } from './recovery.ts';
import { StepList, type StepId, type StepState } from './steps.ts';
import { openTunnels, type Tunnels } from './tunnels.ts';

export interface ConnectionDeps {
  api: KubeApi;
  agent: DiscoveredAgent;
  gateway: DiscoveredGateway | undefined;
  configuration: Configuration;
  signIn: SignIn;
  authority: Authority;
  signingKeys: SigningKeys;
  /** Fire when another window, or the editor, may have changed who is signed in. */
  signInChanged: readonly Event<string>[];
  servers: McpServers;
  logger: Logger;
  clock: Clock;
}

/**
 * One agent, one user, one cluster: the tunnels, the token broker and what hangs on them. Each step stands alone; a
 * failed one keeps its error and leaves the others to work as far as they can.
 */
export class Connection implements Disposable {
  readonly configuration: Configuration;
  readonly agent: DiscoveredAgent;
  readonly broker: TokenBroker;
  readonly authority: Authority;
  /** The keys by which the authority signs; asked for only when somebody inspects a token. */
  readonly signingKeys: SigningKeys;
  readonly sidecarTunnel: Tunnel;
  readonly gatewayTunnel: Tunnel | undefined;
  readonly #deps: ConnectionDeps;
  readonly #sidecar: Sidecar;
  readonly #person: PersonSignIn;
  readonly #rules: GatewayRules;
  readonly #model: GatewayModel;
  readonly #gatewayServers: GatewayServers;
  readonly #store = new DisposableStore();
  readonly #steps: StepList;
  readonly #actor: Actor;
  readonly #recovery = new Recovery();
  readonly #changed = this.#store.add(new Emitter<void>());
  readonly onDidChange = this.#changed.event;
  readonly #life = new AbortController();
  #starting: AbortController | undefined;

  private constructor(deps: ConnectionDeps, tunnels: Tunnels) {
    this.#deps = deps;
    this.#steps = new StepList(() => this.#changed.fire(), deps.logger);
    this.#person = new PersonSignIn(deps.signIn, this.#recovery);
    this.#actor = new Actor(deps.signIn, {
      changed: () => this.#changed.fire(),
      ended: () => {
        this.broker.clear();
        this.#gatewayServers.clear(); // their sessions were opened for that user
      },
    });
    this.configuration = deps.configuration;
    this.agent = deps.agent;
    this.authority = deps.authority;
    this.signingKeys = deps.signingKeys;
    this.sidecarTunnel = tunnels.sidecar;
    this.gatewayTunnel = tunnels.gateway;
    const { origin, fetch } = tunnels.sidecar;
    this.#sidecar = new Sidecar({ origin, fetch, logger: deps.logger });
    this.broker = new TokenBroker({
      sidecar: this.#sidecar,
      agentAppId: deps.configuration.agentAppId.value,
      tenantId: deps.configuration.tenantId.value,
      userToken: options => this.#actor.userToken(options),
      audiences: deps.configuration.audiences,
      clock: deps.clock,
      logger: deps.logger,
    });
    this.#rules = new GatewayRules({ ...deps, broker: this.broker });
    const { llmApi, mcpApi } = deps.configuration;
    const tokenFor = (api: string) => async (options: GetOptions) => (await this.#release(api, options)).raw;
    const through = { ...deps, tunnel: tunnels.gateway };
    this.#model = new GatewayModel({ ...through, token: tokenFor(llmApi.value) });
    this.#gatewayServers = this.#store.add(new GatewayServers({ ...through, token: tokenFor(mcpApi.value) }));
    for (const tunnel of [tunnels.sidecar, tunnels.gateway]) {
      if (tunnel) this.#store.add(tunnel.onDidChangeState(() => this.#changed.fire()));
    }
    this.#store.add(this.broker.onDidChange(() => this.#changed.fire()));
    for (const changed of deps.signInChanged) this.#store.add(changed(() => void this.#lookAfterSignIn()));
  }

  /** Opens the tunnels (they dial on first use) and builds the rest; nothing is asked of anybody yet. */
  static async open(deps: ConnectionDeps): Promise<Connection> {
    const routes = deps.configuration.routes.length;
    return new Connection(deps, await openTunnels({ ...deps, routes }));
  }

  get account(): Account | undefined {
    return this.#actor.token?.account;
  }

  /** The user token as it was last seen; it may have expired. */
  get lastUserToken(): UserToken | undefined {
    return this.#actor.token;
  }

  /** Aborted when the user who acts now signs out or makes way for another: what was begun for them must not go on. */
  get actor(): AbortSignal {
    return this.#actor.signal;
  }

  /** How this client may sign people in. */
  get signInWays(): readonly SignInWay[] {
    return this.#deps.signIn.ways;
  }

  get server(): string {
    return this.#deps.api.server;
  }

  get context(): string {
    return this.#deps.api.context;
  }

  step(id: StepId): StepState {
    return this.#steps.get(id);
  }

  /** The first step that failed, with its error. */
  get firstFailure(): { step: StepId; error: unknown } | undefined {
    return this.#steps.firstFailure;
  }

  /** A turn waits for the person to sign in; it says itself what becomes of that. */
  get asking(): boolean {
    return this.#recovery.question !== undefined;
  }

  /**
   * Waits for a sign-in that may mend `error`, by whichever button it is begun; `show` puts the question before the
   * person, once for all who wait. Rejects with the reason when the person declines, or when the sign-in fails.
   */
  waitForSignIn(error: AgentIdError, show: (error: AgentIdError) => Disposable, signal: AbortSignal): Promise<void> {
    return this.#recovery.wait(error, show, AbortSignal.any([signal, this.#life.signal]));
  }

  /**
   * Runs the steps. With `interactive` the person may be asked to sign in; without it a missing sign-in is the failure
   * `agent.signInNeeded`. Resolves when all steps ended; only an abort rejects, which a later start, a sign-out and
   * `dispose` are, too.
   */
  async start(interactive: InteractiveSignIn | undefined, caller: AbortSignal): Promise<void> {
    if (interactive && this.asking) return this.forceSignIn(interactive, caller); // what is at hand does not do
    let asked = false;
    const signIn = async (signal: AbortSignal) => {
      const found = await this.#person.atHandOr(interactive, this.account, signal);
      ({ asked } = found);
      return found.token;
    };
    await this.#pass(signIn, caller, { forceRefresh: () => asked, keepServers: false });
    if (this.step('signIn').kind === 'done') this.#recovery.question?.settle(); // a turn that waits goes on with it
  }

  /**
   * Signs in anew although a token may be at hand, perhaps as somebody else, and forgets every token of the agent. A turn
   * that waits for it needs its own user: when it is that one, the servers stay connected, since calls may be running; and
   * what becomes of the sign-in is for the turn to say, so that only an abort by the caller rejects.
   */
  async forceSignIn(interactive: InteractiveSignIn, caller: AbortSignal): Promise<void> {
    const { question } = this.#recovery;
    const before = this.account;
    let token: UserToken;
    try {
      const request = { anew: true, ...(question && before && { account: before }) };
      token = await this.#person.ask(interactive, request, AbortSignal.any([caller, this.#life.signal]));
    } catch (error) {
      if (!question || caller.aborted || this.#life.signal.aborted) throw error;
      return question.settle(error);
    }
    this.#actor.adopt(token);
    this.broker.clear();
    const keepServers = question !== undefined && before?.oid === token.account.oid && before.tid === token.account.tid;
    try {
      await this.#pass(() => Promise.resolve(token), caller, { forceRefresh: () => true, keepServers });
    } finally {
      question?.settle();
    }
  }

  /** Tc; see `Actor.userToken`. */
  userToken(options: { forceRefresh?: boolean; signal?: AbortSignal }): Promise<UserToken> {
    return this.#actor.userToken(options);
  }

  /**
   * Forgets every token, here first and then in the store, and leaves the gateway's servers saying what they need.
   * Throws `signIn.secretStorage` when the store keeps what it has.
   */
  async signOut(): Promise<void> {
    this.#forgetUser();
    await this.#deps.signIn.signOut();
  }

  /** See `GatewayModel`. */
  modelForTurn(signal: AbortSignal): Promise<ChatModel> {
    return this.#model.forTurn(signal);
  }

  /** See `GatewayRules`, here and below. */
  explainDenial(serverId: string, tool?: { name: string; target: string }): DenialReason | undefined {
    return this.#rules.explainDenial(serverId, tool);
  }

  hiddenTools(serverId: string): HiddenTool[] {
    return this.#rules.hiddenTools(serverId);
  }

  preflight(api: 'llm' | 'mcp', token: PresentedToken): RouteVerdict[] {
    return this.#rules.preflight(api, token);
  }

  dispose(): void {
    this.#life.abort();
    this.broker.clear();
    this.#store.dispose();
    this.sidecarTunnel.dispose();
    this.gatewayTunnel?.dispose();
    this.#deps.api.dispose();
  }

  /** The steps, the first of which is what `signIn` does. */
  async #pass(
    signIn: (signal: AbortSignal) => Promise<UserToken>,
    caller: AbortSignal,
    options: { forceRefresh: () => boolean; keepServers: boolean },
  ): Promise<void> {
    const { llmApi, mcpApi } = this.configuration;
    const { forceRefresh, keepServers } = options;
    this.#starting?.abort();
    this.#starting = new AbortController();
    const exchange = (api: string) => async (signal: AbortSignal) => {
      const token = await this.#release(api, { signal, forceRefresh: forceRefresh() });
      return token.fingerprint.slice(0, 8);
    };
    await this.#steps.runAll(
      {
        sidecar: async signal => {
          await this.#sidecar.healthz(signal);
          return this.agent.deployment;
        },
        signIn: async signal => {
          const token = await signIn(signal);
          signal.throwIfAborted();
          this.#actor.adopt(token);
          return token.account.username;
        },
        llmToken: exchange(llmApi.value),
        mcpToken: exchange(mcpApi.value),
        tools: async signal => String(await this.#gatewayServers.connect(keepServers, signal)),
        noTools: () => {
          if (!keepServers) this.#noTools(); // else calls wait on them, and each says by itself what it lacks
        },
      },
      AbortSignal.any([caller, this.#life.signal, this.#starting.signal]),
    );
  }

  /** The agent's token for an API; a refusal that a sign-in did not mend is told as that. */
  #release(api: string, options: GetOptions): Promise<AgentToken> {
    return this.#recovery.release(api, () => this.broker.get(api, options));
  }

  #forgetUser(): void {
    this.#starting?.abort();
    this.#actor.forget();
    const sidecar = this.step('sidecar');
    this.#steps.reset();
    this.#steps.set('sidecar', sidecar);
    this.#steps.set('signIn', { kind: 'failed', error: new AgentIdError('agent.signInNeeded') });
    this.#noTools();
  }

  /** A sign-out in another window holds here as well, and a sign-in there is one that a turn may wait for here. */
  async #lookAfterSignIn(): Promise<void> {
    try {
      if (await this.#actor.hasLeft()) this.#forgetUser();
      else await this.#takeUpSignIn();
    } catch (error) {
      this.#deps.logger.warn(`The stored sign-in could not be looked at: ${String(error)}`);
    }
  }

  /**
   * Where Entra wanted the person, a new token of theirs says that they were there. Where the sidecar did, only a new
   * sign-in would be a try, and nothing tells it from a renewal by another window.
   */
  async #takeUpSignIn(): Promise<void> {
    const { question } = this.#recovery;
    if (!question || question.error.code.startsWith('sidecar.') || this.#person.busy) return;
    const { account } = this;
    const signal = this.#life.signal;
    const token = await this.#deps.signIn.silent({ ...(account && { account }), signal }).catch(() => undefined);
    if (!token || token.raw === this.lastUserToken?.raw) return;
    if (this.#recovery.question !== question || this.#person.busy) return;
    await this.forceSignIn(() => Promise.resolve(token), signal);
  }

  /** Where no token for MCP could be had, the gateway's servers stand in the list with the reason. */
  #noTools(): void {
    const failed = (['signIn', 'sidecar', 'mcpToken'] as const)
      .map(step => this.step(step))
      .find(state => state.kind === 'failed');
    const reason = failed?.kind === 'failed' ? failed.error : undefined;
    this.#gatewayServers.clear(AgentIdError.is(reason) ? reason : undefined);
  }
}
