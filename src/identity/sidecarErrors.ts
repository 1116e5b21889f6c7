import * as v from 'valibot';
import type { AgentIdError } from '../base/errors.ts';
import { type ErrorArgs } from '../base/errors.ts';
import { redact } from '../base/redact.ts';
import { failureArgs, kindOf, parseDescription, type EntraKind } from './entraError.ts';
import { identityError, type IdentityErrorCode } from './errors.ts';
import { parseJson } from './http.ts';

/** One answer of whatever listens on the sidecar's port. */
export interface SidecarAnswer {
  status: number;
  contentType: string;
  wwwAuthenticate: string;
  /** Undefined when it was too long to read. */
  text: string | undefined;
}

const CODES: Partial<Record<EntraKind, IdentityErrorCode>> = {
  blocked: 'sidecar.blockedByPolicy',
  consent: 'sidecar.consentMissing',
  interaction: 'sidecar.interactionRequired',
  sessionEnded: 'sidecar.userTokenRejected',
  unknownApp: 'sidecar.unknownIdentity',
  unknownResource: 'sidecar.unknownResource',
  userToken: 'sidecar.userTokenRejected',
  workloadIdentity: 'sidecar.workloadIdentityRefused',
};

const Problem = v.object({ title: v.optional(v.string(), ''), detail: v.optional(v.string(), '') });

/**
 * What a failed answer means. The sidecar says 401 with an empty body when it does not accept the user's token itself,
 * 401 with a problem document (RFC 9457) when Entra refused, and drops Entra's error codes and claims: the number is
 * read out of the sentence (AzureAD/microsoft-identity-web, src/Microsoft.Identity.Web.Sidecar/Endpoints).
 * `now` in milliseconds.
 */
export function sidecarError(
  answer: SidecarAnswer,
  asked: { api: string; agent: string },
  now: number,
): AgentIdError<IdentityErrorCode> {
  const { status, text = '' } = answer;
  const problem = parseProblem(text);
  const detail = problem ? shorten(problem.detail || problem.title) : undefined;
  if (status === 401 && !text.trim())
    return identityError('sidecar.userTokenRejected', { reason: bearerError(answer.wwwAuthenticate) });
  if (detail !== undefined && /AADSTS\d/.test(detail)) return refusedByEntra(problem?.detail ?? '', asked, now);
  const anywhere = generalError(answer, detail);
  if (anywhere) return anywhere;
  if (status === 400 && detail !== undefined && /^No scopes found for the API/i.test(detail))
    return identityError('sidecar.unknownApi', { api: asked.api });
  if (detail !== undefined) return identityError('sidecar.refused', { api: asked.api, status, detail });
  return notASidecar(answer);
}

/** What `/healthz` means when it is not 200 `Healthy`. */
export function healthError(answer: SidecarAnswer): AgentIdError<IdentityErrorCode> {
  const detail = shorten(answer.text ?? '');
  if (/^(unhealthy|degraded)$/i.test(detail))
    return identityError('sidecar.unhealthy', { status: answer.status, detail });
  return generalError(answer, undefined) ?? notASidecar(answer);
}

function generalError(answer: SidecarAnswer, detail: string | undefined): AgentIdError<IdentityErrorCode> | undefined {
  const { status, text = '' } = answer;
  if (status === 400 && /invalid hostname/i.test(text)) return identityError('sidecar.wrongHost');
  if (status === 403 && !text.trim()) return identityError('sidecar.forbiddenCaller');
  if (status >= 500)
    return identityError('sidecar.unexpected500', {
      status,
      detail: detail ?? shorten(text.replace(/<[^<>]*>/g, ' ')),
    });
  return undefined;
}

function refusedByEntra(
  detail: string,
  asked: { api: string; agent: string },
  now: number,
): AgentIdError<IdentityErrorCode> {
  const failure = parseDescription(detail);
  const code = CODES[kindOf({ ...failure, error: '' })] ?? 'sidecar.entraRefused';
  const args: ErrorArgs = { ...asked, ...failureArgs(failure, now) };
  return identityError(code, code === 'sidecar.userTokenRejected' ? { ...args, reason: failure.detail } : args);
}

function notASidecar(answer: SidecarAnswer): AgentIdError<IdentityErrorCode> {
  const { status, contentType } = answer;
  return identityError('sidecar.notASidecar', { status, problem: contentType || 'no content type' });
}

function parseProblem(text: string): v.InferOutput<typeof Problem> | undefined {
  const parsed = v.safeParse(Problem, parseJson(text));
  return parsed.success && (parsed.output.title || parsed.output.detail) ? parsed.output : undefined;
}

/** The reason in `WWW-Authenticate: Bearer error="…", error_description="…"` (RFC 6750 §3); a bare `Bearer` gives none. */
function bearerError(header: string): string {
  const field = (name: string): string | undefined =>
    new RegExp(`${name}="((?:[^"\\\\]|\\\\.)*)"`).exec(header)?.[1]?.replace(/\\(.)/g, '$1');
  return shorten(field('error_description') ?? field('error') ?? '') || 'no reason given';
}

function shorten(text: string): string {
  return redact(text.replace(/\s+/g, ' ').trim()).slice(0, 300);
}
