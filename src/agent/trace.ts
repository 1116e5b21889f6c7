import { randomBytes } from 'node:crypto';

/** A new trace id for a turn (W3C Trace Context: 16 bytes in hex). */
export const newTraceId = (): string => randomBytes(16).toString('hex');

/** The `traceparent` header of one call within a trace, always sampled, as the gateway logs it. */
export const traceparent = (traceId: string): string => `00-${traceId}-${randomBytes(8).toString('hex')}-01`;
