import * as v from 'valibot';

const schema = v.strictObject({
  /** Answer the next completion with this status, once. */
  nextStatus: v.optional(v.picklist([401, 403, 404, 429])),
  /** Seconds of `Retry-After` on a 429. */
  retryAfter: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0))),
  /** Milliseconds between streamed chunks. */
  chunkDelay: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(60_000))),
  /** Cut the JSON of the next tool call's arguments, once. */
  badArguments: v.optional(v.boolean()),
});

/** Faults that the control endpoint can arm; each field is read when a request arrives. */
export type ModelFaults = v.InferOutput<typeof schema>;

/** Switches for the control endpoint over the live object. */
export function faultsPanel(faults: ModelFaults, requests: () => number) {
  const clear = () => {
    for (const key of Object.keys(faults) as (keyof ModelFaults)[]) delete faults[key];
  };
  const read = () => ({ ...faults, requests: requests() });
  return {
    /** The armed faults, and how many completions were asked for. */
    read,
    /** Replaces the armed faults; throws on an unknown field. */
    apply(body: unknown): unknown {
      const wanted = v.parse(schema, body);
      clear();
      Object.assign(faults, wanted);
      return read();
    },
    reset: clear,
  };
}
