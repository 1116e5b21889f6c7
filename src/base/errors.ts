/** Values that a message may show; never a token and never a secret. */
export type ErrorArgs = Readonly<Record<string, string | number>>;

/**
 * The one error type of the core. It carries a stable code and the values that its sentence needs; the words, the next
 * step and the translation belong to `views/messages`. Each room lists its own codes in its `errors.ts`.
 */
export class AgentIdError<Code extends string = string> extends Error {
  readonly code: Code;
  readonly args: ErrorArgs;
  /** When it happened: by this, an administrator finds it in a log. */
  readonly at = new Date();

  constructor(code: Code, args: ErrorArgs = {}, options?: { cause?: unknown }) {
    super(`${code} ${JSON.stringify(args)}`, options);
    this.name = 'AgentIdError';
    this.code = code;
    this.args = args;
  }

  /** True for an error of this type and, where a code is given, of that code. */
  static is(error: unknown, code?: string): error is AgentIdError {
    return error instanceof AgentIdError && (code === undefined || error.code === code);
  }
}

/** True when the person, or a disposal, ended the work: never shown, never logged as a failure. */
export function isCancellation(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || AgentIdError.is(error, 'cancelled'));
}

/** The message of anything that was thrown, on one line and short enough for a notification or a log line. */
export function describe(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > 300 ? `${line.slice(0, 299)}…` : line;
}
