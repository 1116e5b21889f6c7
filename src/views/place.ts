import type { Connection } from '../agent/connection.ts';
import type { Session } from '../agent/session.ts';
import { AgentIdError } from '../base/errors.ts';
import type { Known } from './messages/place.ts';

/** What the words depend on: the window, and what the connection at hand knows of itself. */
export function placeOf(session: Session, remote?: Known['remote']): Known {
  const { connection } = session;
  const window = remote ? { remote } : {};
  if (!connection) return window;
  const { account } = connection;
  const known = knownOf(connection, session.plan?.mode === 'sandbox', account?.username);
  return { ...window, ...known, withoutConsent: withoutConsent(connection) };
}

/** The APIs whose exchange ended with the lack of a consent. */
function withoutConsent(connection: Connection): string[] {
  return (['llmToken', 'mcpToken'] as const).flatMap(id => {
    const step = connection.step(id);
    const error = step.kind === 'failed' ? step.error : undefined;
    return AgentIdError.is(error, 'sidecar.consentMissing') ? [String(error.args['api'])] : [];
  });
}

/** What is known once an agent was found. */
export function knownOf(
  { configuration, agent, context }: Pick<Connection, 'configuration' | 'agent' | 'context'>,
  sandbox: boolean,
  user: string | undefined,
): Known {
  const sidecarConfig = agent.apis.map(api => configMapOf(api.source)).find(Boolean);
  const clientConfig = Object.values(agent.client)
    .map(({ source }) => configMapOf(source))
    .find(Boolean);
  const gatewayConfig = configMapOf(configuration.routesSource);
  return {
    ...(sandbox && { sandbox }),
    authority: configuration.authority.value,
    tenantId: configuration.tenantId.value,
    clientId: configuration.clientId.value,
    scope: configuration.scope.value,
    blueprintAppId: configuration.blueprintAppId.value,
    agentAppId: configuration.agentAppId.value,
    deployment: agent.deployment,
    serviceAccount: agent.serviceAccount,
    namespace: agent.namespace,
    context,
    ...(user !== undefined && { user }),
    ...(sidecarConfig && { sidecarConfig }),
    ...(clientConfig && { clientConfig }),
    ...(gatewayConfig && { gatewayConfig }),
    llmPath: configuration.llmPath.value,
    llmApi: configuration.llmApi.value,
    mcpApi: configuration.mcpApi.value,
    resources: Object.fromEntries(agent.apis.flatMap(({ name, audience }) => (audience ? [[name, audience]] : []))),
  };
}

/** The names of VS Code's remotes, as people know them. */
const REMOTES: Record<string, string> = {
  'ssh-remote': 'the SSH host',
  wsl: 'WSL',
  'dev-container': 'the container',
  'attached-container': 'the container',
  codespaces: 'the codespace',
};

/** The far side of the window, by `env.remoteName`. */
export function remoteOf(remoteName: string | undefined, here: boolean): Known['remote'] {
  return remoteName === undefined ? undefined : { name: REMOTES[remoteName] ?? remoteName, here };
}

/** The ConfigMap that a value came from, by the source that discovery gives with each. */
function configMapOf(source: string): string | undefined {
  return /^ConfigMap ([^\s,]+)/.exec(source)?.[1];
}
