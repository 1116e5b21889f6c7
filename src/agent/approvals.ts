import { createHash } from 'node:crypto';
import type { ConnectionPlan } from './configuration.ts';

/** Who acts, and what is about to run: what a person needs to see to say yes. */
export interface ApprovalRequest {
  callId: string;
  user: string;
  agent: string;
  serverId: string;
  serverUrl: string;
  tool: string;
  /** The tool as its server describes it: a grant ends when this changes. */
  definition: unknown;
}

export type ApprovalAnswer = { kind: 'once' } | { kind: 'session' } | { kind: 'reject'; reason?: string };

/** How a call came to run or not; goes into its receipt. */
export type ApprovalOutcome =
  { granted: true; how: 'once' | 'session' | 'earlier' } | { granted: false; reason?: string };

/**
 * Every tool call asks, unless the person allowed this very tool for this session. A grant is kept for (user, agent,
 * server, address, tool, definition) and in memory only, so another user, another agent or a changed tool asks again.
 */
export class Approvals {
  readonly #granted = new Set<string>();
  /** Questions that wait for an answer, by key; aborting one takes it back. */
  readonly #open = new Map<AbortController, string>();
  readonly #ask: (request: ApprovalRequest, signal: AbortSignal) => Promise<ApprovalAnswer>;

  constructor(ask: (request: ApprovalRequest, signal: AbortSignal) => Promise<ApprovalAnswer>) {
    this.#ask = ask;
  }

  /**
   * Asks where nothing was granted; throws the signal's reason when the turn is stopped meanwhile. A grant for the session
   * also answers the questions about that tool which calls of the same round have open.
   */
  async decide(request: ApprovalRequest, signal: AbortSignal): Promise<ApprovalOutcome> {
    const key = keyOf(request);
    if (this.#granted.has(key)) return { granted: true, how: 'earlier' };
    const question = new AbortController();
    this.#open.set(question, key);
    let answer;
    try {
      answer = await this.#ask(request, AbortSignal.any([signal, question.signal]));
    } catch (error) {
      if (signal.aborted || !question.signal.aborted) throw error;
      return { granted: true, how: 'earlier' };
    } finally {
      this.#open.delete(question);
    }
    signal.throwIfAborted();
    if (answer.kind === 'reject') return { granted: false, ...(answer.reason && { reason: answer.reason }) };
    if (answer.kind === 'session') {
      this.#granted.add(key);
      for (const [other, its] of this.#open) if (its === key) other.abort();
    }
    return { granted: true, how: answer.kind };
  }

  /** Ends every grant. */
  clear(): void {
    this.#granted.clear();
  }
}

function keyOf(request: ApprovalRequest): string {
  const { user, agent, serverId, serverUrl, tool, definition } = request;
  return createHash('sha256')
    .update(JSON.stringify([user, agent, serverId, serverUrl, tool, definition ?? null]))
    .digest('hex');
}

/** What was allowed for an agent holds for that one only, and not for one of the same name in another cluster. */
export function sameAgent(a: ConnectionPlan | undefined, b: ConnectionPlan): boolean {
  return (['mode', 'kubeconfig', 'context', 'namespace', 'deployment'] as const).every(key => a?.[key] === b[key]);
}
