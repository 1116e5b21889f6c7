/** The shape of `fetch` that the rooms ask for as a constructor argument. */
export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;
