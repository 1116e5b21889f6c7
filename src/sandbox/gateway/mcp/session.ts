import { randomUUID } from 'node:crypto';
import * as v from 'valibot';
import type { McpSpec, RoutePolicies } from '../schema.ts';
import { mcpErrors } from './errors.ts';
import { Target } from './target.ts';

/** Milliseconds after which an unused session is dropped (`DEFAULT_SESSION_IDLE_TTL`); a POST brings it back. */
const IDLE = 30 * 60_000;

export interface Session {
  id: string;
  readonly targets: readonly Target[];
}

/** What a session id says: it is the state itself, readable, and bound to no user. */
const state = v.variant('t', [
  v.strictObject({
    t: v.literal('mcp'),
    s: v.array(v.strictObject({ t: v.optional(v.string()), s: v.optional(v.string()), b: v.optional(v.string()) })),
    r: v.optional(v.string()),
  }),
  v.strictObject({ t: v.literal('http'), backend: v.string() }),
]);

/**
 * The sessions of one MCP backend. The id that a client holds is base64url JSON of the upstreams' session ids, so a
 * restarted gateway resumes it (crates/agentgateway/src/http/sessionpersistence.rs and mcp/session.rs).
 */
export class Sessions {
  readonly #spec: McpSpec;
  readonly #policies: RoutePolicies;
  readonly #now: () => number;
  readonly #known = new Map<string, { session: Session; lastAccess: number }>();

  constructor(spec: McpSpec, policies: RoutePolicies, now: () => number) {
    this.#spec = spec;
    this.#policies = policies;
    this.#now = now;
  }

  /** A session that no client knows yet; `keep` makes it findable. */
  create(): Session {
    const targets = this.#spec.targets.map(spec => new Target(spec, this.#policies));
    if (targets.length === 0 && this.#spec.failureMode === 'failClosed') throw mcpErrors.noBackends();
    return { id: randomUUID(), targets };
  }

  /** Gives the session the id that encodes its upstreams' sessions, and keeps it. */
  keep(session: Session): void {
    const s = session.targets.map(target => ({
      t: target.name,
      ...(target.session !== undefined && { s: target.session }),
    }));
    // An upstream without sessions would make ids collide.
    const r = session.targets.every(target => target.session !== undefined) ? {} : { r: randomUUID() };
    session.id = Buffer.from(JSON.stringify({ t: 'mcp', s, ...r })).toString('base64url');
    this.#known.set(session.id, { session, lastAccess: this.#now() });
  }

  /** A session that this process knows. */
  find(id: string): Session | undefined {
    const now = this.#now();
    for (const [key, entry] of this.#known) if (now - entry.lastAccess >= IDLE) this.#known.delete(key);
    const entry = this.#known.get(id);
    if (!entry) return undefined;
    entry.lastAccess = now;
    return entry.session;
  }

  /** A known session, or one rebuilt from its id. Throws 400 for an id that is no state, 404 for other targets. */
  resume(id: string): Session {
    const known = this.find(id);
    if (known) return known;
    const decoded = decode(id);
    if (!decoded) throw mcpErrors.invalidSessionIdHeader();
    if (decoded.t !== 'mcp') throw mcpErrors.unknownSession();
    const session: Session = { ...this.create(), id };
    if (decoded.s.length !== session.targets.length) throw mcpErrors.unknownSession();
    const keyed = decoded.s.some(({ t }) => t !== undefined);
    for (const [index, target] of session.targets.entries()) {
      const saved = keyed ? decoded.s.find(({ t }) => t === target.name) : decoded.s[index];
      if (!saved) throw mcpErrors.unknownSession();
      target.session = saved.s;
    }
    this.#known.set(id, { session, lastAccess: this.#now() });
    return session;
  }

  /** Forgets a session and returns it, if it was known. */
  remove(id: string): Session | undefined {
    const session = this.find(id);
    this.#known.delete(id);
    return session;
  }
}

function decode(id: string): v.InferOutput<typeof state> | undefined {
  const bytes = Buffer.from(id, 'base64url');
  if (bytes.toString('base64url') !== id) return undefined;
  try {
    const result = v.safeParse(state, JSON.parse(bytes.toString('utf8')));
    return result.success ? result.output : undefined;
  } catch {
    return undefined;
  }
}
