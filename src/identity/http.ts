/** Body as text, or undefined when it is longer than `maxBytes`; the rest is not read then. */
export async function readText(response: Response, maxBytes: number): Promise<string | undefined> {
  if (!response.body) return '';
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body as ReadableStream<Uint8Array>) {
    size += chunk.byteLength;
    if (size > maxBytes) return undefined; // leaving the loop cancels the stream
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Parsed JSON, or undefined for text that is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Why a fetch failed, in few words: the system's code or message, which fetch hides in `cause`. */
export function networkReason(error: unknown): string {
  for (let inner = error; inner instanceof Error; inner = inner.cause) {
    if (inner.name === 'TimeoutError') return 'no answer in time';
    const code = (inner as NodeJS.ErrnoException).code;
    if (typeof code === 'string') return code;
    if (!(inner.cause instanceof Error)) return inner.message;
  }
  return String(error);
}
