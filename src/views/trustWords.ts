import type { TrustQuestion } from '../agent/trust.ts';
import type { Translate } from './messages/catalogue.ts';

/** The words of the trust prompt: all three names, what has changed, and what a yes means. */
export function sayTrust(t: Translate, question: TrustQuestion): { title: string; detail: string; yes: string } {
  const { server, tenantId, blueprintAppId, before, unverified, chosen } = question;
  const changed = (now: string, then: string | undefined) =>
    then === undefined || then.toLowerCase() === now.toLowerCase() ? now : t('{0} (until now {1})', now, then);
  const lines = [
    t('API server: {0}', server),
    t('Tenant: {0}', changed(tenantId, before?.tenantId)),
    t('Blueprint: {0}', changed(blueprintAppId, before?.blueprintAppId)),
    '',
    t('Context: {0}', chosen.context),
    t('Agent: {0}', `${chosen.namespace}/${chosen.deployment}`),
    t('You sign in at: {0}', chosen.authority),
    '',
    ...(unverified
      ? [
          t(
            'Nothing proves that this is that server: the kubeconfig turns the check of its certificate off, or uses http. Whoever is on the way can take its place and get your token.',
          ),
          '',
        ]
      : []),
    t(
      'Your token for this blueprint will be sent to the sidecar in this cluster. You are asked again when API server, tenant or blueprint changes.',
    ),
  ];
  return {
    title: before
      ? t('Trust this cluster although it is not as you confirmed it?')
      : t('Trust this cluster to name the identity you sign in for?'),
    detail: lines.join('\n'),
    yes: t('Trust and Connect'),
  };
}
