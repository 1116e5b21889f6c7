import type { WhyCode } from '../../identity/compare.ts';
import type { Classification, ReasonCode, Reason, TokenKind } from '../../identity/classify.ts';
import type { NoteCode } from '../../identity/explain.ts';
import type { Pasted } from '../../identity/pasted.ts';
import type { Check, Verdict, VerdictCode } from '../../identity/verify.ts';
import type { Translate } from './catalogue.ts';

/** What a kind of token is called. */
export function kindName(t: Translate, kind: TokenKind): string {
  const names: Record<TokenKind, string> = {
    user: t('User token for the blueprint'),
    agentForUser: t('Agent on behalf of a user'),
    autonomousAgent: t('Agent on its own behalf'),
    agentUser: t('Agent through its own user account'),
    blueprintExchange: t('Exchange token of the blueprint (T1)'),
    agentExchange: t('Exchange token of an agent'),
    application: t('Application on its own behalf'),
    otherUser: t('Application on behalf of a user'),
    unknown: t('Not classified'),
  };
  return names[kind];
}

/** A classification in one sentence that leaves no doubt where one is due, then its reasons, one sentence each. */
export function sayClassification(
  t: Translate,
  found: Classification,
): { sentence: string; reasons: string[]; remedy?: string } {
  const name = kindName(t, found.kind);
  const open = found.kind === 'otherUser' && found.certainty === 'inferred';
  const sentence = open
    ? t('A token for a user: of an application, or of an agent whose resource does not emit the agent claims.')
    : found.kind === 'unknown'
      ? t('The claims do not say what this token is.')
      : found.certainty === 'stated'
        ? t('{0}: the token says so.', name)
        : t('{0}: the token does not say so, it follows from what is known.', name);
  return {
    sentence,
    reasons: found.because.map(reason => sayReason(t, reason)),
    ...(found.remedy && {
      remedy: t(
        'Let the resource application emit the agent claims: add xms_act_fct, xms_sub_fct, xms_par_app_azp and xms_idrel to the optional claims of its access tokens, then ask for new tokens.',
      ),
    }),
  };
}

function sayReason(t: Translate, { code, claim = '', value = '' }: Reason): string {
  const sentences: Record<ReasonCode, string> = {
    subjectIsAgentUser: t('{0} has 13: the subject is an agent’s user account.', claim),
    actorIsAgent: t('{0} has 11: the caller is an agent identity.', claim),
    subjectIsAgent: t('{0} has 11: the subject is an agent identity.', claim),
    subjectIsNoAgent: t('{0} has neither 11 nor 13: the subject is no agent.', claim),
    exchangeAudience: t('{0} is Entra’s token exchange.', claim),
    exchangeSubject: t('{0} is a path that names the blueprint and one agent identity.', claim),
    blueprintAudience: t('{0} is the blueprint.', claim),
    typeUser: t('{0} is user.', claim),
    typeApp: t('{0} is app.', claim),
    scopes: t('{0} has delegated permissions, which need a user: {1}', claim, value),
    subjectIsObject: t('{0} equals oid, as in a token without a user.', claim),
    callerIsAgent: t('{0} is the agent identity of this connection.', claim),
    callerIsBlueprint: t('{0} is the blueprint itself: no agent identity was used.', claim),
    publicClient: t('{0} is 0: a public client, which an agent identity never is.', claim),
    noFacets: t('{0} is absent, which proves nothing: a resource emits it only when it is configured to.', claim),
    facetsWithoutAgent: t('{0} is there and has no 11: {1}', claim, value),
    contradiction: t('The claims contradict each other.'),
    nothingKnown: t('There are neither permissions of a user, nor an application alone, nor facets.'),
  };
  return sentences[code];
}

/** What a check looks at. */
export function checkName(t: Translate, check: Check): string {
  const names: Record<Check, string> = {
    signature: t('Signature'),
    issuer: t('Issuer'),
    audience: t('Audience'),
    caller: t('Caller'),
    blueprint: t('Blueprint'),
    user: t('User'),
    expiry: t('Expiry'),
    notBefore: t('Not before'),
    clock: t('Clock'),
  };
  return names[check];
}

