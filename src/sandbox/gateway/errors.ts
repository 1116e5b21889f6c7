import type { OutgoingHttpHeaders } from 'node:http';

/** An answer that the gateway gives by itself, or relays whole, in place of what the route would have given. */
export class GatewayError extends Error {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: string | Buffer;
  /** Why, as the access log says it (`reason=` of AgentGateway). */
  readonly reason: string;

  constructor(reason: string, status: number, headers: OutgoingHttpHeaders, body: string | Buffer) {
    super(`${status} ${reason}`);
    this.name = 'GatewayError';
    this.reason = reason;
    this.status = status;
    this.headers = headers;
    this.body = body;
  }
}

/** AgentGateway's usual form of a refusal: the error's sentence as `text/plain` (`ProxyError::into_response`). */
export function plain(reason: string, status: number, sentence: string): GatewayError {
  return new GatewayError(reason, status, { 'content-type': 'text/plain' }, sentence);
}

/** 503 of everything that goes wrong with an LLM request before it leaves the gateway. */
export const processingFailed = (detail: string) => plain('Internal', 503, `processing failed: ${detail}`);
