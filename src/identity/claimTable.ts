import { AGENT_IDENTITY, AGENT_USER } from './facets.ts';

/** How well the meaning of a claim is founded. */
export type Evidence = 'documented' | 'observed' | 'guessed';

/** Where the meaning is written down, or where tokens were published that show it. */
export interface ClaimSource {
  title: string;
  url: string;
}

export interface ClaimText {
  text: string;
  evidence: Evidence;
  source?: ClaimSource;
}

const learn = (title: string, page: string): ClaimSource => ({
  title: `Microsoft Learn: ${title}`,
  url: `https://learn.microsoft.com/en-us/entra/${page}`,
});
const ACCESS = learn('Access token claims reference', 'identity-platform/access-token-claims-reference');
const OPTIONAL = learn('Optional claims reference', 'identity-platform/optional-claims-reference');
const AGENTS = learn('Token claims reference for agents', 'agent-id/agent-token-claims');
const TOKENS = learn('Access tokens', 'identity-platform/access-tokens');
const ID_TOKENS = learn('ID token claims reference', 'identity-platform/id-token-claims-reference');
const rfc = (number: number, title: string): ClaimSource => ({
  title: `RFC ${number}: ${title}`,
  url: `https://www.rfc-editor.org/rfc/rfc${number}`,
});
const JWT = rfc(7519, 'JSON Web Token');
/** Payloads of real tenants that their owners published. */
const FLOWS: ClaimSource = {
  title: 'joetanx/mslab, entra/agent-id/auth-flows.md',
  url: 'https://github.com/joetanx/mslab/blob/main/entra/agent-id/auth-flows.md',
};
const AGW: ClaimSource = {
  title: 'christian-posta/entra-agent-id-agw, PART-2.md',
  url: 'https://github.com/christian-posta/entra-agent-id-agw/blob/main/PART-2.md',
};

const documented = (text: string, source = ACCESS): ClaimText => ({ text, evidence: 'documented', source });
const observed = (text: string, source = FLOWS): ClaimText => ({ text, evidence: 'observed', source });
const guessed = (text: string): ClaimText => ({ text, evidence: 'guessed' });