/** One check in one sentence. What it says stays true until the check itself changes: the time left is counted elsewhere. */
export function sayVerdict(t: Translate, { code, values }: Verdict): string {
  const text = (name: string) => String(values[name] ?? '') || t('none');
  const time = (name: string) => utc(Number(values[name]));
  const length = (name: string) => span(t, Number(values[name]));
  const sentences: Record<VerdictCode, () => string> = {
    'signature.valid': () => t('Signed by the tenant (key {0}).', text('kid')),
    'signature.invalid': () => t('The signature is not the tenant’s: the token was changed, or somebody else made it.'),
    'signature.unknownKey': () =>
      t('The tenant has no key {0}: somebody else signed it, or a key of one application.', text('kid')),
    'signature.noKeyId': () => t('The header names no key, so nobody can tell who signed it.'),
    'signature.algorithm': () => t('The algorithm “{0}” proves nothing about who issued the token.', text('alg')),
    'signature.onlyForGraph': () =>
      t(
        'Not verifiable by design: the header has a nonce, as tokens for Microsoft Graph do, and only Graph can check those.',
      ),
    'signature.nonce': () =>
      t('The signature does not fit, perhaps because the header has a nonce: only the audience can check it then.'),
    'signature.notChecked': () => t('Not checked: that needs the keys of the tenant that issued it.'),
    'signature.unreachable': () =>
      t('Not checked: the keys of the tenant can’t be had from {0}: {1}', text('host'), text('reason')),
    'issuer.ok': () => t('Issued by the tenant, in the form of version {0}.', text('version')),
    'issuer.versionDiffers': () =>
      t('The issuer {0} does not fit the version {1} of the token.', text('actual'), text('version')),
    'issuer.differs': () => t('Issued by {0}, where {1} is expected.', text('actual'), text('expected')),
    'issuer.unknown': () => t('Issued by {0}; there is no tenant to compare it with.', text('actual')),
    'audience.ok': () => t('For the expected resource, {0}.', text('actual')),
    'audience.differs': () => t('For {0}, where {1} is expected.', text('actual'), text('expected')),
    'audience.unknown': () => t('For {0}; no other is expected.', text('actual')),
    'caller.ok': () => t('{0} is the expected application.', text('claim')),
    'caller.differs': () => t('{0} is {1}, where {2} is expected.', text('claim'), text('actual'), text('expected')),
    'caller.unknown': () => t('{0} is {1}; no other is expected.', text('claim'), text('actual')),
    'blueprint.ok': () => t('xms_par_app_azp is the blueprint: a hint for audits, never proof.'),
    'blueprint.differs': () =>
      t('xms_par_app_azp is {0}, where the blueprint is {1}: a hint for audits.', text('actual'), text('expected')),
    'blueprint.absent': () =>
      t('The token does not name the blueprint (xms_par_app_azp); most resources do not ask for it.'),
    'blueprint.unknown': () => t('xms_par_app_azp is {0}; there is no blueprint to compare it with.', text('actual')),
    'user.ok': () => t('For the user who signed in (oid and tid).'),
    'user.differs': () =>
      t(
        'Another user than the one who signed in: {0} is {1}, where {2} is expected.',
        text('claim'),
        text('actual'),
        text('expected'),
      ),
    'user.none': () => t('No user: the token speaks for an application alone.'),
    'user.unknown': () => t('For the object {0}; there is no user to compare it with.', text('oid')),
    'expiry.ok': () => t('Valid until {0}.', time('at')),
    'expiry.soon': () => t('Ends within five minutes, at {0}.', time('at')),
    'expiry.past': () => t('Expired at {0}.', time('at')),
    'expiry.missing': () => t('There is no exp that is a time: the token has no end that could be checked.'),
    'notBefore.ok': () => t('Valid since {0}.', time('at')),
    'notBefore.future': () => t('Not valid before {0}.', time('at')),
    'notBefore.missing': () => t('There is no nbf that is a time.'),
    'clock.ok': () => t('The clock of this machine agrees with Entra’s, to {0}.', length('offset')),
    'clock.off': () =>
      Number(values.offset) > 0
        ? t('The clock of this machine is {0} behind Entra’s: set it by the network.', length('offset'))
        : t('The clock of this machine is {0} ahead of Entra’s: set it by the network.', length('offset')),
    'clock.issuedInFuture': () => t('Issued {0} in the future: the clock of this machine is behind.', length('ahead')),
    'clock.notSeen': () => t('Entra’s clock was not seen; the times of the token do not contradict this machine’s.'),
  };
  return sentences[code]();
}

