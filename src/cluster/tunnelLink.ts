import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock, type Clock } from '../base/clock.ts';
import { AgentIdError, describe, isCancellation } from '../base/errors.ts';
import { Emitter, type Event } from '../base/event.ts';
import type { Logger } from '../base/logger.ts';
import { SingleFlight } from '../base/singleFlight.ts';
import { dialPod } from './dialPod.ts';
import type { KubeApi } from './kubeApi.ts';
import { pickPod } from './pods.ts';
import type { PortForwardStream } from './portForward.ts';

/** How a tunnel is doing; `pod` is the one that is talked to, `error` what is in the way. */
export type TunnelState = {
  kind: 'idle' | 'connecting' | 'ready' | 'reconnecting' | 'failed';
  /** When `kind` began, in milliseconds since the epoch. */
  since: number;
  pod?: string;
  error?: AgentIdError;
};

export interface LinkOptions {
  api: KubeApi;
  name: string;
  namespace: string;
  selector: Record<string, string>;
  port: number;
  logger: Logger;
  clock?: Clock;
}

/** All in milliseconds; the tests shorten them. */
export interface LinkTimes {
  /** How long requests wait for a pod that was there before: a rollout takes seconds. */
  patience: number;
  /** First and longest pause between attempts. */
  backoffMin: number;
  backoffMax: number;
  /** A pod's port refuses only after the dial has succeeded: a connection that lives this long was not refused. */
  settle: number;
  /** A spare is replaced at this age, well before Kestrel (130 s) or the gateway (10 min) would hang up on it. */
  spareAge: number;
  /** Without a request for this long, the spare is let go and nothing is dialled in the background. */
  idle: number;
  /** How long a choice of pod is trusted without asking again. */
  podAge: number;
  heartbeat: number;
  /** How often the clock is looked at; when it has jumped by `sleep` more, the machine was asleep. */
  look: number;
  sleep: number;
  /** How long a connection may take after that to show that it is still there. */
  probe: number;
}

export const LINK_TIMES: LinkTimes = {
  patience: 15_000,
  backoffMin: 250,
  backoffMax: 5_000,
  settle: 300,
  spareAge: 60_000,
  idle: 10 * 60_000,
  podAge: 30_000,
  heartbeat: 8_000,
  look: 1_000,
  sleep: 10_000,
  probe: 2_000,
};

/** Failures that time may heal; everything else needs a person. */
const TRANSIENT = new Set([
  'cluster.unreachable',
  'cluster.notFound',
  'tunnel.noReadyPod',
  'tunnel.dialFailed',
  'tunnel.refused',
  'tunnel.podError',
  'tunnel.lost',
  'tunnel.unresponsive',
]);

/**
 * Where a tunnel's connections come from: it knows the pod, dials it, waits out rollouts with growing pauses, keeps one
 * connection in reserve, and says how it is doing.
 */
export class TunnelLink {
  readonly #options: LinkOptions;
  readonly #times: LinkTimes;
  readonly #clock: Clock;
  readonly #watchdog: NodeJS.Timeout;
  readonly #closing = new AbortController();
  readonly #changed = new Emitter<TunnelState>();
  readonly #picking = new SingleFlight<string>();
  readonly #streams = new Set<PortForwardStream>();
  readonly onDidChangeState: Event<TunnelState> = this.#changed.event;
  #state: TunnelState;
  #pod: { name: string; until: number } | undefined;
  #lastPod: string | undefined;
  #spare: { stream: PortForwardStream; taken(): void } | undefined;
  #warming: Promise<void> | undefined;
  #proven = false;
  #outageSince: number | undefined;
  #lastUse: number;
  #lastLook: number;

  constructor(options: LinkOptions, times: LinkTimes) {
    this.#options = options;
    this.#times = times;
    this.#clock = options.clock ?? systemClock;
    this.#lastUse = this.#lastLook = this.#clock.now();
    this.#state = { kind: 'connecting', since: this.#lastUse };
    this.#watchdog = setInterval(() => this.#lookAtClock(), times.look).unref();
    this.#warm();
  }

  get state(): TunnelState {
    return this.#state;
  }

