import * as v from 'valibot';
import type { World } from '../world.ts';

/*
 * Panel `/sidecar` of the control endpoint. A reset also empties the token cache, as a restart does.
 *
 * | switch         | default | meaning                                                                                     |
 * | allowOverrides | as the ConfigMap says; 1.0.0: all true | `Sidecar:AllowOverrides`, one boolean per route: whether it |
 * |                |         | honours `AgentIdentity` and `optionsOverride.*`; a POST may name some of them                 |
 * | healthy        | true    | false: `/healthz` answers 503 `Unhealthy`                                                    |
 * | wantsOtherScope | false  | `AzureAd__Scopes` names another scope: `/Validate` answers 403, and nothing else does         |
 * | wantsOtherAudience | false | `AzureAd__Audience` names another audience: 401 wherever a user token is taken           |
 * | answerAs       | null    | app id of an agent, or `"blueprint"`: every token is for that identity, whatever was asked    |
 * | down           | false   | every connection is cut without an answer                                                    |
 */

const Overrides = v.strictObject({
  getAuthorizationHeader: v.boolean(),
  getAuthorizationHeaderUnauthenticated: v.boolean(),
  callDownstreamApi: v.boolean(),
  callDownstreamApiUnauthenticated: v.boolean(),
});
const Post = v.strictObject({
  allowOverrides: v.optional(v.partial(Overrides)),
  healthy: v.optional(v.boolean()),
  wantsOtherScope: v.optional(v.boolean()),
  wantsOtherAudience: v.optional(v.boolean()),
  answerAs: v.optional(v.nullable(v.pipe(v.string(), v.nonEmpty()))),
  down: v.optional(v.boolean()),
});

export type RouteSwitch = keyof v.InferOutput<typeof Overrides>;

export interface SidecarSwitches {
  allowOverrides: v.InferOutput<typeof Overrides>;
  healthy: boolean;
  wantsOtherScope: boolean;
  wantsOtherAudience: boolean;
  answerAs: string | null;
  down: boolean;
}

/** Registers the panel and returns the live switches. */
export function registerSwitches(
  world: World,
  configured: Partial<SidecarSwitches['allowOverrides']>,
  onReset: () => void,
): SidecarSwitches {
  const ungated = world.sidecarVersion === '1.0.0'; // that version does not know these settings
  const defaults = (): SidecarSwitches => ({
    allowOverrides: {
      getAuthorizationHeader: true,
      getAuthorizationHeaderUnauthenticated: ungated,
      callDownstreamApi: true,
      callDownstreamApiUnauthenticated: ungated,
      ...(!ungated && configured),
    },
    healthy: true,
    wantsOtherScope: false,
    wantsOtherAudience: false,
    answerAs: null,
    down: false,
  });
  const switches = defaults();
  const identities = ['blueprint', ...world.agents.map(agent => agent.appId)];
  world.panels.set('sidecar', {
    read: () => switches,
    apply(body) {
      const { allowOverrides, ...changes } = v.parse(Post, body);
      if (changes.answerAs && !identities.includes(changes.answerAs))
        throw new Error(`answerAs is one of ${identities.join(', ')}`);
      Object.assign(switches, changes);
      Object.assign(switches.allowOverrides, allowOverrides);
    },
    reset() {
      Object.assign(switches, defaults());
      onReset();
    },
  });
  return switches;
}
