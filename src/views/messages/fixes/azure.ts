import type { Translate } from '../catalogue.ts';
import { plain, type Place } from '../place.ts';
import { steps } from './graph.ts';

/** What an Azure admin changes on the resource of the model, as text to be sent: commands of az. */
export class AzureFixes {
  readonly #t: Translate;
  readonly #place: Place;

  constructor(t: Translate, place: Place) {
    this.#t = t;
    this.#place = place;
  }

  /** The user may call the model: an on-behalf-of token acts with the user's rights. */
  assignRole(): string {
    const t = this.#t;
    const user = this.#place.get('user');
    return [
      steps(
        `${t('Find the id of the Azure OpenAI resource:')}\n${LIST}`,
        `${t('Give the user the role (it takes a few minutes):')}\naz role assignment create --assignee "${user}" --role "Cognitive Services OpenAI User" --scope ${t('<id from step 1>')}`,
      ),
      t(
        'If the user has the role: the resource’s Networking page must let the cluster’s address in, and key-less (Entra) access must be on.',
      ),
    ].join('\n\n');
  }

  listDeployments(deployment: string): string {
    const t = this.#t;
    const name = plain(deployment, t('<deployment>'));
    return steps(
      `${t('Find the resource that the gateway points to:')}\n${LIST}`,
      `${t('List its deployments; the one that is asked for is {0}:', name)}\naz cognitiveservices account deployment list --name ${t('<resource>')} --resource-group ${t('<group>')} --query "[].name"`,
    );
  }
}

const LIST =
  'az cognitiveservices account list --query "[].{name:name, endpoint:properties.endpoint, id:id}" --output table';