/** Why a claim differs between two tokens. */
export function sayWhy(t: Translate, code: WhyCode): string {
  const sentences: Record<WhyCode, string> = {
    otherResource: t('Each token is for one resource.'),
    sameResource: t('The same resource, written in another way.'),
    agentActs: t('The agent identity calls now, no longer the application that the user signed in with.'),
    otherCaller: t('Another application calls, and it is not the agent identity.'),
    otherProof: t('Each caller proves itself in its own way; an agent identity with T1.'),
    otherName: t('Version 1.0 and 2.0 have different names for it.'),
    otherVersion: t('Only one of the two token versions has it.'),
    resourceChoosesVersion: t('Each resource chooses the version of its tokens, and the version shapes the issuer.'),
    pairwise: t('It is another hash of the same user for each application.'),
    userStays: t('The user stays the same through the chain.'),
    userChanged: t('The user or the tenant changed, which must not happen.'),
    otherIssuer: t('Another issuer, which must not happen.'),
    otherPermissions: t('Permissions belong to the resource.'),
    ownLifetime: t('Each token has its own lifetime.'),
    agentAppears: t('It appears with the agent.'),
    noise: t('The numbers that mean something are the same; the others change from token to token.'),
    threadToUser: t('It is the sub of the user token: the thread back to it.'),
    perToken: t('It is new in every token.'),
    resourceDecides: t('Each resource decides which claims it gets.'),
  };
  return sentences[code];
}

/** What is to be said about the value of a claim, or about its absence. */
export function sayNote(t: Translate, code: NoteCode): string {
  const sentences: Record<NoteCode, string> = {
    'absent.namedInAzp': t('This is a version 2.0 token (ver): it names the calling application in azp.'),
    'absent.callerExpected': t('Unexpected: a version 1.0 token (ver) names the calling application here.'),
    'absent.noVersion': t('The token has no ver claim, so its format is not known.'),
    'absent.publicClient': t(
      'The caller is a public client that a user signed in with (see azpacr or appidacr), not an agent: such a token has no facets.',
    ),
    'absent.notEmitted': t(
      'The resource does not emit it. Microsoft services do; an application of your own does when its optional claims list xms_act_fct. Its absence does not say that the caller is no agent.',
    ),
    'absent.unexpected': t('Unexpected: every access token of Entra carries this claim.'),
    'blueprint.matches': t('It is the blueprint of this connection: a hint for audits, never proof.'),
    'blueprint.differs': t('It is not the blueprint of this connection.'),
  };
  return sentences[code];
}

/** Why a pasted text can't be shown as a token; undefined for one that can. */
export function sayPasted(t: Translate, pasted: Pasted): string | undefined {
  if (pasted.kind === 'token') return undefined;
  if (pasted.kind === 'encrypted')
    return t('This token is encrypted for its audience (five parts): only its header can be read.');
  const sentences: Record<typeof pasted.why, string> = {
    empty: t('There is nothing to inspect.'),
    opaque: t('This is no JSON Web Token: only its issuer can read it.'),
    malformed: t('This looks like a JSON Web Token, but it is incomplete, has a name twice, or can’t be read.'),
    tooLarge: t('This is larger than any token ({0} characters).', pasted.length),
  };
  return sentences[pasted.why];
}

export function utc(time: number): string {
  return Number.isFinite(time) ? `${new Date(time).toISOString().slice(0, 19).replace('T', ' ')} UTC` : '';
}

/** A length of time in its two largest units; the sign does not matter. */
function span(t: Translate, milliseconds: number): string {
  const seconds = Math.round(Math.abs(milliseconds) / 1000);
  if (seconds < 120) return t('{0} s', seconds);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return t('{0} min', minutes);
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? t('{0} h {1} min', hours, minutes % 60) : t('{0} days', Math.floor(hours / 24));
}
