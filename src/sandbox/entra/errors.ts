import { randomUUID } from 'node:crypto';

interface Kind {
  readonly error: string;
  readonly text: string;
  readonly status?: number;
  readonly suberror?: string;
}

const clientKind = (text: string): Kind => ({ error: 'invalid_client', status: 401, text });
const mfa = (text: string): Kind => ({
  error: 'interaction_required',
  suberror: 'basic_action',
  text: `Due to a configuration change made by your administrator, or because you moved to a new location, ${text} to access '%1'.`,
});
const blocked = (text: string): Kind => ({ error: 'interaction_required', suberror: 'message_only', text });
const NO_FEDERATION =
  'Check your federated identity credential Subject, Audience and Issuer against the presented assertion.';

/**
 * What Entra says for each AADSTS number that the sandbox can produce or be told to produce; `%1`, `%2` are values.
 * The numbers, `error` words and the wording that clients see in practice are in the public list of error codes of the
 * identity platform.
 */
const KINDS: Readonly<Record<number, Kind>> = {
  16000: {
    error: 'interaction_required',
    text: 'Either multiple user identities are available or the account is not supported.',
  },
  28000: { error: 'invalid_request', text: 'The input parameter scope contains more than one resource.' },
  50001: { error: 'invalid_resource', text: "The resource named '%1' is disabled or does not exist." },
  50011: {
    error: 'invalid_request',
    text: "The redirect URI '%1' specified in the request does not match the redirect URIs configured for the application '%2'.",
  },
  50013: { error: 'invalid_grant', text: 'Assertion failed signature validation. [Reason - %1]' },
  50020: {
    error: 'invalid_grant',
    text: "User account '%1' from another identity provider does not exist in this tenant and cannot access the application in that tenant.",
  },
  50034: {
    error: 'invalid_grant',
    text: 'The user account %1 does not exist in the directory. To sign into this application, the account must be added to the directory.',
  },
  50049: { error: 'invalid_instance', text: 'Unknown or invalid instance.' },
  50058: { error: 'login_required', text: 'A silent sign-in request was sent but no user is signed in.' },
  50072: mfa('you must enroll in multi-factor authentication'),
  50074: mfa('strong authentication is required'),
  50076: {
    error: 'interaction_required',
    suberror: 'basic_action',
    text: "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access '%1'.",
  },
  50078: mfa('the presented multi-factor authentication has expired'),
  50079: {
    error: 'interaction_required',
    suberror: 'basic_action',
    text: "Due to a configuration change made by your administrator, or because you moved to a new location, you must enroll in multi-factor authentication to access '%1'.",
  },
  50097: blocked('Device authentication is required.'),
  50105: { error: 'invalid_grant', text: "The signed in user is not assigned to a role for the application '%1'." },
  50131: blocked(
    'A conditional access policy other than device state or multi-factor authentication blocks this request.',
  ),
  50132: {
    error: 'invalid_grant',
    text: 'The session is not valid: the password has expired or was changed recently.',
  },
  50158: {
    error: 'interaction_required',
    suberror: 'basic_action',
    text: 'External security challenge not satisfied. User will be redirected to another page or authentication provider to satisfy additional authentication challenges.',
  },
  50173: {
    error: 'invalid_grant',
    text: 'The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password.',
  },
  50196: {
    error: 'invalid_request',
    text: 'The server terminated an operation because it encountered a client request loop.',
  },
  50134: {
    error: 'invalid_grant',
    text: 'The request was sent to the wrong data center; it belongs to another region.',
  },
  53000: {
    error: 'interaction_required',
    suberror: 'message_only',
    text: 'Device is not in required device state: %1.',
  },
  53001: blocked('Device is not in required device state: domain_joined.'),
  53002: blocked('The application used is not an approved application for conditional access.'),
  53003: {
    error: 'interaction_required',
    suberror: 'message_only',
    text: 'Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.',
  },
  65001: {
    error: 'invalid_grant',
    suberror: 'consent_required',
    text: "The user or administrator has not consented to use the application with ID '%1' named '%2'. Send an interactive authorization request for this user and resource.",
  },
  65002: {
    error: 'invalid_request',
    text: "Consent between first party application '%1' and first party resource must be configured via preauthorization.",
  },
  65004: { error: 'access_denied', text: 'User declined to consent to access the app.' },
  70000: { error: 'invalid_grant', text: 'Provided grant is invalid or malformed.' },
  70003: { error: 'unsupported_grant_type', text: "The app requested an unsupported grant type '%1'." },
  70008: {
    error: 'invalid_grant',
    text: 'The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource.',
  },
  70011: {
    error: 'invalid_scope',
    text: "The provided value for the input parameter 'scope' is not valid. The scope %1 is not valid.",
  },
  70016: {
    error: 'authorization_pending',
    text: 'OAuth 2.0 device flow error. Authorization is pending. Continue polling.',
  },
  70018: { error: 'bad_verification_code', text: 'Invalid verification code. The device code is not known.' },
  70019: { error: 'expired_token', text: 'Verification code expired.' },
  70020: {
    error: 'expired_token',
    text: "The provided value for the input parameter 'device_code' is not valid. This device code has expired.",
  },
  70021: clientKind('No matching federated identity record found for presented assertion.'),
  70043: {
    error: 'invalid_grant',
    suberror: 'token_expired',
    text: 'The refresh token has expired or is invalid due to sign-in frequency checks by conditional access.',
  },
  82001: {
    error: 'unauthorized_client',
    text: "Agentic application '%1' is not permitted to request app-only tokens for resource '%2'.",
  },
  82014: { error: 'unauthorized_client', text: "Agentic application '%1' does not support interactive consent." },
  90002: {
    error: 'invalid_request',
    text: "Tenant '%1' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.",
  },
  90014: { error: 'invalid_request', text: "The required field '%1' is missing from the credential." },
  90033: { error: 'temporarily_unavailable', status: 503, text: 'A transient error has occurred. Please try again.' },
  90094: {
    error: 'access_denied',
    text: 'An administrator of the tenant has to grant the permissions that were requested.',
  },
  90095: { error: 'access_denied', text: 'A request for administrator consent was sent and waits for an answer.' },
  90119: { error: 'invalid_request', text: 'The user code is null or empty.' },
  90120: { error: 'invalid_grant', text: 'The request was already authorized or declined.' },
  500011: {
    error: 'invalid_resource',
    text: 'The resource principal named %1 was not found in the tenant named %2. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant.',
  },
  500131: {
    error: 'invalid_grant',
    text: "Assertion audience does not match the Client app presenting the assertion. The audience in the assertion was '%1' and the expected audience is '%2' or one of the Application Uris of this application.",
  },
  500133: {
    error: 'invalid_grant',
    text: 'Assertion is not within its valid time range. Ensure that the access token is not expired before using it for user assertion, or request a new token. Current time: %1, expiry time of assertion: %2.',
  },
  501481: {
    error: 'invalid_grant',
    text: 'The Code_Verifier does not match the code_challenge supplied in the authorization request.',
  },
  530035: { error: 'access_denied', text: 'Access has been blocked by security defaults.' },
  530036: {
    error: 'access_denied',
    text: 'Access has been blocked by an authentication flows policy: this sign-in, or the session it began with, used a flow that is not allowed.',
  },
  650053: {
    error: 'invalid_scope',
    text: "The application '%1' asked for scope '%2' that doesn't exist on the resource '%3'.",
  },
  650057: {
    error: 'invalid_client',
    text: "Invalid resource. The client has requested access to a resource which is not listed in the requested permissions in the client's application registration. Client app ID: %1(%2).",
  },
  700016: {
    error: 'unauthorized_client',
    text: "Application with identifier '%1' was not found in the directory '%2'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.",
  },
  700022: {
    error: 'invalid_scope',
    text: "The provided value for the input parameter 'scope' is not valid because it contains more than one resource.",
  },
  700024: clientKind(
    'Client assertion is not within its valid time range. Current time: %1, expiry time of assertion: %2.',
  ),
  700025: clientKind("Client is public so neither 'client_assertion' nor 'client_secret' should be presented."),
  700027: clientKind('Client assertion failed signature validation.'),
  700082: {
    error: 'invalid_grant',
    text: 'The refresh token has expired due to inactivity. The token was inactive for 90.00:00:00.',
  },
  700084: {
    error: 'invalid_grant',
    text: 'The refresh token was issued to a single page app and has a fixed, limited lifetime, which has ended.',
  },
  700211: clientKind(
    `No matching federated identity record found for presented assertion issuer '%1'. ${NO_FEDERATION}`,
  ),
  700212: clientKind(
    `No matching federated identity record found for presented assertion audience '%1'. ${NO_FEDERATION}`,
  ),
  700213: clientKind(
    `No matching federated identity record found for presented assertion subject '%1'. ${NO_FEDERATION}`,
  ),
  700214: clientKind("The audience of the federated credential must be 'api://AzureADTokenExchange'."),
  700223: clientKind('No matching federated identity record found for presented assertion.'),
  700231: clientKind('A token that came from a federated credential cannot be presented as another one.'),
  900144: { error: 'invalid_request', text: "The request body must contain the following parameter: '%1'." },
  1002012: {
    error: 'invalid_scope',
    text: "The provided value for scope %1 is not valid. Client credential flows must have a scope value with '/.default' suffixed to the resource identifier.",
  },
  7000114: {
    error: 'unauthorized_client',
    text: "Application '%1' is not allowed to make application on-behalf-of calls.",
  },
  7000215: clientKind(
    "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '%1'.",
  ),
  7000218: clientKind("The request body must contain the following parameter: 'client_assertion' or 'client_secret'."),
  7000222: clientKind("The provided client secret keys for app '%1' are expired."),
  7000272: clientKind('The key that signed the presented assertion was not found in the key set of its issuer.'),
  7000274: clientKind('The presented assertion has an invalid signature.'),
  7002121: clientKind(
    'No matching federated identity record found for the combination of issuer, subject and audience.',
  ),
  9002313: { error: 'invalid_request', text: 'Invalid request. Request is malformed or invalid.' },
};