/** What each claim says, in the order in which the inspector lists them. */
export const CLAIMS: ReadonlyMap<string, ClaimText> = new Map<string, ClaimText>([
  // Who may accept it, for whom, from whom
  ['aud', documented('Who may accept this token: the resource that it was issued for.')],
  ['sub', documented('Whom the token is about. For a user it is a hash that differs from application to application.')],
  [
    'appid',
    documented(
      'The application that calls, as version 1.0 tokens name it. In the token of an agent: the agent identity.',
    ),
  ],
  [
    'azp',
    documented(
      'The application that calls, as version 2.0 tokens name it. In the token of an agent: the agent identity.',
    ),
  ],
  ['xms_act_fct', documented('Facets of the actor, the one who calls.', AGENTS)],
  ['xms_sub_fct', documented('Facets of the subject, the one on whose behalf the call is made.', AGENTS)],
  [
    'xms_par_app_azp',
    documented(
      'The blueprint that the calling agent identity was made from. For audit, not for authorization.',
      AGENTS,
    ),
  ],
  ['xms_idrel', documented('How the subject is related to the tenant of the resource.', AGENTS)],
  ['idtyp', documented('Whether the token speaks for a user or for an application alone.', OPTIONAL)],
  ['oid', documented('Object id of the subject in the tenant: the user, or the service principal of an application.')],
  ['tid', documented('The tenant that the subject signed in to.')],
  [
    'iss',
    documented(
      'Who issued the token. Its form follows the version that the resource asks for, not the endpoint that was called.',
      TOKENS,
    ),
  ],
  [
    'ver',
    documented('Format of the token. The resource application chooses it with requestedAccessTokenVersion.', TOKENS),
  ],
  // What it permits
  ['scp', documented('Delegated permissions: what the caller may do on behalf of the user.')],
  ['roles', documented('Application roles that were assigned to the subject.')],
  ['wids', documented('Directory roles of the user, as role template ids.')],
  ['groups', documented('Groups of the subject, as object ids.')],
  ['hasgroups', documented('The user is in more groups than the token can hold; they must be asked of Graph.')],
  ['_claim_names', documented('Which claims were too large for the token and are found elsewhere (group overage).')],
  ['_claim_sources', documented('Where the claims are found that were too large for the token.')],
  // The person
  ['name', documented('Display name. For people to read, not for authorization.')],
  ['upn', documented('Sign-in name of the user (version 1.0). It can change; not for authorization.', OPTIONAL)],
  ['preferred_username', documented('Sign-in name of the user (version 2.0). It can change; not for authorization.')],
  ['unique_name', documented('A name for the subject that people recognize (version 1.0). Not unique over time.')],
  ['given_name', documented('First name of the user.')],
  ['family_name', documented('Last name of the user.')],
  ['nickname', documented('Another name of the user.')],
  ['email', documented('Mail address of the user. Not verified in every case; not for authorization.', OPTIONAL)],
  ['verified_primary_email', documented('First mail address of the user that is verified.', OPTIONAL)],
  ['verified_secondary_email', documented('Second mail address of the user that is verified.', OPTIONAL)],
  ['xms_edov', documented('Whether the owner of the domain of the mail address was verified.', OPTIONAL)],
  ['acct', documented('Whether the user is a member or a guest of the tenant.', OPTIONAL)],
  ['ctry', documented('Country or region of the user.', OPTIONAL)],
  ['xms_pl', documented('Language that the user prefers.', OPTIONAL)],
  ['xms_pdl', documented('Region where the data of the user is kept.', OPTIONAL)],
  ['onprem_sid', documented('Security identifier of the user in the on-premises directory.')],
  ['pwd_exp', documented('When the password of the user expires.')],
  ['pwd_url', documented('Where the user can change the password.')],
  ['idp', documented('Who authenticated the subject, where it was not the issuer itself.')],
  // When, and how it was obtained
  ['exp', documented('From this time on the token is not accepted any more.')],
  ['nbf', documented('Before this time the token is not accepted.')],
  ['iat', documented('When the token was issued; Entra may date it back by five minutes (observed).')],
  ['auth_time', documented('When the user last authenticated.', OPTIONAL)],
  ['appidacr', documented('How the calling application authenticated itself (version 1.0).')],
  ['azpacr', documented('How the calling application authenticated itself (version 2.0).')],
  ['amr', documented('How the user authenticated, for example pwd (password) and mfa (a second factor).')],
  ['acr', documented('Authentication class: 0 is weaker than ISO/IEC 29115 asks for, 1 meets it.')],
  ['acrs', documented('Authentication contexts of conditional access that the sign-in satisfied.')],
  ['ipaddr', documented('Address from which the user authenticated.')],
  ['fwd', documented('Original address of the client, where it is inside a virtual network.', OPTIONAL)],
  ['in_corp', documented('The client signed in from inside the corporate network.')],
  ['vnet', documented('The virtual network from which the client called.', OPTIONAL)],
  ['ztdid', documented('Identity of the device in Windows Autopilot.', OPTIONAL)],
  ['sid', documented('The sign-in session, by which a service can end it for one user.', OPTIONAL)],
  ['xms_cc', documented('What the client can do; cp1 means that it handles claims challenges.')],
  ['app_displayname', observed('Display name of the calling application.', AGW)],
  // Bookkeeping
  ['uti', documented('Unique id of this token: "Unique token identifier" in the sign-in logs.')],
  ['jti', documented('Unique id of this token.', JWT)],
  [
    'cnf',
    documented(
      'The key that a caller must prove to hold; such a token is no use to anybody else.',
      rfc(7800, 'Proof-of-Possession Key Semantics for JWTs'),
    ),
  ],
  ['nonce', documented('Ties an ID token to the request of a sign-in.', ID_TOKENS)],
  ['aio', documented('Internal to Entra; to be ignored.')],
  ['rh', documented('Internal to Entra; to be ignored.')],
  ['puid', observed('Internal id of the user.', AGW)],
  ['login_hint', documented('Hint that names the user at the next sign-in.', OPTIONAL)],
  ['tenant_region_scope', documented('Region of the tenant.', OPTIONAL)],
  ['tenant_ctry', documented('Country or region of the tenant of the resource.', OPTIONAL)],
  ['xms_tpl', documented('Language that the tenant of the resource prefers.', OPTIONAL)],
  [
    'xms_tnt_fct',
    documented('Facets of the tenant; Microsoft lists the claim, but no value that is about a tenant.', AGENTS),
  ],
  ['xms_st', observed('The subject as the first application of the chain knows it: the user at the blueprint.', AGW)],
  ['xms_tcdt', observed('When the tenant was created.', AGW)],
  ['xms_ficinfo', observed('About the federated credential by which an exchange token was obtained; opaque.')],
  ['xms_ftd', observed('Opaque.')],
  ['xms_rd', observed('Opaque.')],
  ['xms_acd', observed('Opaque.')],
  ['xms_pftexp', observed('Expiry of a related token; opaque.')],
  ['xms_ssm', guessed('What the client can do about the binding of tokens, seen beside xms_cc.')],
  ['platf', guessed('Platform of the device from which the user signed in.')],
]);

