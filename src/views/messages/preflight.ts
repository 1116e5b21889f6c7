import type { CheckReason, PreflightCheck } from '../../gateway/preflight.ts';
import type { Translate } from './catalogue.ts';
import { clauseOf } from './denial.ts';

/** What a check of the preflight found, in one sentence; undefined where it passes and there is nothing to add. */
export function sayReason(t: Translate, { reason, outcome }: PreflightCheck): string | undefined {
  if (!reason) return undefined;
  return outcome === 'passes' && reason.code === 'keysUnseen'
    ? t('The gateway’s keys are elsewhere: the token’s key {0} is taken to be one of them.', reason.kid)
    : sentenceOf(t, reason);
}

function sentenceOf(t: Translate, reason: CheckReason): string {
  switch (reason.code) {
    case 'routeMissing':
      return t('No route of the gateway’s file takes {0}.', reason.path);
    case 'routeUnsure':
      return t('Which route takes the request depends on what only the gateway sees ({0}).', reason.on);
    case 'unread':
      return t('Policies that only the gateway can evaluate: {0}.', reason.policies.join(', '));
    case 'tokenMissing':
      return t('There is no token.');
    case 'tokenTaken':
      return t('A policy of the listener takes the token out of the request before this one looks for it.');
    case 'kidMissing':
      return t('The token’s header does not name a key (kid).');
    case 'unknownKey':
      return t('No key set of the gateway has the token’s key {0}.', reason.kid);
    case 'keysUnseen':
      return t('Which issuer judges the token depends on who has its key, {0}.', reason.kid);
    case 'algorithm':
      return t('The token is signed with {0}; its key is for {1}.', reason.algorithm, reason.allowed.join(', '));
    case 'signature':
      return t('The token’s signature is wrong.');
    case 'requiredClaimMissing':
      return t('The token has no usable {0}, which the gateway requires.', reason.claim);
    case 'expired':
      return t('The token has expired.');
    case 'issuerDiffers':
      return t('The token’s issuer is {0}; the gateway expects {1}.', reason.actual, reason.expected);
    case 'audienceDiffers':
      return t('The token is for {0}; the gateway expects {1}.', reason.actual.join(', '), reason.expected.join(', '));
    case 'rule':
      return clauseOf(t, reason.denial);
  }
}
