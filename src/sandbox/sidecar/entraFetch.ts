import { Agent, fetch } from 'undici';

export type EntraFetch = (url: string, options: RequestInit) => Promise<Response>;

/** A fetch that trusts the sandbox's own certificate authority and nothing else. */
export function createEntraFetch(caPem: string): { fetch: EntraFetch; close: () => Promise<void> } {
  const dispatcher = new Agent({ connect: { ca: caPem } });
  return {
    fetch: async (url, options) => {
      const init = { ...options, dispatcher } as Parameters<typeof fetch>[1];
      return await fetch(url, init); // undici's own types beside the global ones
    },
    close: () => dispatcher.destroy(),
  };
}
