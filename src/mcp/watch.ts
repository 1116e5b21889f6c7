/** What becomes of a body: whether an event with an id was in it, and what broke it, if anything. */
export type BodyEnd = (end: { resumable: boolean; error?: unknown }) => void;

/**
 * The same response with its body watched: it errors beyond `limit` bytes (of the whole body, or of one event of an
 * event stream that has no end), and its end is told to `ended`, once.
 */
export function watchBody(
  response: Response,
  options: { limit: number; per: 'body' | 'event'; tooLarge(): Error; ended: BodyEnd },
): Response {
  if (!response.body) {
    options.ended({ resumable: false });
    return response;
  }
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const scan = new EventScanner();
  let size = 0;
  let over = false;
  const end = (error?: unknown) => {
    if (over) return;
    over = true;
    options.ended({ resumable: scan.sawId, ...(error !== undefined && { error }) });
  };
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (done) {
          end();
          controller.close();
          return;
        }
        scan.add(value);
        size += value.length;
        if ((options.per === 'event' ? scan.eventSize : size) > options.limit) {
          const error = options.tooLarge();
          void reader.cancel(error).catch(() => {});
          throw error;
        }
        controller.enqueue(value);
      } catch (error) {
        end(error);
        controller.error(error);
      }
    },
    async cancel(reason) {
      end(reason);
      await reader.cancel(reason);
    },
  });
  const { status, statusText, headers } = response;
  return new Response(body, { status, statusText, headers });
}

const NEWLINE = 10;
const RETURN = 13;

/** Follows an event stream just closely enough to know the size of the running event and whether any had an id. */
class EventScanner {
  sawId = false;
  eventSize = 0;
  #lineStart = '';
  #lineEmpty = true;

  add(bytes: Uint8Array): void {
    for (const byte of bytes) {
      this.eventSize++;
      if (byte === RETURN) continue;
      if (byte === NEWLINE) {
        if (this.#lineEmpty) this.eventSize = 0;
        this.#lineStart = '';
        this.#lineEmpty = true;
        continue;
      }
      this.#lineEmpty = false;
      if (this.#lineStart.length < 3) {
        this.#lineStart += String.fromCharCode(byte);
        if (this.#lineStart === 'id:') this.sawId = true;
      }
    }
  }
}