/** Every AADSTS number that a switch may ask for. */
export const KNOWN_CODES: readonly number[] = Object.keys(KINDS).map(Number);

/** A refusal in Entra's own shape; `overrides` replaces the parts of a kind that depend on the occasion. */
export class EntraError extends Error {
  readonly code: number;
  readonly #kind: Kind;
  readonly #claims: string | undefined;

  constructor(code: number, values: readonly string[] = [], overrides: Partial<Kind> & { claims?: string } = {}) {
    if (!KINDS[code]) throw new Error(`The sandbox has no text for AADSTS${code}`);
    const { claims, ...rest } = overrides;
    const kind = { ...KINDS[code], ...rest };
    super(kind.text.replace(/%(\d)/g, (_all, index: string) => values[Number(index) - 1] ?? 'SANDBOX'));
    this.name = 'EntraError';
    this.code = code;
    this.#kind = kind;
    this.#claims = claims;
  }

  get status(): number {
    return this.#kind.status ?? 400;
  }

  /** The JSON body; `now` in milliseconds since the epoch. The three lines after the text end in CRLF, as Entra's do. */
  body(context: { origin: string; correlationId: string; now: number }): Record<string, unknown> {
    const timestamp = `${new Date(context.now).toISOString().slice(0, 19).replace('T', ' ')}Z`;
    const traceId = randomUUID();
    const lines = [
      `AADSTS${this.code}: ${this.message}`,
      `Trace ID: ${traceId}`,
      `Correlation ID: ${context.correlationId}`,
      `Timestamp: ${timestamp}`,
    ];
    return {
      error: this.#kind.error,
      error_description: lines.join('\r\n'),
      error_codes: [this.code],
      timestamp,
      trace_id: traceId,
      correlation_id: context.correlationId,
      error_uri: `${context.origin}/error?code=${this.code}`,
      ...(this.#kind.suberror && { suberror: this.#kind.suberror }),
      ...(this.#claims && { claims: this.#claims }),
    };
  }
}
