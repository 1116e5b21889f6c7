import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock, type Clock } from '../base/clock.ts';
import { AgentIdError, describe, isCancellation } from '../base/errors.ts';
import { Emitter, type Event } from '../base/event.ts';
import type { Logger } from '../base/logger.ts';
import { SingleFlight } from '../base/singleFlight.ts';
import { dialPod } from './dialPod.ts';
import type { KubeApi } from './kubeApi.ts';
import { backoff, isTransient, type LinkTimes } from './patience.ts';
import { pickPod } from './pods.ts';
import type { PortForwardStream } from './portForward.ts';
import { WakeWatch } from './wakeWatch.ts';

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

/**
 * Where a tunnel's connections come from: it knows the pod, dials it, waits out rollouts with growing pauses, keeps one
 * connection in reserve, and says how it is doing.
 */
export class TunnelLink {
  readonly #options: LinkOptions;
  readonly #times: LinkTimes;
  readonly #clock: Clock;
  readonly #wakeWatch: WakeWatch;
  readonly #closing = new AbortController();
  #dialling = new AbortController();
  readonly #changed = new Emitter<TunnelState>();
  readonly #picking = new SingleFlight<string>();
  readonly #streams = new Set<PortForwardStream>();
  readonly onDidChangeState: Event<TunnelState> = this.#changed.event;
  #state: TunnelState;
  #pod: { name: string; until: number } | undefined;
  #lastPod: string | undefined;
  #spare: { stream: PortForwardStream; taken(): void } | undefined;
  #warming: Promise<void> | undefined;
  #verdicts: Promise<unknown> = Promise.resolve();
  #proven = false;
  #outageSince: number | undefined;
  #lastUse: number;

  constructor(options: LinkOptions, times: LinkTimes) {
    this.#options = options;
    this.#times = times;
    this.#clock = options.clock ?? systemClock;
    this.#lastUse = this.#clock.now();
    this.#state = { kind: 'connecting', since: this.#lastUse };
    this.#wakeWatch = new WakeWatch(this.#clock, times, seconds => this.#wakeUp(seconds));
    this.#warm();
  }

  get state(): TunnelState {
    return this.#state;
  }

  /** A connection into the pod: the spare, or a new one. @throws the last failure when patience is at its end */
  async connect(): Promise<PortForwardStream> {
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

  /** Before each request: after a sleep of the machine it waits until every connection has shown whether it lives. */
  async prepare(): Promise<void> {
    this.#lastUse = this.#clock.now();
    this.#wakeWatch.look();
    await this.#verdicts;
  }

  /** A request was answered, or a connection outlived its first moments: there is somebody at the other end. */
  proved(): void {
    if (this.#closing.signal.aborted) return;
    this.#outageSince = undefined;
    this.#proven = true;
    if (this.#state.kind !== 'ready' || this.#state.pod !== this.#lastPod) this.#set({ kind: 'ready' });
    this.#warm(); // its keeper may have met a failure for a person that is over now
  }

  /** Takes note of a failure of the path: the pod is looked up anew, and the reserve is not trusted any more. */
  failed(error: AgentIdError): void {
    if (this.#closing.signal.aborted) return;
    this.#pod = undefined;
    this.#outageSince ??= this.#clock.now();
    this.#takeSpare()?.destroy();
    if (error.code === 'tunnel.unresponsive') this.#dialAnew();
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
    return outage < this.#times.patience ? backoff(this.#times, attempt) : undefined;
  }

  /** Closes every connection; settles when they are gone. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(new AgentIdError('tunnel.closed', { name: this.#options.name }));
    this.#wakeWatch.dispose();
    for (const stream of this.#streams) stream.destroy();
    this.#set({ kind: 'idle' });
    this.#changed.dispose();
    await Promise.all([this.#warming, ...[...this.#streams].map(stream => stream.released)]);
  }

  async #dial(): Promise<PortForwardStream> {
    const { api, namespace, port } = this.#options;
    for (let attempt = 1; ; attempt++) {
      const remembered = this.#pod !== undefined;
      const signal = AbortSignal.any([this.#closing.signal, this.#dialling.signal]);
      try {
        signal.throwIfAborted();
        const pod = await this.#pickPod(signal);
        const stream = await dialPod(api, { namespace, pod, port }, { signal, heartbeatMs: this.#times.heartbeat });
        this.#watch(stream);
        return stream;
      } catch (error) {
        this.#closing.signal.throwIfAborted();
        if (!AgentIdError.is(error)) throw error;
        this.failed(error);
        // What we remembered about the pod was out of date: look again at once, before anybody has to wait.
        if (!(remembered && attempt === 1 && isTransient(error))) throw error;
      }
    }
  }

  async #pickPod(signal: AbortSignal): Promise<string> {
    if (this.#pod && this.#clock.now() < this.#pod.until) return this.#pod.name;
    const { api, namespace, selector, name, logger } = this.#options;
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

  /** The connections to the API server may be as dead as those into the pod: what waits on them would wait for a timeout. */
  #dialAnew(): void {
    const { api } = this.#options;
    api.reconnect();
    this.#dialling.abort(new AgentIdError('cluster.unreachable', { server: api.server, reason: 'ETIMEDOUT' }));
    this.#dialling = new AbortController();
  }

  /**
   * Whoever was at the other end of a connection may have hung up while the machine slept, and no packet says so: every
   * one is asked at once, not by the heartbeat, and the outage counts from the waking.
   */
  #wakeUp(seconds: number): void {
    this.#options.logger.info(`${this.#options.name}: the clock went on by ${seconds} s: looking again`);
    this.#pod = undefined;
    this.#outageSince = undefined;
    this.#lastUse = this.#clock.now();
    this.#dialAnew();
    this.#verdicts = Promise.all([...this.#streams].map(stream => stream.probe(this.#times.probe)));
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
        await this.#sleep(backoff(this.#times, ++attempt));
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
