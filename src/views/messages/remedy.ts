import type { Remedy } from '../../gateway/remedies.ts';
import type { Translate } from './catalogue.ts';

/** The change that would mend a refusal: a sentence, and text that can be sent to whoever makes it. */
export interface SaidRemedy {
  sentence: string;
  /** A Graph call or lines of the gateway's file; several lines. */
  fix?: string;
}

export function sayRemedy(t: Translate, remedy: Remedy): SaidRemedy {
  switch (remedy.code) {
    case 'emitClaims':
      return {
        sentence: t(
          'The API’s app registration does not emit the agent’s claims: let an Entra admin add them to its optionalClaims, then refresh the token.',
        ),
        fix: graphPatch(t, remedy.app, {
          optionalClaims: { accessToken: remedy.claims.map(name => ({ name, essential: false })) },
        }),
      };
    case 'otherVersion':
      return {
        sentence:
          remedy.version === '1.0'
            ? t(
                'The token is v2 and has {0} where the rule reads {1}: let the rule read {0}, or let the app issue v1 tokens.',
                ...[remedy.has, remedy.reads],
              )
            : t(
                'The token is v1 and has {0} where the rule reads {1}: let the rule read {0}.',
                remedy.has,
                remedy.reads,
              ),
        fix: inFile(t, remedy),
      };
    case 'allowAgent':
      return {
        sentence: t(
          'Select another agent, or ask whoever owns the gateway’s file to allow this one, {0}.',
          remedy.agent,
        ),
        fix: inFile(t, remedy),
      };
    case 'changeRule':
      return {
        sentence: t('Ask whoever owns the gateway’s file, if the agent should be allowed this.'),
        fix: inFile(t, remedy),
      };
    case 'neverSet':
      return {
        sentence: t(
          'The rule reads {0}, which the gateway does not set when it checks rules: it can never hold.',
          remedy.variable,
        ),
        fix: inFile(t, remedy),
      };
    case 'addRoute':
      return { sentence: t('The gateway’s file has no route for {0}: add one, or correct the path.', remedy.path) };
    case 'getToken':
      return { sentence: t('Sign in and connect again, so that the sidecar issues a new token.') };
    case 'refreshToken':
      return { sentence: t('Refresh the token.') };
    case 'checkKeys':
      return {
        sentence: t(
          'The gateway’s jwks does not have the key {0}: let it name the key set of the token’s tenant.',
          remedy.kid,
        ),
      };
    case 'setIssuer':
      return {
        sentence: remedy.version
          ? t(
              'The gateway expects v{0} tokens: let the app issue them, or put the token’s issuer into the gateway’s file.',
              remedy.version === '2.0' ? 2 : 1,
            )
          : t('Put the token’s issuer into the gateway’s file, if that tenant is meant.'),
        fix: remedy.version
          ? `${graphPatch(t, remedy.app, { api: { requestedAccessTokenVersion: remedy.version === '2.0' ? 2 : 1 } })}\n\n${t('or in the gateway’s file:')}\n\nissuer: ${remedy.issuer}`
          : `issuer: ${remedy.issuer}`,
      };
    case 'addAudience':
      return {
        sentence: t('Add the token’s audience to the audiences of the route, if it is meant for that API.'),
        fix: ['audiences:', ...remedy.audiences.map(audience => `  - ${audience}`)].join('\n'),
      };
  }
}

/** Lines of the gateway's file: as they are, and as they would let the token pass. */
function inFile(t: Translate, place: { clause: string; line?: number; suggestion?: string }): string {
  const where =
    place.line === undefined ? t('In the gateway’s file:') : t('Line {0} of the gateway’s file:', place.line);
  return place.suggestion === undefined
    ? `${where}\n  ${place.clause}`
    : `${where}\n- ${place.clause}\n+ ${place.suggestion}`;
}

/** Microsoft Graph v1.0, `PATCH /applications(appId='…')`: what it names replaces what the app had. */
function graphPatch(t: Translate, app: string | undefined, body: object): string {
  const note = t('It replaces what the app has there: read it first (GET) and keep the rest.');
  const url = `https://graph.microsoft.com/v1.0/applications(appId='${app ?? '<app id of the API>'}')`;
  return `# ${note}\nPATCH ${url}\n\n${JSON.stringify(body, undefined, 2)}`;
}
