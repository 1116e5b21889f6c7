import { t } from './l10n.ts';

/** A length of time in words, in its largest one or two units: `1 h 12 min`, `12 min`, `42 s`. Negative counts as 0. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (hours >= 48) return t('{0} days', Math.floor(hours / 24));
  if (hours > 0) return t('{0} h {1} min', hours, minutes % 60);
  return minutes > 0 ? t('{0} min', minutes) : t('{0} s', seconds);
}

/** The length of a call: `340 ms`, `1.2 s`, else as `duration`. */
export function latency(ms: number): string {
  if (ms < 1000) return t('{0} ms', Math.max(0, Math.round(ms)));
  return ms < 60_000 ? t('{0} s', (ms / 1000).toFixed(1)) : duration(ms);
}
