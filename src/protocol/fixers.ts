import type { Failure, Fixer } from './common.ts';

type Translate = (message: string) => string;

/** `An Entra admin can fix this.`, where somebody can. */
export function whoCan(t: Translate, { who }: Pick<Failure, 'who'>): string | undefined {
  return who && sentences(t)[who];
}

/** What the button says that copies the fix; undefined where there is nothing to copy. */
export function copyLabel(t: Translate, { who, fix }: Failure): string | undefined {
  if (fix === undefined) return undefined;
  const labels: Record<Fixer, string> = {
    you: t('Copy the Fix'),
    entraAdmin: t('Copy for the Entra Admin'),
    azureAdmin: t('Copy for the Azure Admin'),
    clusterAdmin: t('Copy for the Cluster Admin'),
    network: t('Copy for Whoever Runs the Network'),
    serverOwner: t('Copy for Whoever Runs the Server'),
  };
  return labels[who ?? 'you'];
}

/** The failure as one text, for a notification or a tooltip. */
export function asText(t: Translate, failure: Failure, separator: string): string {
  return [failure.sentence, failure.nextStep, whoCan(t, failure)].filter(Boolean).join(separator);
}

function sentences(t: Translate): Record<Fixer, string> {
  return {
    you: t('You can fix this.'),
    entraAdmin: t('An Entra admin can fix this.'),
    azureAdmin: t('An Azure admin can fix this.'),
    clusterAdmin: t('A cluster admin can fix this.'),
    network: t('Whoever runs the network can fix this.'),
    serverOwner: t('Whoever runs the server can fix this.'),
  };
}
