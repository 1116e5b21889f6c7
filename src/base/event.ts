import type { Disposable } from './disposable.ts';

/** Subscribe; same shape as `vscode.Event`. */
export type Event<T> = (listener: (value: T) => void) => Disposable;

/**
 * A minimal emitter for the rooms that know no editor. Listeners are called in the order in which they came. One that
 * throws harms neither the others nor whoever fires: its error is thrown where the process hears of it.
 */
export class Emitter<T> implements Disposable {
  readonly #listeners = new Set<(value: T) => void>();

  readonly event: Event<T> = listener => {
    const own = (value: T) => listener(value); // the same function may subscribe twice
    this.#listeners.add(own);
    return { dispose: () => void this.#listeners.delete(own) };
  };

  fire(value: T): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(value);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  dispose(): void {
    this.#listeners.clear();
  }
}
