import type { CheckReason, PreflightCheck, RouteVerdict } from '../../gateway/preflight.ts';
import type { Translate } from './catalogue.ts';
import { clauseOf } from './denial.ts';
import { utc } from './token.ts';

/** What a check of the preflight found, in one sentence; undefined where it passes and there is nothing to add. */
export function sayReason(t: Translate, { reason, outcome }: PreflightCheck): string | undefined {
  if (!reason) return undefined;
  return outcome === 'passes' && reason.code === 'keysUnseen'
    ? t('The gateway’s keys are elsewhere: the token’s key {0} is taken to be one of them.', reason.kid)
    : sentenceOf(t, reason);
}

/** What the gateway looks at, by the name that its file has for it. */
export function checkTitle(t: Translate, { kind, at }: PreflightCheck): string {
  const titles: Record<PreflightCheck['kind'], string> = {
    route: t('Route'),
    jwtAuth: t('Token (jwtAuth)'),
    mcpAuthentication: t('Token (mcpAuthentication)'),
    authorization: t('Rules (authorization)'),
    mcpAuthorization: t('Rules for tools (mcpAuthorization)'),
    other: t('Other policies'),
  };
  return at === 'gateway' ? t('{0}, at the listener', titles[kind]) : titles[kind];
}

/** What became of a check, in one sentence. */
export function sayCheck(
  t: Translate,
  check: PreflightCheck,
  { route, path }: Pick<RouteVerdict, 'route' | 'path'>,
): string {
  if (check.outcome === 'skipped') return t('Not reached: the gateway refuses before it.');
  const reason = sayReason(t, check);
  if (check.unauthenticated)
    return `${reason ?? ''} ${t('Its mode lets the request through all the same, without claims.')}`.trimStart();
  if (reason !== undefined) return reason;
  switch (check.kind) {
    case 'route':
      return t('“{0}” takes {1}.', route, path);
    case 'jwtAuth':
    case 'mcpAuthentication':
      return t('Key, expiry, issuer and audience are as the file asks.');
    case 'mcpAuthorization':
      return t('No rule refuses every tool; each is judged by itself.');
    case 'authorization':
    case 'other':
      return t('The rules let it pass.');
  }
}

/** What the gateway would answer, in one sentence. */
export function sayAnswer(t: Translate, { outcome, answer, tools }: RouteVerdict): string {
  const hidden = tools.filter(tool => tool.outcome === 'hidden').length;
  switch (outcome) {
    case 'unknown':
      return t('What the gateway would answer depends on what only it can see.');
    case 'refused':
      if (!answer) return t('The gateway would refuse this token.');
      return answer.status === 200
        ? t('The gateway would answer, and hide every tool.')
        : t('The gateway would answer {0}: {1}', answer.status, answer.text);
    case 'admitted':
      if (hidden === 0) return t('By its own file, the gateway would let this token in.');
      return hidden === 1
        ? t('By its own file, the gateway would let this token in, and hide one tool from it.')
        : t('By its own file, the gateway would let this token in, and hide {0} tools from it.', hidden);
  }
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
    case 'signatureUnchecked':
      return t('Everything but the signature would do, and that was not checked: anybody may have written this token.');
    case 'requiredClaimMissing':
      return t('The token has no usable {0}, which the gateway requires.', reason.claim);
    case 'expired':
      return t('The token has expired.');
    case 'leeway':
      return t(
        'The token expired at {0}. The gateway takes one for a minute longer, in case its clock is behind.',
        utc(reason.at * 1000),
      );
    case 'issuerDiffers':
      return t('The token’s issuer is {0}; the gateway expects {1}.', reason.actual, reason.expected);
    case 'audienceDiffers':
      return t('The token is for {0}; the gateway expects {1}.', reason.actual.join(', '), reason.expected.join(', '));
    case 'rule':
      return clauseOf(t, reason.denial);
  }
}
