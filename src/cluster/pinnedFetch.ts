import type { Fetch } from '../base/fetch.ts';
import type { RequestInit as UndiciRequestInit } from 'undici';
import { loadUndici } from './libraries.ts';

/**
 * A fetch over the pinned undici that trusts one CA only, for a sandbox's own authority: its certificate must not become
 * trusted anywhere else. `ca` is PEM.
 */
export async function pinnedFetch(ca: string): Promise<Fetch> {
  const undici = await loadUndici();
  const dispatcher = new undici.Agent({ connect: { ca } });
  return async (input, init) => {
    const url = input instanceof Request ? input.url : input;
    const response: unknown = await undici.fetch(url, { ...(init as UndiciRequestInit), dispatcher });
    return response as Response;
  };
}