/** Facets that have a documented meaning; Entra adds other numbers, in any order, that mean nothing to us. */
const FACETS: ReadonlyMap<string, string> = new Map([
  [AGENT_IDENTITY, 'agent identity'],
  [AGENT_USER, "agent's user account"],
]);

/** How the subject is related to the resource's tenant; even numbers are noise. */
const RELATIONS: ReadonlyMap<string, string> = new Map([
  ['1', 'member user'],
  ['3', 'member with a personal Microsoft account'],
  ['5', 'guest user'],
  ['7', 'service principal'],
  ['9', 'device'],
  ['11', 'user with granular delegated administration (GDAP)'],
  ['13', 'application without a service principal'],
  ['15', 'passthrough user'],
  ['17', 'native identity, with a profile'],
  ['19', 'native identity'],
  ['21', 'native identity in a Teams meeting'],
  ['23', 'passthrough user in a Teams meeting'],
  ['25', 'native identity for shared content'],
  ['27', 'fully synchronized member of a multitenant organization'],
  ['29', 'weakly synchronized user of a multitenant organization'],
  ['31', 'delegated administrator (DAP)'],
  ['33', 'federated managed identity'],
]);

/** Claims that are sets of code numbers, with the meanings that Microsoft documents. */
export const CODE_SETS: ReadonlyMap<string, ReadonlyMap<string, string>> = new Map([
  ['xms_act_fct', FACETS],
  ['xms_sub_fct', FACETS],
  ['xms_idrel', RELATIONS],
  ['xms_tnt_fct', new Map()],
]);

const CLIENT_PROOF: ReadonlyMap<string, string> = new Map([
  ['0', 'public client, no credential'],
  ['1', 'client secret'],
  ['2', 'certificate or federated assertion'],
]);

/** Meanings of single values, by claim; documented where the claim is. */
export const VALUES: ReadonlyMap<string, ReadonlyMap<string, string>> = new Map([
  ['appidacr', CLIENT_PROOF],
  ['azpacr', CLIENT_PROOF],
  [
    'acct',
    new Map([
      ['0', 'member'],
      ['1', 'guest'],
    ]),
  ],
  [
    'idtyp',
    new Map([
      ['user', 'on behalf of a user'],
      ['app', 'an application alone'],
      ['device', 'a device'],
    ]),
  ],
  [
    'amr',
    new Map([
      ['pwd', 'password or client secret'],
      ['rsa', 'proof of a key, for example with an authenticator app'],
      ['otp', 'one-time passcode'],
      ['fed', 'federated assertion'],
      ['wia', 'Windows integrated authentication'],
      ['mfa', 'more than one factor'],
      ['ngcmfa', 'more than one factor, while a strong credential was set up'],
      ['wiaormfa', 'Windows or more than one factor'],
      ['none', 'no completed authentication'],
    ]),
  ],
  ['xms_cc', new Map([['cp1', 'handles claims challenges']])],
  [
    'platf',
    new Map([
      ['3', 'Windows'],
      ['5', 'macOS'],
    ]),
  ],
]);

/** Claims that hold a time, in seconds since the epoch. */
export const TIMES: ReadonlySet<string> = new Set(['exp', 'nbf', 'iat', 'auth_time', 'xms_tcdt']);
