import * as v from 'valibot';
import { redact } from '../base/redact.ts';
import type { ErrorArgs } from '../base/errors.ts';

/**
 * What a refusal by Entra is about. Microsoft asks to program against the OAuth words and warns that numbers may change
 * (Microsoft Learn, "Microsoft Entra authentication and authorization error codes"); the words alone can't tell a missing
 * consent from a blocked device, so a known number refines and an unknown one falls back to the word.
 */
export type EntraKind =
  | 'agentRestriction'
  | 'badRequest'
  | 'blocked'
  | 'clientNotAllowed'
  | 'codeExpired'
  | 'codeRejected'
  | 'consent'
  | 'declined'
  | 'interaction'
  | 'notAssigned'
  | 'other'
  | 'overPolled'
  | 'scope'
  | 'sessionEnded'
  | 'unavailable'
  | 'unknownApp'
  | 'unknownResource'
  | 'unknownTenant'
  | 'userToken'
  | 'workloadIdentity'
  | 'wrongUser';

/** A refusal as Entra words it, without trace lines; nothing in it is secret. */
export interface EntraFailure {
  error: string;
  suberror?: string;
  aadsts?: number;
  detail: string;
  correlationId?: string;
  /** As Entra wrote it (UTC), or undefined. */
  time?: string;
  /** JSON text of a claims challenge. */
  claims?: string;
}

const NUMBERS: Partial<Record<EntraKind, readonly number[]>> = {
  agentRestriction: [82001, 82014],
  badRequest: [70003, 90014, 900144, 9002313],
  blocked: [50097, 50131, 53000, 53001, 53002, 53003, 530035, 530036],
  clientNotAllowed: [65002, 650057, 700025, 7000218],
  codeExpired: [70019, 70020],
  codeRejected: [50134, 70018, 90119, 90120],
  consent: [65001, 90094, 90095],
  declined: [65004],
  interaction: [50072, 50074, 50076, 50078, 50079, 50158],
  notAssigned: [50105],
  overPolled: [50196],
  scope: [28000, 70011, 650053, 700022, 1002012],
  sessionEnded: [50132, 50173, 70000, 70008, 70043, 700082, 700084],
  unavailable: [90033],
  unknownApp: [700016],
  unknownResource: [50001, 500011],
  unknownTenant: [90002],
  userToken: [50013, 500131, 500133, 7000114],
  workloadIdentity: [
    70021, 700024, 700027, 700211, 700212, 700213, 700214, 700223, 700231, 7000215, 7000222, 7000272, 7000274, 7002121,
  ],
  wrongUser: [50020, 50034],
};

const BY_NUMBER = new Map<number, EntraKind>(
  Object.entries(NUMBERS).flatMap(([kind, numbers]) => numbers.map(number => [number, kind as EntraKind] as const)),
);

/** Words of RFC 8628 that say everything; Entra's numbers beside them vary. */
const DECISIVE = new Map<string, EntraKind>([
  ['authorization_declined', 'declined'],
  ['bad_verification_code', 'codeRejected'],
  ['expired_token', 'codeExpired'],
  ['slow_down', 'overPolled'],
]);

const BY_WORD = new Map<string, EntraKind>([
  ['bad_token', 'sessionEnded'],
  ['additional_action', 'interaction'],
  ['basic_action', 'interaction'],
  ['consent_required', 'consent'],
  ['interaction_required', 'interaction'],
  ['invalid_grant', 'sessionEnded'], // RFC 6749 §5.2: invalid, expired or revoked
  ['invalid_scope', 'scope'],
  ['login_required', 'interaction'],
  ['server_error', 'unavailable'],
  ['temporarily_unavailable', 'unavailable'],
  ['token_expired', 'sessionEnded'],
  ['user_password_expired', 'sessionEnded'],
]);

/** What the refusal is about: by a word of the device flow, else by its number, its suberror, its OAuth word. */
export function kindOf(failure: Pick<EntraFailure, 'aadsts' | 'suberror' | 'error'>): EntraKind {
  const { error, aadsts = 0, suberror = '' } = failure;
  return DECISIVE.get(error) ?? BY_NUMBER.get(aadsts) ?? BY_WORD.get(suberror) ?? BY_WORD.get(error) ?? 'other';
}

const Body = v.object({
  error: v.string(),
  error_description: v.optional(v.string(), ''),
  error_codes: v.fallback(v.array(v.number()), []),
  suberror: v.fallback(v.optional(v.string()), undefined),
  correlation_id: v.fallback(v.optional(v.string()), undefined),
  timestamp: v.fallback(v.optional(v.string()), undefined),
  claims: v.fallback(v.optional(v.string()), undefined),
});

/** Reads an OAuth error body (RFC 6749 §5.2 with Entra's additions); undefined when it is none. */
export function parseFailure(body: unknown): EntraFailure | undefined {
  const parsed = v.safeParse(Body, body);
  if (!parsed.success) return undefined;
  const { error, error_description, error_codes, suberror, correlation_id, timestamp, claims } = parsed.output;
  const said = parseDescription(error_description);
  return {
    ...said,
    error,
    ...(suberror && { suberror }),
    ...(error_codes[0] !== undefined && said.aadsts === undefined && { aadsts: error_codes[0] }),
    ...(correlation_id && { correlationId: correlation_id }),
    ...(timestamp && { time: timestamp }),
    ...(claims && { claims }),
  };
}

/** What Entra's sentence itself says: its number, correlation id and time; all that the sidecar passes on. */
export function parseDescription(text: string): Omit<EntraFailure, 'error'> {
  const [sentence = ''] = text.replace(/\s+/g, ' ').split(/(?:Trace ID|Correlation ID|Timestamp):/, 1);
  const number = /AADSTS(\d{4,9})/.exec(text)?.[1];
  const correlationId = /Correlation ID:\s*([\w-]{8,40})/.exec(text)?.[1];
  const time = /Timestamp:\s*(\d{4}-\d\d-\d\d[ T][\d:.]+Z)/.exec(text)?.[1];
  return {
    detail: redact(sentence.trim()).slice(0, 600),
    ...(number && { aadsts: Number(number) }),
    ...(correlationId && { correlationId }),
    ...(time && { time }),
  };
}

/** The values of a refusal that a message shows; `now` (ms) stands in where Entra gave no time. */
export function failureArgs(failure: Partial<EntraFailure>, now: number): ErrorArgs {
  const { error, aadsts, detail, correlationId } = failure;
  return {
    ...(error && { error }),
    ...(aadsts && { aadsts }),
    ...(detail && { detail }),
    ...(correlationId && { correlationId }),
    time: failure.time ?? new Date(now).toISOString(),
  };
}
