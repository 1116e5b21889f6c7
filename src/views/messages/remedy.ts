import type { Remedy } from '../../gateway/remedies.ts';
import type { Fixer } from '../../protocol/common.ts';
import { visible } from '../../protocol/visible.ts';
import type { Translate } from './catalogue.ts';
import { allowAgent } from './fixes/allowAgent.ts';
import { Graph, sentWith, steps } from './fixes/graph.ts';
import { Place, type Known } from './place.ts';

/** The change that would mend a refusal: a sentence, and text that can be sent to whoever makes it. */
export interface SaidRemedy {
  sentence: string;
  who: Fixer;
  /** A Graph call or lines of the gateway's file; several lines. */
  fix?: string;
}

/**
 * `known`: what the connection knows of itself. Values of the token are quoted, and what would deceive the eye is spelled
 * out: nobody vouches for them, and what is copied must be what was read.
 */
export function sayRemedy(t: Translate, remedy: Remedy, known: Known = {}): SaidRemedy {
  const said = wordsFor(t, remedy, known);
  return said.fix === undefined ? said : { ...said, fix: visible(said.fix) };
}

function wordsFor(t: Translate, remedy: Remedy, known: Known): SaidRemedy {
  switch (remedy.code) {
    case 'emitClaims':
      return {
        sentence: t(
          'The API’s app registration does not emit the agent’s claims: let an Entra admin add them to its optionalClaims, then refresh the token.',
        ),
        who: 'entraAdmin',
        fix: patchApp(t, known, remedy.app, 'optionalClaims', {
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
        who: 'clusterAdmin',
        fix: inFile(t, remedy, known),
      };
    case 'allowAgent':
      return {
        sentence: t(
          'Select another agent, or ask whoever owns the gateway’s file to allow this one, {0}.',
          remedy.agent,
        ),
        who: 'clusterAdmin',
        fix: `${allowAgent(t, remedy.agent)}\n\n${t('Otherwise:')} ${inFile(t, remedy, known)}`,
      };
    case 'changeRule':
      return {
        sentence: t('Ask whoever owns the gateway’s file, if the agent should be allowed this.'),
        who: 'clusterAdmin',
        fix: `${inFile(t, remedy, known)}\n\n${t('Decide whether this rule should stay as it is: it may be there on purpose.')}`,
      };
    case 'neverSet':
      return {
        sentence: t(
          'The rule reads {0}, which the gateway does not set when it checks rules: it can never hold.',
          remedy.variable,
        ),
        who: 'clusterAdmin',
        fix: inFile(t, remedy, known),
      };
    case 'addRoute':
      return {
        sentence: t('The gateway’s file has no route for {0}: add one, or correct the path.', remedy.path),
        who: 'clusterAdmin',
      };
    case 'getToken':
      return { sentence: t('Sign in and connect again, so that the sidecar issues a new token.'), who: 'you' };
    case 'refreshToken':
      return { sentence: t('Refresh the token.'), who: 'you' };
    case 'checkKeys':
      return {
        sentence: t(
          'The gateway’s jwks does not have the key {0}: let it name the key set of the token’s tenant.',
          remedy.kid,
        ),
        who: 'clusterAdmin',
      };
    case 'setIssuer':
      return {
        sentence: remedy.version
          ? t(
              'The gateway expects v{0} tokens: let the app issue them, or put the token’s issuer into the gateway’s file.',
              remedy.version === '2.0' ? 2 : 1,
            )
          : t('Put the token’s issuer into the gateway’s file, if that tenant is meant.'),
        who: remedy.version ? 'entraAdmin' : 'clusterAdmin',
        fix: issuerFix(t, remedy, known),
      };
    case 'addAudience':
      return {
        sentence: t('Add the token’s audience to the audiences of the route, if it is meant for that API.'),
        who: 'clusterAdmin',
        fix: ['audiences:', ...remedy.audiences.map(audience => `  - ${JSON.stringify(audience)}`)].join('\n'),
      };
  }
}

/** Lines of the gateway's file: as they are, and as they would let the token pass. */
function inFile(t: Translate, place: { clause: string; line?: number; suggestion?: string }, known: Known): string {
  const map = new Place(() => known).get('gatewayConfig');
  const where =
    place.line === undefined
      ? t('In the gateway’s file (ConfigMap {0}):', map)
      : t('Line {0} of the gateway’s file (ConfigMap {1}):', place.line, map);
  const block = (mark: string, text: string) => `${mark} ${text.replace(/\s*\n\s*/g, '\n    ')}`; // never at the margin, as steps are
  return place.suggestion === undefined
    ? `${where}\n${block(' ', place.clause)}`
    : `${where}\n${block('-', place.clause)}\n${block('+', place.suggestion)}`;
}

function issuerFix(t: Translate, remedy: Extract<Remedy, { code: 'setIssuer' }>, known: Known): string {
  const line = `issuer: ${JSON.stringify(remedy.issuer)}`;
  if (!remedy.version) return line;
  const api = { requestedAccessTokenVersion: remedy.version === '2.0' ? 2 : 1 };
  return `${patchApp(t, known, remedy.app, 'api', { api })}\n\n${t('Or, in the gateway’s file:')}\n\n${line}`;
}

/** What a PATCH names replaces what the app had, so it is read first. */
function patchApp(t: Translate, known: Known, app: string | undefined, property: string, body: object): string {
  const graph = new Graph(new Place(() => known));
  const path = `applications(appId='${app ?? t('<app id of the API>')}')`;
  return steps(
    `${t('Read what the app registration has there; the second call replaces it, so put it into that body, too:')}\n\n${graph.call('GET', `${path}?$select=${property}`)}`,
    `${t('Change it:')}\n\n${graph.call('PATCH', path, body)}\n\n${sentWith(t, 'Application.ReadWrite.All')}`,
  );
}
