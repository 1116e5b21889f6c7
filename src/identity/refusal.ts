import type { AgentIdError } from '../base/errors.ts';
import { failureArgs, kindOf, type EntraFailure, type EntraKind } from './entraError.ts';
import { identityError, type IdentityErrorCode } from './errors.ts';
import type { SignInWay } from './types.ts';

const CODES: Record<EntraKind, IdentityErrorCode> = {
  agentRestriction: 'signIn.refused',
  badRequest: 'signIn.refused',
  blocked: 'signIn.blocked',
  clientNotAllowed: 'signIn.clientNotAllowed',
  codeExpired: 'signIn.deviceCodeExpired',
  codeRejected: 'signIn.deviceCodeRejected',
  consent: 'signIn.consentRequired',
  declined: 'signIn.declined',
  interaction: 'signIn.interactionRequired',
  notAssigned: 'signIn.notAssigned',
  other: 'signIn.refused',
  overPolled: 'signIn.entraUnavailable',
  scope: 'signIn.badScope',
  sessionEnded: 'signIn.sessionEnded',
  unavailable: 'signIn.entraUnavailable',
  unknownApp: 'signIn.unknownClient',
  unknownResource: 'signIn.unknownResource',
  unknownTenant: 'signIn.unknownTenant',
  userToken: 'signIn.sessionEnded',
  workloadIdentity: 'signIn.refused',
  wrongUser: 'signIn.wrongUser',
};

/** Entra's refusal of a sign-in or of its renewal. `way` is kept, so that the others can be offered; `now` in ms. */
export function signInRefused(
  failure: EntraFailure,
  { way, now }: { way: SignInWay | undefined; now: number },
): AgentIdError<IdentityErrorCode> {
  return identityError(CODES[kindOf(failure)], {
    ...failureArgs(failure, now),
    ...(failure.claims && { claims: failure.claims }),
    ...(way && { way }),
  });
}
