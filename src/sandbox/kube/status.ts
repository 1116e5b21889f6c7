import { qualified } from './resources.ts';

/** A `Status` object, as the API server answers every failure (k8s.io/apimachinery `pkg/api/errors`). */
export interface Status {
  kind: 'Status';
  apiVersion: 'v1';
  metadata: { continue?: string };
  status: 'Failure' | 'Success';
  message: string;
  reason: string;
  details?: Record<string, unknown>;
  code: number;
}

/** Ends a request with that Status. */
export class StatusError extends Error {
  readonly status: Status;

  constructor(code: number, reason: string, message: string, details?: Record<string, unknown>, next?: string) {
    super(message);
    this.status = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: next === undefined ? {} : { continue: next },
      status: 'Failure',
      message,
      reason,
      ...(details && { details }),
      code,
    };
  }
}

export interface Named {
  group: string;
  plural: string;
  name?: string;
}

const detailsOf = ({ group, plural, name }: Named) => ({
  ...(name && { name }),
  ...(group && { group }),
  kind: plural,
});

const subject = (target: Named) => qualified(target) + (target.name ? ` "${target.name}"` : '');

export const unauthorized = () => new StatusError(401, 'Unauthorized', 'Unauthorized');

/** 403; without a target the refusal is about a path. `why` is empty where the server names no reason. */
export const forbidden = (target: Named | undefined, why: string) =>
  target
    ? new StatusError(403, 'Forbidden', `${subject(target)} is forbidden: ${why}`, detailsOf(target))
    : new StatusError(403, 'Forbidden', `forbidden: ${why}`, {});

export const notFound = (target: Named) =>
  new StatusError(404, 'NotFound', `${subject(target)} not found`, detailsOf(target));

export const noSuchResource = () =>
  new StatusError(404, 'NotFound', 'the server could not find the requested resource', {});

export const methodNotAllowed = () =>
  new StatusError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {});

export const conflict = (target: Named, why: string) =>
  new StatusError(409, 'Conflict', `Operation cannot be fulfilled on ${subject(target)}: ${why}`, detailsOf(target));

export const badRequest = (message: string) => new StatusError(400, 'BadRequest', message);

export const notAcceptable = () =>
  new StatusError(
    406,
    'NotAcceptable',
    'only the following media types are accepted: application/json, application/json;stream=watch',
  );

/** 410, where history has been compacted away. */
export const expired = (message: string, next?: string) => new StatusError(410, 'Expired', message, undefined, next);
