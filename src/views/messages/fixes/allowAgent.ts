import type { Translate } from '../catalogue.ts';
import { plain } from '../place.ts';

/** Our own manifests take the agents of their rules from the `.env`: an edit of the ConfigMap lasts until the next deployment. */
export function allowAgent(t: Translate, agent: string): string {
  return t(
    'Deployed with k8s/deploy.sh: add {0} to AGENT_APP_IDS in its .env and run it again.',
    plain(agent, t('<agent identity id>')),
  );
}
