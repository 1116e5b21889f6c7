import type { AgentIdError } from '../base/errors.ts';
import { HEARTBEAT_MS } from './heartbeat.ts';

/** How long a tunnel waits, and for what. All in milliseconds; the tests shorten them. */
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
  backoffMax: 3_000, // with a dial and `settle` still within the 5 s in which a tunnel is back once the cluster is
  settle: 300,
  spareAge: 60_000,
  idle: 10 * 60_000,
  podAge: 30_000,
  heartbeat: HEARTBEAT_MS,
  look: 1_000,
  sleep: 10_000,
  probe: 2_000,
};

/** The pause before the attempt after this one. It doubles, with jitter so that many clients do not come back in step. */
export function backoff({ backoffMin, backoffMax }: LinkTimes, attempt: number): number {
  return Math.min(backoffMax, backoffMin * 2 ** (attempt - 1)) * (0.5 + Math.random() / 2);
}

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

/** True for a failure that time may heal; every other one needs a person. */
export function isTransient(error: AgentIdError): boolean {
  if (error.code === 'cluster.badResponse')
    return Number(error.args['status']) === 429 || Number(error.args['status']) >= 500;
  return TRANSIENT.has(error.code);
}
