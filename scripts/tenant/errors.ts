/** What ends the script: one sentence that says what happened and why, and one next step. Never a token or a secret. */
export class TenantError extends Error {
  readonly next: string;

  constructor(sentence: string, next: string, cause?: unknown) {
    super(sentence, cause === undefined ? undefined : { cause });
    this.name = 'TenantError';
    this.next = next;
  }
}

/** An answer of Graph or of Azure Resource Manager that is no success, in the service's own words. */
export class ServiceFailure extends Error {
  readonly service: string;
  readonly status: number;
  /** The service's word for it, such as `Request_ResourceNotFound`; empty when it gave none. */
  readonly code: string;
  /** By this the service's support finds the request. */
  readonly requestId: string;

  constructor(service: string, status: number, code: string, message: string, requestId: string) {
    super(message);
    this.name = 'ServiceFailure';
    this.service = service;
    this.status = status;
    this.code = code;
    this.requestId = requestId;
  }
}

/**
 * May this be the directory not knowing yet what was made a moment ago? A request for a new object is answered 404, and
 * one that names it 400 or, for the rights of its owner, 403, until all replicas have it (Microsoft Learn, "Designing
 * for eventual consistency for Microsoft Entra").
 */
export function mayBeReplication(error: unknown): boolean {
  if (error instanceof NotYet) return true;
  if (!(error instanceof ServiceFailure) || DEFINITE.test(error.code)) return false;
  return error.status === 404 || error.status === 400;
}

/** Parts of codes that say a rule of the tenant, a limit, or a request that will never be right. */
const DEFINITE = /Policy|Quota|LimitExceeded|Incompatible|Unsupported|HostNameNot|NotSupported/;

/** Something that the next step builds on can't be read yet; it is waited for like any other delay of the directory. */
export class NotYet extends Error {
  constructor(what: string) {
    super(`${what} can't be read yet`);
    this.name = 'NotYet';
  }
}

/** A refused request in words; anything else as it is. */
export function explained(error: unknown, doing: string): unknown {
  if (error instanceof NotYet)
    return new TenantError(
      `${doing}: ${error.message}.`,
      'Run this again in a few minutes; nothing is made twice.',
      error,
    );
  if (!(error instanceof ServiceFailure)) return error;
  const { service, status, code, message, requestId } = error;
  const said = [code, message].filter(Boolean).join(': ') || `status ${status}`;
  const sentence = `${doing}: ${service} refuses it (${said}${requestId && `; request ${requestId}`}).`;
  return new TenantError(sentence, nextStep(error), error);
}

function nextStep({ service, status, code }: ServiceFailure): string {
  if (status === 401) return 'Run this again and sign in anew.';
  if (status === 403)
    return service === 'Azure'
      ? 'You need Owner, User Access Administrator or Role Based Access Control Administrator there: docs/setup-tenant.md#roles.'
      : 'You lack a directory role for it (docs/setup-tenant.md#roles). npm run tenant -- print writes down what somebody who has one can do.';
  if (/Policy/.test(code))
    return 'A policy of the tenant forbids it; an administrator can except this application: docs/setup-tenant.md#when-it-fails.';
  if (/Quota|LimitExceeded/.test(code))
    return 'Delete agent identities or blueprints that nobody needs, for good: deleted ones count too.';
  return 'Run this again in a few minutes; nothing is made twice. If it stays: docs/setup-tenant.md#when-it-fails.';
}
