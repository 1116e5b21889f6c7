/** How well the meaning of a claim is founded. */
export type Evidence = 'documented' | 'observed' | 'guessed';

export interface ClaimText {
  text: string;
  evidence: Evidence;
}

const documented = (text: string): ClaimText => ({ text, evidence: 'documented' });
const observed = (text: string): ClaimText => ({ text, evidence: 'observed' });
const guessed = (text: string): ClaimText => ({ text, evidence: 'guessed' });

/**
 * What each claim says, in the order in which the inspector lists them. Documented: Microsoft Learn, "Access token claims
 * reference", "Optional claims reference" and "Agent token claims"; observed: in published tokens of real tenants.
 */
export const CLAIMS: ReadonlyMap<string, ClaimText> = new Map<string, ClaimText>([
  // Who may accept it, for whom, from whom
  ['aud', documented('Who may accept this token: the resource that it was issued for.')],
  ['sub', documented('Whom the token is about. For a user it is a hash that differs from application to application.')],
  ['appid', documented('The application that calls. In the token of an agent it is the agent identity.')],
  [
    'azp',
    documented(
      'The application that calls, as version 2.0 tokens name it. In the token of an agent: the agent identity.',
    ),
  ],
  ['xms_act_fct', documented('Facets of the actor, the one who calls.')],
  ['xms_sub_fct', documented('Facets of the subject, the one on whose behalf the call is made.')],
  [
    'xms_par_app_azp',
    documented('The blueprint that the calling agent identity was made from. For audit, not for authorization.'),
  ],
  ['xms_idrel', documented('How the subject is related to the tenant of the resource.')],
  ['idtyp', documented('Whether the token speaks for a user or for an application alone.')],
  ['oid', documented('Object id of the subject in the tenant: the user, or the service principal of an application.')],
  ['tid', documented('The tenant that the subject signed in to.')],
  [
    'iss',
    documented(
      'Who issued the token. Its form follows the version that the resource asks for, not the endpoint that was called.',
    ),
  ],
  ['ver', documented('Format of the token. The resource application chooses it with requestedAccessTokenVersion.')],
  // What it permits
  ['scp', documented('Delegated permissions: what the caller may do on behalf of the user.')],
  ['roles', documented('Application roles that were assigned to the subject.')],
  ['wids', documented('Directory roles of the user, as role template ids.')],
  ['groups', documented('Groups of the subject, as object ids.')],
  // The person
  ['name', documented('Display name. For people to read, not for authorization.')],
  ['upn', documented('Sign-in name of the user (version 1.0). It can change; not for authorization.')],
  ['preferred_username', documented('Sign-in name of the user (version 2.0). It can change; not for authorization.')],
  ['unique_name', documented('A name for the subject that people recognize (version 1.0). Not unique over time.')],
  ['given_name', documented('First name of the user.')],
  ['family_name', documented('Last name of the user.')],
  ['email', documented('Mail address of the user. Not verified in every case; not for authorization.')],
  ['acct', documented('Whether the user is a member or a guest of the tenant.')],
  ['idp', documented('Who authenticated the subject, where it was not the issuer itself.')],
  // When, and how it was obtained
  ['exp', documented('From this time on the token is not accepted any more.')],
  ['nbf', documented('Before this time the token is not accepted.')],
  ['iat', documented('When the token was issued; Entra dates it back by five minutes.')],
  ['auth_time', documented('When the user last authenticated.')],
  ['appidacr', documented('How the calling application authenticated itself (version 1.0).')],
  ['azpacr', documented('How the calling application authenticated itself (version 2.0).')],
  ['amr', documented('How the user authenticated, for example pwd (password) and mfa (a second factor).')],
  ['acr', documented('Authentication class: 0 is weaker than ISO/IEC 29115 asks for, 1 meets it.')],
  ['acrs', documented('Authentication contexts of conditional access that the sign-in satisfied.')],
  ['ipaddr', documented('Address from which the user authenticated.')],
  ['sid', documented('The sign-in session; ending it ends this token for services that look.')],
  ['xms_cc', documented('What the client can do; cp1 means that it handles claims challenges.')],
  ['xms_ssm', documented('Whether the client binds the token to the session.')],
  ['app_displayname', observed('Display name of the calling application.')],
  // Bookkeeping
  ['uti', documented('Unique id of this token: "Unique token identifier" in the sign-in logs.')],
  ['jti', documented('Unique id of this token.')],
  [
    'nonce',
    documented('Ties the token to one request. In a token for Graph it means that only Graph can check the signature.'),
  ],
  ['aio', documented('Internal to Entra; to be ignored.')],
  ['rh', documented('Internal to Entra; to be ignored.')],
  ['puid', observed('Internal id of the user.')],
  ['login_hint', documented('Hint that names the user at the next sign-in.')],
  ['tenant_region_scope', documented('Region of the tenant.')],
  ['xms_tnt_fct', observed('Facets of the tenant; the values are not documented.')],
  ['xms_st', observed('The subject as the first application of the chain knows it: the user at the blueprint.')],
  ['xms_tcdt', observed('When the tenant was created.')],
  ['xms_ficinfo', observed('About the federated credential by which an exchange token was obtained; opaque.')],
  ['xms_ftd', observed('Opaque.')],
  ['xms_rd', observed('Opaque.')],
  ['xms_acd', observed('Opaque.')],
  ['xms_pftexp', observed('Expiry of a related token; opaque.')],
  ['platf', guessed('Platform of the device from which the user signed in.')],
]);

/** Facets that have a documented meaning; Entra adds other numbers, in any order, that mean nothing to us. */
export const FACETS: ReadonlyMap<string, string> = new Map([
  ['11', 'agent identity'],
  ['13', "agent's user account"],
]);

/** Documented values of `xms_idrel`; even numbers are noise. */
export const RELATIONS: ReadonlyMap<string, string> = new Map([
  ['1', 'member user'],
  ['3', 'member with a personal Microsoft account'],
  ['5', 'guest user'],
  ['7', 'service principal'],
  ['9', 'device'],
  ['11', 'delegated administrator (GDAP)'],
  ['13', 'application without a service principal'],
  ['15', 'passthrough user'],
  ['17', 'native identity'],
  ['19', 'native identity'],
  ['21', 'native identity'],
  ['23', 'native identity'],
  ['25', 'native identity'],
  ['27', 'fully synchronized user of a multitenant organization'],
  ['29', 'weakly synchronized user of a multitenant organization'],
  ['31', 'delegated administrator (DAP)'],
  ['33', 'federated managed identity'],
]);

/** Meanings of single values, by claim. */
export const VALUES: ReadonlyMap<string, ReadonlyMap<string, string>> = new Map([
  [
    'appidacr',
    new Map([
      ['0', 'public client, no credential'],
      ['1', 'client secret'],
      ['2', 'certificate or federated assertion'],
    ]),
  ],
  [
    'azpacr',
    new Map([
      ['0', 'public client, no credential'],
      ['1', 'client secret'],
      ['2', 'certificate or federated assertion'],
    ]),
  ],
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
    ]),
  ],
  [
    'platf',
    new Map([
      ['3', 'Windows (guessed)'],
      ['5', 'macOS (guessed)'],
    ]),
  ],
]);
