import { AgentIdError, type ErrorArgs } from '../base/errors.ts';

/**
 * What can go wrong between a person, Entra and the sidecar. "Entra's args" are: `error` (OAuth error word), `aadsts`
 * (number without its prefix, absent when unknown), `detail` (Entra's own sentence), `correlationId` and `time`, by which
 * an administrator finds the attempt in the sign-in logs.
 */
export type IdentityErrorCode =
  /** The authority is no https URL with one tenant; args: authority. */
  | 'signIn.authorityInvalid'
  /** Discovery sent a request to a host that is not the authority's; args: host, authority. */
  | 'signIn.unsafeEndpoint'
  /** The page to enter the code on is not one of the authority's; args: page, authority. */
  | 'signIn.unsafePage'
  /** Entra can't be reached; args: host, reason. */
  | 'signIn.unreachable'
  /** What answered does not speak like Entra (a proxy's page, a missing field); args: host, status, problem. */
  | 'signIn.badAnswer'
  /** Entra is overloaded or out of order; Entra's args. */
  | 'signIn.entraUnavailable'
  /** The code was not entered in time; args: none, or Entra's. */
  | 'signIn.deviceCodeExpired'
  /** The code was used already or is not known any more; Entra's args. */
  | 'signIn.deviceCodeRejected'
  /** Nothing came back from the browser; args: minutes. */
  | 'signIn.browserUnanswered'
  /** The editor's own Microsoft account gave no token; args: reason. */
  | 'signIn.editorAccount'
  /** The person pressed Cancel on Entra's page, or refused consent there; Entra's args. */
  | 'signIn.declined'
  /** Nobody has agreed that this application may use the blueprint's scope; Entra's args. */
  | 'signIn.consentRequired'
  /** Conditional access or security defaults forbid this kind of sign-in or this device; Entra's args. */
  | 'signIn.blocked'
  /** The user is not assigned to the application; Entra's args. */
  | 'signIn.notAssigned'
  /** Entra wants the person once more (MFA, terms of use); Entra's args and, where given, claims (pass it on). */
  | 'signIn.interactionRequired'
  /** The sign-in is over: too old, revoked, password changed; Entra's args. */
  | 'signIn.sessionEnded'
  /** The client application may not do this: "Allow public client flows" is off, or it is first-party; Entra's args. */
  | 'signIn.clientNotAllowed'
  /** The client application is not known in the tenant; Entra's args. */
  | 'signIn.unknownClient'
  /** The tenant does not exist; Entra's args. */
  | 'signIn.unknownTenant'
  /** The user does not belong to the tenant; Entra's args. */
  | 'signIn.wrongUser'
  /** The blueprint's App ID URI is not known in the tenant; Entra's args. */
  | 'signIn.unknownResource'
  /** The scope does not exist on the blueprint; Entra's args. */
  | 'signIn.badScope'
  /** Entra refused for any other reason; Entra's args. */
  | 'signIn.refused'
  /** The editor's secret storage failed; args: reason. */
  | 'signIn.secretStorage'
  /** The sign-in library gave up without an answer from Entra; args: reason. */
  | 'signIn.failed'
  /** A token that is no JWT; args: reason. */
  | 'token.malformed'
  /** A token larger than any that Entra issues; args: bytes, limit. */
  | 'token.tooLarge'
  /** Tc was issued for another application; args: expected, actual. */
  | 'userToken.wrongAudience'
  /** Tc comes from another tenant; args: expected, actual. */
  | 'userToken.wrongTenant'
  /** Tc lacks the scope that was asked for; args: expected, actual. */
  | 'userToken.scopeMissing'
  /** Tc was expired on arrival (the clock of this machine is wrong); args: expiredAt, now. */
  | 'userToken.expired'
  /** Tc does not say whose it is; args: claim. */
  | 'userToken.claimMissing'
  /** The API has no audience to check its tokens against; args: api. */
  | 'agentToken.audienceUnknown'
  /** The sidecar returned the token of another identity (overrides off, or a bug of 1.0.0); args: api, expected, actual. */
  | 'agentToken.wrongAgent'
  /** The token is for another resource; args: api, expected, actual. */
  | 'agentToken.wrongAudience'
  /** The token speaks for another user than the one who signed in; args: api, expected, actual. */
  | 'agentToken.wrongUser'
  /** The token comes from another tenant; args: api, expected, actual. */
  | 'agentToken.wrongTenant'
  /** The token is an application's, on behalf of nobody; args: api. */
  | 'agentToken.notOnBehalfOfUser'
  /** The token was expired on arrival; args: api, expiredAt, now. */
  | 'agentToken.expired'
  /** Nothing answers; args: reason. */
  | 'sidecar.unreachable'
  /** Something answers that is not the sidecar; args: status, problem. */
  | 'sidecar.notASidecar'
  /** `/healthz` says that it is not healthy; args: status, detail. */
  | 'sidecar.unhealthy'
  /** It turned the request away because of its Host header (1.0.0 wants `localhost`); args: none. */
  | 'sidecar.wrongHost'
  /** It serves callers inside its own pod only (from 1.1.0 on); args: none. */
  | 'sidecar.forbiddenCaller'
  /** Its configuration has no such downstream API, or one without scopes; args: api. */
  | 'sidecar.unknownApi'
  /** It, or Entra behind it, does not accept Tc; args: reason and, from Entra, aadsts, correlationId, time. */
  | 'sidecar.userTokenRejected'
  /** Nobody has consented that this agent identity uses the API; args: api, agent, aadsts, detail, correlationId, time. */
  | 'sidecar.consentMissing'
  /** Entra wants MFA or the like before it issues the token; args: api, aadsts, detail, correlationId, time. */
  | 'sidecar.interactionRequired'
  /** Conditional access forbids it; args: api, aadsts, detail, correlationId, time. */
  | 'sidecar.blockedByPolicy'
  /** Entra does not accept the pod's federated token (or secret) for the blueprint; args as above. */
  | 'sidecar.workloadIdentityRefused'
  /** The blueprint or the agent identity is not known in the tenant; args as above. */
  | 'sidecar.unknownIdentity'
  /** The resource of the API is not known in the tenant; args as above. */
  | 'sidecar.unknownResource'
  /** Entra refused for any other reason; args as above. */
  | 'sidecar.entraRefused'
  /** The sidecar refused, and neither it nor Entra gave a reason that we know; args: api, status, detail. */
  | 'sidecar.refused'
  /** The sidecar failed inside: its own log says why; args: status, detail. */
  | 'sidecar.unexpected500'
  /** Its answer is not what its API promises; args: status, problem. */
  | 'sidecar.malformedAnswer'
  /** Its answer carries another scheme than Bearer; args: scheme. */
  | 'sidecar.notBearer';

/** An `AgentIdError` of this room; the compiler knows the codes. */
export function identityError(
  code: IdentityErrorCode,
  args: ErrorArgs = {},
  cause?: unknown,
): AgentIdError<IdentityErrorCode> {
  return new AgentIdError(code, args, cause === undefined ? undefined : { cause });
}
