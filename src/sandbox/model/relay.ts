import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ServerResponse } from 'node:http';

/** A real OpenAI-compatible model in place of the demo model. */
export interface RealModel {
  /** Base URL that `/chat/completions` is appended to, e.g. `https://host/v1`. */
  url: string;
  /** Its name there. */
  model: string;
  /** Its key; it goes to that URL and nowhere else. */
  key?: string;
}

/** Sends a completion to the real model under its own name and key, and its answer back as it comes. */
export async function relayCompletion(
  real: RealModel,
  request: Readonly<Record<string, unknown>>,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const answer = await fetch(`${real.url.replace(/\/$/, '')}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(real.key && { authorization: `Bearer ${real.key}` }) },
    body: JSON.stringify({ ...request, model: real.model }),
    signal,
  });
  const headers: Record<string, string> = {};
  for (const name of ['content-type', 'retry-after', 'x-request-id']) {
    const value = answer.headers.get(name);
    if (value !== null) headers[name] = value;
  }
  response.writeHead(answer.status, headers).flushHeaders();
  if (answer.body) await pipeline(Readable.fromWeb(answer.body), response);
  else response.end();
}
