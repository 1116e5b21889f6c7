import type * as vscode from 'vscode';
import * as v from 'valibot';
import type { ConnectionPlan } from '../agent/configuration.ts';
import type { TrustStore } from '../agent/trust.ts';
import type { ServerStore } from '../mcp/registry.ts';

const planSchema = v.object({
  mode: v.picklist(['connected', 'sandbox']),
  kubeconfig: v.optional(v.string()),
  context: v.string(),
  namespace: v.string(),
  deployment: v.string(),
  answers: v.object({
    agentAppId: v.optional(v.string()),
    tenantId: v.optional(v.string()),
    blueprintAppId: v.optional(v.string()),
  }),
});
const rememberedSchema = v.variant('mode', [
  v.object({ mode: v.literal('apiKey') }),
  v.object({ mode: v.literal('plan'), plan: planSchema }),
]);

const storedServerSchema = v.object({
  id: v.string(),
  kind: v.picklist(['gateway', 'direct']),
  label: v.string(),
  url: v.string(),
  enabled: v.boolean(),
});

/** What the next window goes on with. No token and no key is ever here. */
export interface Remembered {
  readonly mode: 'apiKey' | 'plan' | undefined;
  readonly plan: ConnectionPlan | undefined;
  /** The last connection to a cluster of the person's own, also when it is over: Connect… offers it first. */
  readonly lastCluster: ConnectionPlan | undefined;
  keep(plan: ConnectionPlan): Promise<void>;
  keepApiKey(): Promise<void>;
  forget(): Promise<void>;
}

export function remember(state: vscode.Memento): Remembered {
  const key = 'agentId.last';
  const clusterKey = 'agentId.lastCluster';
  const read = () => {
    const parsed = v.safeParse(rememberedSchema, state.get(key));
    return parsed.success ? parsed.output : undefined;
  };
  return {
    get mode() {
      return read()?.mode;
    },
    get plan() {
      const last = read();
      return last?.mode === 'plan' ? last.plan : undefined;
    },
    get lastCluster() {
      const parsed = v.safeParse(planSchema, state.get(clusterKey));
      return parsed.success ? parsed.output : undefined;
    },
    keep: async plan => {
      if (plan.mode === 'connected' && !plan.world) await state.update(clusterKey, plan);
      await state.update(key, { mode: 'plan', plan });
    },
    keepApiKey: async () => state.update(key, { mode: 'apiKey' }),
    forget: async () => state.update(key, undefined),
  };
}

/** Identities that the person confirmed, by API server. */
export function trustStore(state: vscode.Memento): TrustStore {
  const key = 'agentId.trusted';
  const read = (): Record<string, string[]> => {
    const parsed = v.safeParse(v.record(v.string(), v.array(v.string())), state.get(key));
    return parsed.success ? parsed.output : {};
  };
  return {
    get: server => read()[server],
    // one identity per API server: a change asks again, and so does a change back
    add: async (server, identity) => state.update(key, { ...read(), [server]: [identity] }),
  };
}

/** The person's own MCP servers. */
export function serverStore(state: vscode.Memento): ServerStore {
  const key = 'agentId.servers';
  return {
    load: async () => {
      const parsed = v.safeParse(v.array(storedServerSchema), state.get(key));
      return parsed.success ? parsed.output : [];
    },
    save: async servers => state.update(key, servers),
  };
}

/** The way of signing in that worked last, by authority and client. */
export interface SignInMemory {
  get(key: string): string | undefined;
  keep(key: string, way: string): Promise<void>;
}

/** Sandboxes come and go, each with an authority of its own: the oldest entries make room. */
const WAYS_KEPT = 20;

export function signInMemory(state: vscode.Memento): SignInMemory {
  const key = 'agentId.signInWays';
  const read = (): [string, string][] => {
    const parsed = v.safeParse(v.array(v.tuple([v.string(), v.string()])), state.get(key));
    return parsed.success ? parsed.output : [];
  };
  return {
    get: client => read().find(([known]) => known === client)?.[1],
    keep: async (client, way) => {
      const others = read().filter(([known]) => known !== client);
      await state.update(key, [[client, way], ...others].slice(0, WAYS_KEPT));
    },
  };
}
