/**
 * The same bytes as `source` in a stream of our own: `fail` says what its failure is to be called, `done` runs when it
 * has ended in whatever way, and `stop` ends it from outside.
 */
export function relay(
  source: ReadableStream<Uint8Array>,
  hooks: { fail(error: unknown): unknown; done?(): void },
): { stream: ReadableStream<Uint8Array>; stop(): void } {
  const reader = source.getReader();
  let ended = false;
  let stop = (): void => {};
  const end = (): boolean => {
    if (ended) return false;
    ended = true;
    hooks.done?.();
    return true;
  };
  const stream = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        stop = () => {
          if (!end()) return;
          controller.error(new DOMException('the request is over', 'AbortError'));
          reader.cancel().catch(() => {});
        };
      },
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (value && !ended) controller.enqueue(value);
          if (done && end()) controller.close();
        } catch (error) {
          if (end()) controller.error(hooks.fail(error));
        }
      },
      async cancel(reason) {
        end();
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, stop: () => stop() };
}
