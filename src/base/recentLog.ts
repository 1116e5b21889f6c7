import type { Logger } from './logger.ts';

/** A logger that remembers its last lines, beside writing them. */
export interface RecentLog extends Logger {
  /** Oldest first: time, level, message. */
  lines(): string[];
}

/** Keeps the last `max` lines of what goes to `target`; put it behind the redactor. */
export function keepRecent(target: Logger, max: number): RecentLog {
  const kept: string[] = [];
  const write = (level: keyof Logger) => (message: string) => {
    kept.push(`${new Date().toISOString()} ${level} ${message}`);
    if (kept.length > max) kept.shift();
    target[level](message);
  };
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    lines: () => [...kept],
  };
}