  /** A connection into the pod: the spare, or a new one. @throws the last failure when patience is at its end */
  async connect(): Promise<PortForwardStream> {
    this.#lastUse = this.#clock.now();
    const spare = this.#takeSpare();
    this.#warm();
    if (spare) return spare;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#dial();
      } catch (error) {
        const pause = AgentIdError.is(error) ? this.pauseBeforeRetry(error, attempt) : undefined;
        if (pause === undefined) throw error;
        await this.#sleep(pause);
      }
    }
  }

  /** A request was answered, or a connection outlived its first moments: there is somebody at the other end. */
  proved(): void {
    if (this.#closing.signal.aborted) return;
    this.#outageSince = undefined;
    this.#proven = true;
    if (this.#state.kind !== 'ready' || this.#state.pod !== this.#lastPod) this.#set({ kind: 'ready' });
  }

  /** Takes note of a failure of the path: the pod is looked up anew, and the reserve is not trusted any more. */
  failed(error: AgentIdError): void {
    if (this.#closing.signal.aborted) return;
    this.#pod = undefined;
    this.#outageSince ??= this.#clock.now();
    this.#takeSpare()?.destroy();
    const transient = isTransient(error);
    this.#set({ kind: transient ? 'reconnecting' : 'failed', error });
    if (transient) this.#warm(); // its keeper may have given up before this connection was lost: somebody must be at it
  }

  /**
   * Milliseconds to wait before another attempt after `error`, or undefined when none is worth it: the failure needs a
   * person, nobody was ever reached, or the outage has lasted longer than a rollout does.
   */
  pauseBeforeRetry(error: AgentIdError, attempt: number): number | undefined {
    if (!isTransient(error) || !this.#proven) return undefined;
    const outage = this.#clock.now() - (this.#outageSince ?? this.#clock.now());
    return outage < this.#times.patience ? this.#backoff(attempt) : undefined;
  }

  /** Closes every connection; settles when they are gone. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(new AgentIdError('tunnel.closed', { name: this.#options.name }));
    clearInterval(this.#watchdog);
    for (const stream of this.#streams) stream.destroy();
    this.#set({ kind: 'idle' });
    this.#changed.dispose();
    await Promise.all([this.#warming, ...[...this.#streams].map(stream => stream.released)]);
  }

  async #dial(): Promise<PortForwardStream> {
    const { api, namespace, port } = this.#options;
    const { signal } = this.#closing;
    for (let attempt = 1; ; attempt++) {
      const remembered = this.#pod !== undefined;
      try {
        signal.throwIfAborted();
        const pod = await this.#pickPod();
        const stream = await dialPod(api, { namespace, pod, port }, { signal, heartbeatMs: this.#times.heartbeat });
        this.#watch(stream);
        return stream;
      } catch (error) {
        signal.throwIfAborted();
        if (!AgentIdError.is(error)) throw error;
        this.failed(error);
        // What we remembered about the pod was out of date: look again at once, before anybody has to wait.
        if (!(remembered && attempt === 1 && isTransient(error))) throw error;
      }
    }
  }

  async #pickPod(): Promise<string> {
    if (this.#pod && this.#clock.now() < this.#pod.until) return this.#pod.name;
    const { api, namespace, selector, name, logger } = this.#options;
    const { signal } = this.#closing;
    const pod = await this.#picking.run(
      '',
      inner => pickPod(api, { namespace, selector }, this.#lastPod, inner),
      signal,
    );
    if (pod !== this.#lastPod) logger.info(`${name}: talking to pod ${pod}`);
    this.#lastPod = pod;
    this.#pod = { name: pod, until: this.#clock.now() + this.#times.podAge };
    return pod;
  }

  #watch(stream: PortForwardStream): void {
    this.#streams.add(stream);
    void stream.released.then(() => this.#streams.delete(stream));
    void stream.ended.then(error => {
      if (error && error.code !== 'tunnel.stale') this.failed(error);
    });
  }

  /**
   * Timers stand still while a machine sleeps and its clock goes on. Whoever was at the other end has hung up meanwhile, and
   * no packet says so: every connection is asked at once, not by the heartbeat, and the outage counts from the waking.
   */
  #lookAtClock(): void {
    const now = this.#clock.now();
    const slept = now - this.#lastLook;
    this.#lastLook = now;
    if (slept < this.#times.look + this.#times.sleep) return;
    this.#options.logger.info(
      `${this.#options.name}: the clock went on by ${Math.round(slept / 1000)} s: looking again`,
    );
    this.#pod = undefined;
    this.#outageSince = undefined;
    this.#lastUse = now;
    for (const stream of this.#streams) stream.probe(this.#times.probe);
    this.#warm();
  }

  /** Starts the keeper of the spare unless it runs. */
  #warm(): void {
    if (this.#closing.signal.aborted) return;
    this.#warming ??= this.#keepSpare()
      .catch((error: unknown) => {
        if (isCancellation(error) || this.#closing.signal.aborted) return;
        this.#options.logger.debug(`${this.#options.name}: no connection in reserve: ${describe(error)}`);
      })
      .finally(() => (this.#warming = undefined));
  }

  /** One connection in reserve makes the next request fast, and its death is how we notice a lost pod early. */
  async #keepSpare(): Promise<void> {
    let attempt = 0;
    while (this.#inUse()) {
      try {
        const stream = await this.#dial();
        await this.#settle(stream);
        attempt = 0;
        this.proved();
        await this.#hold(stream);
      } catch (error) {
        if (!AgentIdError.is(error) || !isTransient(error)) throw error;
        await this.#sleep(this.#backoff(++attempt));
      }
    }
    this.#takeSpare()?.destroy();
    const { kind, error } = this.#state;
    if (kind === 'reconnecting') this.#set({ kind: 'failed', ...(error ? { error } : {}) });
  }

  /** Waits until a new connection has outlived the moment in which a refused port shows. */
  async #settle(stream: PortForwardStream): Promise<void> {
    const early = await Promise.race([stream.ended, this.#sleep(this.#times.settle).then(() => 'alive' as const)]);
    if (early === 'alive') return;
    stream.destroy();
    if (early) throw early; // noted already
    const error = new AgentIdError('tunnel.lost', { pod: this.#lastPod ?? '', port: this.#options.port });
    this.failed(error);
    throw error;
  }

  /** Offers `stream` as the spare until it is taken, dies or grows old; its successor replaces it when that stands. */
  async #hold(stream: PortForwardStream): Promise<void> {
    this.#takeSpare()?.destroy();
    const taken = new Promise<void>(resolve => (this.#spare = { stream, taken: resolve }));
    await Promise.race([stream.ended, taken, this.#sleep(this.#times.spareAge)]);
    if (!stream.alive) stream.destroy();
  }

  #takeSpare(): PortForwardStream | undefined {
    const spare = this.#spare;
    this.#spare = undefined;
    spare?.taken();
    return spare?.stream.alive ? spare.stream : undefined;
  }

  #inUse(): boolean {
    return !this.#closing.signal.aborted && this.#clock.now() - this.#lastUse < this.#times.idle;
  }

  async #sleep(milliseconds: number): Promise<void> {
    const { signal } = this.#closing;
    await sleep(milliseconds, undefined, { signal, ref: false }).catch(() => signal.throwIfAborted());
  }

  /** Doubles with every attempt, with jitter so that many clients do not come back in step. */
  #backoff(attempt: number): number {
    const { backoffMin, backoffMax } = this.#times;
    return Math.min(backoffMax, backoffMin * 2 ** (attempt - 1)) * (0.5 + Math.random() / 2);
  }

  #set(state: Omit<TunnelState, 'since' | 'pod'>): void {
    const { name, logger } = this.#options;
    const pod = this.#lastPod;
    const since = state.kind === this.#state.kind ? this.#state.since : this.#clock.now();
    this.#state = { ...state, since, ...(pod ? { pod } : {}) };
    const { kind, error } = this.#state;
    logger.debug(`${name}: ${kind}${error ? ` (${error.code})` : ''}`);
    this.#changed.fire(this.#state);
  }
}

function isTransient(error: AgentIdError): boolean {
  if (error.code === 'cluster.badResponse')
    return Number(error.args['status']) === 429 || Number(error.args['status']) >= 500;
  return TRANSIENT.has(error.code);
}
