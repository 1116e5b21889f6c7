import { explained, mayBeReplication, ServiceFailure, TenantError } from './errors.ts';
import type { Finding, Item } from './item.ts';
import type { World } from './world.ts';

/** Pauses before each try, in seconds: with those of LOOKS about three minutes. Entra says minutes, and mostly takes seconds. */
const TRIES = [0, 2, 4, 8, 10, 15, 20, 30, 30];
/** Pauses before a change is looked for again. A change of a new object can be accepted and then rolled back. */
const LOOKS = [0, 1, 2, 4];
/** Tries after which a 403 is believed: the maker of a blueprint becomes its owner with a delay. */
const OWNER_TRIES = 3;

/** How an item came to be so. */
export interface Converged {
  /** False when it was so already. */
  readonly changed: boolean;
  readonly note?: string | undefined;
}

/**
 * Looks, and makes what is not so, until it shows. `fresh` says that something was made in this run. Throws `TenantError`.
 */
export async function converge(world: World, item: Item, fresh: () => boolean): Promise<Converged> {
  let found = await look(item);
  for (const wait of item.remembered?.() ? LOOKS : []) {
    if (found.state === 'ok') break;
    await world.sleep(wait * 1000, world.signal);
    found = await look(item);
  }
  if (found.state === 'ok') return { changed: false, note: found.note };
  let failure: unknown;
  for (const [index, pause] of TRIES.entries()) {
    await world.sleep(pause * 1000, world.signal);
    failure = undefined;
    try {
      await item.make();
    } catch (error) {
      failure = error;
      const status = error instanceof ServiceFailure ? error.status : 0;
      const early = status === 403 && fresh() && index < OWNER_TRIES;
      if (status !== 409 && !early && !mayBeReplication(error)) throw explained(error, item.title);
    }
    for (const wait of LOOKS) {
      await world.sleep(wait * 1000, world.signal);
      found = await look(item);
      if (found.state === 'ok') return { changed: true, note: found.note };
    }
  }
  throw failure
    ? explained(failure, item.title)
    : new TenantError(
        `${item.title} was changed and still does not show: ${found.why}.`,
        'Run this again in a few minutes; nothing is made twice.',
      );
}

async function look(item: Item): Promise<Finding> {
  try {
    return await item.look();
  } catch (error) {
    throw explained(error, item.title);
  }
}
