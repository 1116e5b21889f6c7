import { randomBytes } from 'node:crypto';
import * as v from 'valibot';
import type { World } from '../world.ts';
import { KNOWN_CODES } from './errors.ts';
import type { Sessions } from './sessions.ts';

/*
 * Panel `/entra` of the control endpoint:
 *
 * | switch                | default | meaning                                                                              |
 * | agentClaims           | true    | the MCP app emits the agent claims (`xms_act_fct`, …), as its optional claims say     |
 * | tokenVersion          | {blueprint: 2, mcp: 1} | `requestedAccessTokenVersion` of the two applications                 |
 * | consentMissing        | []      | `"<agent's Deployment or blueprint>/<openai, mcp or graph>"`: OBO fails with 65001     |
 * | conditionalAccess     | {kind: "none", resources: ["openai", "mcp"]} | OBO for these resources. `mfa`: 50076 with claims, |
 * |                       |         | until the user signs in again; `mfaWithClaims`: until a sign-in passes those claims;  |
 * |                       |         | `block`: 53003 always                                                                |
 * | deviceCode            | "normal"| what polling for a code meets: `expired`, `declined`, `slowDown`, `badCode`; or        |
 * |                       |         | `blocked`: the page shows a policy block and the poller goes on waiting               |
 * | deviceCodeLifetime    | 900     | seconds, for codes handed out from now on                                            |
 * | deviceCodeInterval    | 5       | seconds between polls, for codes handed out from now on                              |
 * | tokenLifetime         | --token-lifetime, else null | seconds, for tokens with a user from now on; null: 60 to 90 minutes  |
 * | oboFault, refreshFault| null    | `{code, times = 1}`: so many next requests of that grant fail with AADSTS<code>        |
 * |                       |         | (those that ask for the person, with a claims challenge)                             |
 * | deviceFault           | null    | the same for the next polls for a device code                                         |
 * | exchangeFault         | null    | the same for the next requests for T1                                                 |
 * | authorizeFault        | null    | the same for the next answers of the sign-in page in the browser                      |
 * | down                  | false   | every connection is cut without an answer                                            |
 *
 * Not switches: `revokeRefreshTokens: true` in a POST ends every session (50173 on refresh); GET shows the number of
 * live `refreshTokens`, and `blueprintSecret`, the secret that the blueprint may use beside its federated credential.
 */

const Fault = v.nullable(
  v.strictObject({
    code: v.pipe(v.number(), v.picklist(KNOWN_CODES, 'not an AADSTS number that the sandbox knows')),
    times: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 1),
  }),
);
const Resource = v.picklist(['openai', 'mcp', 'graph']);
const TokenVersion = v.picklist([1, 2]);
const Lifetime = v.pipe(v.number(), v.integer(), v.minValue(1));

const Switches = v.strictObject({
  agentClaims: v.optional(v.boolean(), true),
  tokenVersion: v.optional(v.strictObject({ blueprint: TokenVersion, mcp: TokenVersion }), { blueprint: 2, mcp: 1 }),
  consentMissing: v.optional(v.array(v.pipe(v.string(), v.regex(/^[\w-]+\/(openai|mcp|graph)$/))), []),
  conditionalAccess: v.optional(
    v.strictObject({
      kind: v.picklist(['none', 'mfa', 'mfaWithClaims', 'block']),
      resources: v.optional(v.array(Resource), ['openai', 'mcp']),
    }),
    { kind: 'none' },
  ),
  deviceCode: v.optional(v.picklist(['normal', 'expired', 'declined', 'slowDown', 'badCode', 'blocked']), 'normal'),
  deviceCodeLifetime: v.optional(Lifetime, 900),
  deviceCodeInterval: v.optional(Lifetime, 5),
  tokenLifetime: v.optional(v.nullable(Lifetime), null),
  oboFault: v.optional(Fault, null),
  refreshFault: v.optional(Fault, null),
  deviceFault: v.optional(Fault, null),
  exchangeFault: v.optional(Fault, null),
  authorizeFault: v.optional(Fault, null),
  down: v.optional(v.boolean(), false),
});
const Post = v.strictObject({ ...v.partial(Switches).entries, revokeRefreshTokens: v.optional(v.literal(true)) });

export type ResourceKey = v.InferOutput<typeof Resource>;

/** The switches of Entra as they stand, and the secret of this sandbox's blueprint. */
export interface EntraSwitches extends v.InferOutput<typeof Switches> {
  readonly blueprintSecret: string;
}

/** Registers the panel and returns the live switches. */
export function registerSwitches(world: World, sessions: Sessions): EntraSwitches {
  const defaults = () => v.parse(Switches, { tokenLifetime: world.tokenLifetimeSeconds ?? null });
  const switches: EntraSwitches = { ...defaults(), blueprintSecret: randomBytes(24).toString('base64url') };
  world.panels.set('entra', {
    read: () => ({ ...switches, refreshTokens: sessions.refreshTokens }),
    apply(body) {
      const { revokeRefreshTokens, ...changes } = v.parse(Post, body);
      if (changes.conditionalAccess) sessions.policyChanged();
      Object.assign(switches, changes);
      if (revokeRefreshTokens) sessions.revokeAll();
    },
    reset: () => void Object.assign(switches, defaults()),
  });
  return switches;
}

/** Uses up one occurrence of a scripted fault; its number, or undefined when none is armed. */
export function takeFault(
  switches: EntraSwitches,
  name: 'oboFault' | 'refreshFault' | 'deviceFault' | 'exchangeFault' | 'authorizeFault',
): number | undefined {
  const fault = switches[name];
  if (!fault) return undefined;
  switches[name] = fault.times > 1 ? { ...fault, times: fault.times - 1 } : null;
  return fault.code;
}
