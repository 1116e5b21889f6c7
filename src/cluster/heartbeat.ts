import { setImmediate, setTimeout as sleep } from 'node:timers/promises';

/** Three of these are the pause between two pings while idle: under every load balancer's idle limit that we know. */
export const HEARTBEAT_MS = 8_000;
/** Beats in silence after which we ask, and after which the path is given up. */
const ASK = 2;
const DEAD = 3;
/**
 * Beats without a byte taken from an upload after which it is given up, a minute by `HEARTBEAT_MS`. No ping tells a dead
 * path from a pod that does not read: ours waits behind the data, and the runtime answers none while it waits for the pod.
 */
const STALLED = 8;

/** A connection as the heartbeat sees it. */
interface Beating {
  /** Our reader holds the far end back, so that nothing can be heard. */
  paused: () => boolean;
  /** What we send is not taken. */
  sending: () => boolean;
  ping: () => unknown;
  /** The path is dead, by a silence of that many seconds. Called once. */
  dead: (seconds: number) => void;
}

/**
 * Tells a slow connection from a dead one, which no packet announces: a connection that is silent is asked, and one that
 * takes nothing of an upload is waited for longer. No ping goes out while data flows.
 */
export class Heartbeat {
  readonly #connection: Beating;
  readonly #milliseconds: number;
  readonly #timer: NodeJS.Timeout;
  /** Chunks that came in and frames that went out, now and at the last beat. */
  #now = { heard: 0, taken: 0 };
  #before = { heard: -1, taken: 0 };
  #sign: PromiseWithResolvers<void> | undefined;
  #silentBeats = 0;
  #stalledBeats = 0;

  constructor(connection: Beating, milliseconds = HEARTBEAT_MS) {
    this.#connection = connection;
    this.#milliseconds = milliseconds;
    this.#timer = setInterval(() => this.#beat(), milliseconds).unref();
  }

  /** Something came in. */
  heard(): void {
    this.#now.heard++;
    this.#sign?.resolve();
    this.#sign = undefined;
  }

  /** A frame of ours was taken. */
  taken(): void {
    this.#now.taken++;
  }

  /**
   * Asks for a sign of life now; settles when one has come, or with the verdict that the path is dead because none came
   * within `milliseconds`. Not while either side is stalled.
   */
  async probe(milliseconds: number): Promise<void> {
    const { paused, sending, ping } = this.#connection;
    if (paused() || sending()) return;
    const { heard } = this.#now;
    this.#sign ??= Promise.withResolvers<void>();
    ping();
    await Promise.race([this.#sign.promise, sleep(milliseconds, undefined, { ref: false })]);
    if (this.#now.heard === heard && !paused() && !sending()) await this.#giveUp(milliseconds);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #beat(): void {
    const { paused, sending, ping } = this.#connection;
    const quiet = this.#now.heard === this.#before.heard && !paused();
    const stuck = this.#now.taken === this.#before.taken;
    this.#before = { ...this.#now };
    this.#silentBeats = quiet && !sending() ? this.#silentBeats + 1 : 0;
    this.#stalledBeats = quiet && sending() && stuck ? this.#stalledBeats + 1 : 0;
    if (this.#silentBeats === ASK) ping();
    if (this.#silentBeats >= DEAD) void this.#giveUp(DEAD * this.#milliseconds);
    if (this.#stalledBeats >= STALLED) void this.#giveUp(STALLED * this.#milliseconds);
  }

  /** After a stall of this process a sign of life may wait in the kernel: it is let in before the verdict. */
  async #giveUp(milliseconds: number): Promise<void> {
    const { heard, taken } = this.#now;
    await setImmediate();
    if (this.#now.heard > heard || (this.#connection.sending() && this.#now.taken > taken)) return;
    this.#connection.dead(Math.round(milliseconds / 1000));
  }
}
