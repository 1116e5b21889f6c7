import * as vscode from 'vscode';
import type { TrustedIdentity } from '../agent/trust.ts';

const t = vscode.l10n.t;

/** Who is about to be believed, by name, before anything is sent to the cluster. */
export async function confirmTrust(identity: TrustedIdentity): Promise<boolean> {
  const trust = t('Trust and Connect');
  const picked = await vscode.window.showWarningMessage(
    t('Trust this cluster to name the identity you sign in for?'),
    {
      modal: true,
      detail: [
        t('API server: {0}', identity.server),
        t('Tenant: {0}', identity.tenantId),
        t('Blueprint: {0}', identity.blueprintAppId),
        '',
        t(
          'Your token for this blueprint will be sent to the sidecar in this cluster. You are asked again when one of the three changes.',
        ),
      ].join('\n'),
    },
    trust,
  );
  return picked === trust;
}
