import { redact } from './redact.ts';

/** Where the core writes; `views` gives it the one LogOutputChannel. */
export interface Logger {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** A logger that lets nothing through that looks like a token, whatever its caller wrote. */
export function redactingLogger(target: Logger): Logger {
  return {
    debug: message => target.debug(redact(message)),
    info: message => target.info(redact(message)),
    warn: message => target.warn(redact(message)),
    error: message => target.error(redact(message)),
  };
}

/** A logger for tests and for parts that have nobody to tell. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };
