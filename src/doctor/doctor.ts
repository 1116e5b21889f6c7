import type { Interaction, SessionDeps } from '../agent/session.ts';
import type { ConnectionPlan, Overrides } from '../agent/configuration.ts';
import type { Account } from '../identity/types.ts';
import { Chain, PATIENCE, type Patience } from './chain.ts';
import { clusterChecks, type Subject } from './clusterChecks.ts';
import { gatewayChecks } from './gatewayChecks.ts';
import { identityChecks } from './identityChecks.ts';
import type { CheckId, Report } from './report.ts';
import { sidecarChecks } from './sidecarChecks.ts';

export interface DoctorDeps extends Pick<
  SessionDeps,
  'watchPlugin' | 'overrides' | 'secrets' | 'memory' | 'editorAccounts' | 'trust' | 'fetch' | 'logger' | 'clock'
> {
  /** What is connected, or was last; undefined: nothing yet. */
  plan: ConnectionPlan | undefined;
  /** Asks what Connect asks: context, namespace, agent. Undefined when the person left. */
  choose(signal: AbortSignal): Promise<ConnectionPlan | undefined>;
  settings: Overrides & { kubeconfig?: string };
  interaction: Interaction;
  /** The user for whom the connection at hand acts. */
  account?(): Account | undefined;
  clientVersion: string;
  patience?: Patience;
}

/** One examination, under way or over. */
export interface Examination {
  readonly report: Report;
  /** What is examined, once somebody chose it. */
  readonly plan: ConnectionPlan | undefined;
  /** What the cluster says, once the agent was found. */
  readonly subject: Subject | undefined;
  /** Who signed in, once they have. */
  readonly user: string | undefined;
  /** The tokens that were used: nothing that leaves may hold a piece of one. */
  readonly secrets: readonly string[];
  /** Settles when all checks have ended and everything that was opened for them is closed. */
  readonly ended: Promise<void>;
  /** Ends the wait of a check: with another try at once, or (false) for good. */
  wake(id: CheckId, again: boolean): void;
}

/**
 * Examines everything between this machine and the agent's tools, with connections of its own: what is connected is not
 * disturbed. `changed` is called with each check whose state has changed. An abort stops what still runs.
 */
export function examine(deps: DoctorDeps, changed: (id: CheckId) => void, signal: AbortSignal): Examination {
  const opened: { close(): Promise<unknown> }[] = [];
  let over = false;
  const own = (item: { close(): Promise<unknown> }) => {
    if (over)
      void item.close(); // it was on its way when everything was stopped
    else opened.push(item);
  };
  const chain = new Chain({ signal, clock: deps.clock, patience: deps.patience ?? PATIENCE, changed });
  const cluster = clusterChecks(chain, deps, own);
  const sidecar = sidecarChecks(chain, cluster, deps, own);
  const identity = identityChecks(chain, cluster, sidecar, deps, own);
  gatewayChecks(chain, cluster, identity, deps, own);
  const close = async () => {
    over = true;
    for (const item of opened.splice(0).reverse()) await item.close(); // the API server's connection last
  };
  const secrets: string[] = [];
  for (const { result } of [identity.userToken, identity.llmToken, identity.mcpToken])
    void result.then(found => found && secrets.push(found.value.raw));
  let plan: ConnectionPlan | undefined;
  void cluster.plan.result.then(found => void (plan = found?.value.plan));
  let subject: Subject | undefined;
  void cluster.subject.result.then(found => void (subject = found?.value));
  return {
    report: chain.states,
    get plan() {
      return plan;
    },
    get subject() {
      return subject;
    },
    get user() {
      const signIn = chain.states.get('signIn');
      return signIn?.kind === 'passed' ? signIn.facts.find(({ name }) => name === 'user')?.value : undefined;
    },
    secrets,
    ended: chain.ended().finally(close),
    wake: (id, again) => chain.wake(id, again),
  };
}
