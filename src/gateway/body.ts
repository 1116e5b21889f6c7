import { describe } from '../base/errors.ts';
import { redact } from '../base/redact.ts';

/** An error body beyond this says nothing more; the rest is not read. */
export const MAX_ERROR_BODY = 64 * 1024;

/**
 * The start of a response body as text, at most `limit` bytes; the rest is cancelled. A body that breaks off counts as
 * what came of it: it is only ever quoted.
 */
export async function readText(response: Response, limit = MAX_ERROR_BODY): Promise<string> {
  if (!response.body) return '';
  const decoder = new TextDecoder();
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  let text = '';
  let size = 0;
  try {
    while (size < limit) {
      const { done, value } = await reader.read();
      if (done) return text + decoder.decode();
      text += decoder.decode(value.subarray(0, limit - size), { stream: true });
      size += value.length;
    }
  } catch {
    return text;
  } finally {
    await reader.cancel().catch(() => {}); // a cancelled or broken stream has nothing left to release
  }
  return text;
}

/** Text of unknown origin, fit for an error's arguments: redacted, without control characters, on one line, short. */
export function quote(text: string): string {
  // Redaction comes before the cut, so that no half of a token is left standing.
  return describe(redact(text).replace(/\p{C}+/gu, ' '));
}
