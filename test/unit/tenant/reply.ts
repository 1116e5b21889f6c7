import type { TenantState, Token } from './directory.ts';

export interface Call {
  readonly method: string;
  /** Without host and version. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
  readonly token: Token;
  readonly state: TenantState;
}

export interface Reply {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

export const ok = (body: unknown, status = 200): Reply => ({ status, body });
export const done: Reply = { status: 204 };
export const refuse = (status: number, code: string, message = code): Reply => ({
  status,
  body: { error: { code, message, innerError: { 'request-id': 'r' } } },
});
export const notFound = refuse(
  404,
  'Request_ResourceNotFound',
  'Resource does not exist or one of its queried reference-property objects are not present.',
);
export const badReference = refuse(
  400,
  'Request_BadRequest',
  'The appId of the service principal does not reference a valid application object.',
);
