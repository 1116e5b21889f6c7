import * as v from 'valibot';
import type { KubernetesControl } from './kube/types.ts';
import type { SwitchPanel } from './world.ts';

/*
 * Panel `/kubernetes` of the control endpoint: POST `{do, args?}` calls one function of `KubernetesControl`
 * (kube/types.ts says what each does) and answers `{result}`; GET lists their names and counts the open tunnels.
 */

const text = v.string();
const texts = v.record(v.string(), v.nullable(v.string()));

/** Arguments of each function. */
const CALLS = {
  pods: v.strictTuple([text]),
  deletePod: v.strictTuple([text]),
  setReady: v.strictTuple([text, v.boolean()]),
  setPodFault: v.strictTuple([text, v.nullable(v.picklist(['ImagePullBackOff', 'CrashLoopBackOff', 'Unschedulable']))]),
  setListening: v.strictTuple([text, v.boolean()]),
  scale: v.strictTuple([text, v.pipe(v.number(), v.integer(), v.minValue(0))]),
  rollout: v.strictTuple([text]),
  setReadyDelay: v.strictTuple([v.pipe(v.number(), v.minValue(0))]),
  cutConnections: v.strictTuple([]),
  cutTunnels: v.strictTuple([]),
  freezeTunnels: v.strictTuple([v.boolean()]),
  refuseUpgrades: v.strictTuple([v.boolean()]),
  goAway: v.strictTuple([]),
  back: v.strictTuple([]),
  deny: v.strictTuple([v.strictObject({ verb: text, resource: text, subresource: v.optional(text) })]),
  allowAll: v.strictTuple([]),
  expireToken: v.strictTuple([]),
  renewToken: v.strictTuple([]),
  annotate: v.strictTuple([text, text, texts]),
  setConfigMap: v.strictTuple([text, texts]),
  apply: v.union([v.strictTuple([text]), v.strictTuple([text, v.record(v.string(), text)])]),
  remove: v.strictTuple([text, text]),
  setBackend: v.strictTuple([text, v.number(), text]),
  fixture: v.strictTuple([
    v.picklist([
      ...(['none', 'one', 'many', 'unannotated', 'noBlueprint', 'secondBlueprint', 'otherClientId'] as const),
      'reference',
    ]),
  ]),
  log: v.strictTuple([text, text]),
  compact: v.strictTuple([]),
  endWatches: v.strictTuple([]),
  tunnels: v.strictTuple([]),
  reset: v.strictTuple([]),
} satisfies { [Name in keyof KubernetesControl]: v.GenericSchema<unknown, Parameters<KubernetesControl[Name]>> };

const names = Object.keys(CALLS) as (keyof KubernetesControl)[];
const Call = v.strictObject({ do: v.picklist(names), args: v.optional(v.array(v.unknown()), []) });

/** The cluster's panel. A reset leaves a cluster alone that nobody touched, so that its tunnels stay up. */
export function kubePanel(control: KubernetesControl): SwitchPanel {
  let touched = false;
  return {
    read: () => ({ tunnels: control.tunnels(), calls: names }),
    async apply(body) {
      const call = v.parse(Call, body);
      const args = v.parse(CALLS[call.do], call.args);
      if (call.do !== 'pods' && call.do !== 'tunnels') touched = true;
      const result = await (control[call.do] as (...args: unknown[]) => unknown)(...args);
      return { result: result ?? null };
    },
    async reset() {
      if (touched) await control.reset();
      touched = false;
    },
  };
}
