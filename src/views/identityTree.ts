import * as vscode from 'vscode';
import type { Connection } from '../agent/connection.ts';
import type { Session } from '../agent/session.ts';
import { STEPS, type StepId, type StepState } from '../agent/steps.ts';
import { AgentIdError } from '../base/errors.ts';
import type { Failure } from '../protocol/common.ts';
import { asText } from '../protocol/fixers.ts';
import type { Tunnel } from '../cluster/tunnel.ts';
import { heldUntil, TOKEN_IDS, type TokenId } from './inspectorTokens.ts';
import { brokenTunnel, isBroken } from './mode.ts';
import type { Row } from './tree.ts';
import { sinceWhen, stepDetail, stepLabel, timeLeft, tokenLabel, tunnelLabel } from './words.ts';

const t = vscode.l10n.t;

/** Who acts, for whom, where, and with which tokens; empty while nothing is on, so that the welcome text shows. */
export function identityRows(session: Session, apiModel: string, say: (error: unknown) => Failure): Row[] {
  if (session.mode === 'disconnected') return [];
  if (session.mode === 'apiKey') {
    return [
      { id: 'mode', label: t('API key'), description: t('testing: no agent identity'), icon: 'key' },
      { id: 'model', label: t('Model'), description: apiModel, icon: 'sparkle' },
    ];
  }
  const { connection } = session;
  const sandbox = session.plan?.mode === 'sandbox';
  const connecting = session.mode === 'connecting';
  const signedIn = connection?.account !== undefined;
  const rows: Row[] = [
    {
      id: 'mode',
      label: sandbox ? t('SANDBOX') : connecting ? t('Connecting') : signedIn ? t('Connected') : t('Not signed in'),
      ...(sandbox && { description: t('all simulated') }),
      tooltip: sandbox ? t('Simulated tenant, cluster, gateway and model, on this machine.') : connection?.server,
      icon: sandbox ? 'beaker' : connecting ? 'loading~spin' : signedIn ? 'verified' : 'account',
    },
  ];
  if (!connection) return rows;
  const { configuration, agent, account } = connection;
  rows.push(
    connectionRow(connection, say),
    {
      id: 'agent',
      label: t('Agent'),
      description: agent.deployment,
      tooltip: t(
        'Agent identity {0} of blueprint {1} (ServiceAccount {2}). Agents that share a ServiceAccount are not isolated from each other.',
        configuration.agentAppId.value,
        configuration.blueprintAppId.value,
        agent.serviceAccount,
      ),
      icon: 'hubot',
      contextValue: 'agent',
    },
    {
      id: 'user',
      label: t('User'),
      description: account?.username ?? t('not signed in'),
      tooltip: account ? `${account.name ?? account.username} · oid ${account.oid}` : '',
      icon: 'account',
      ...(!account && { command: { command: 'agentId.signIn', title: t('Sign In') } }),
    },
    {
      id: 'tokens',
      label: t('Tokens'),
      description: tokensLeft(tokenEnds(session)),
      icon: 'key',
      children: TOKEN_IDS.map(id => tokenRow(connection, id)),
    },
    {
      id: 'context',
      label: t('Cluster'),
      description: `${connection.context} · ${agent.namespace}`,
      tooltip: connection.server,
      icon: 'server-environment',
    },
  );
  return rows;
}

/** How far the connection is, for a view that is folded. */
export function identitySummary({ connection }: Session): string | undefined {
  const broken = connection && brokenTunnel(connection);
  return broken ? tunnelLabel(broken.state) : connection && stepsDone(connection);
}

/** What the folded row says of its tokens: how many there are, and how long the first of them has to live. */
function tokensLeft(ends: readonly number[]): string {
  if (ends.length === 0) return t('none');
  return t('{0} held · {1}', ends.length, timeLeft(Math.min(...ends), Date.now()));
}

/** When the tokens that the view shows end, in milliseconds since the epoch. */
export function tokenEnds({ connection }: Session): number[] {
  return connection ? TOKEN_IDS.map(id => heldUntil(connection, id)).filter(end => end !== undefined) : [];
}

function tokenRow(connection: Connection, id: TokenId): Row {
  const expiresAt = heldUntil(connection, id);
  return {
    id: `token:${id}`,
    label: tokenLabel(id),
    description: expiresAt === undefined ? t('none') : timeLeft(expiresAt, Date.now()),
    icon: expiresAt === undefined ? 'circle-outline' : expiresAt > Date.now() ? 'pass' : 'warning',
    contextValue: expiresAt === undefined ? 'token;absent' : 'token;present',
    command: { command: 'agentId.showTokens', title: t('Show Tokens') },
  };
}

function connectionRow(connection: Connection, say: (error: unknown) => Failure): Row {
  const steps = STEPS.map(step => stepRow(step, connection.step(step), tunnelOf(step, connection), say));
  const tunnels = [tunnelRow('sidecar', connection.sidecarTunnel, say)];
  if (connection.gatewayTunnel) tunnels.push(tunnelRow('gateway', connection.gatewayTunnel, say));
  const broken = brokenTunnel(connection);
  const complete = !broken && STEPS.every(step => connection.step(step).kind === 'done');
  return {
    // another id when all is done: open while there is something to watch or to mend, folded when there is not
    id: complete ? 'connection:complete' : 'connection',
    label: t('Connection'),
    description: broken ? brokenLabel(broken, say) : stepsDone(connection),
    icon: complete ? 'pass' : broken ? 'warning' : 'plug',
    ...(complete && { color: 'testing.iconPassed' }),
    ...(broken && { color: AMBER }),
    expanded: !complete,
    children: [...steps, ...tunnels],
  };
}

function stepsDone(connection: Connection): string {
  const done = STEPS.filter(step => connection.step(step).kind === 'done').length;
  return t('{0} of {1} steps', done, STEPS.length);
}

const AMBER = 'problemsWarningIcon.foreground';

/** The tunnel that a step went through: while it is broken, what was done then says nothing of now. */
function tunnelOf(step: StepId, { sidecarTunnel, gatewayTunnel }: Connection): Tunnel | undefined {
  return step === 'sidecar' ? sidecarTunnel : step === 'tools' ? gatewayTunnel : undefined;
}

function brokenLabel({ state }: Tunnel, say: (error: unknown) => Failure): string {
  return [tunnelLabel(state), ...(state.error ? [say(state.error).sentence] : [])].join(' · ');
}

const STEP_ICONS: Record<StepState['kind'], [string, string | undefined]> = {
  pending: ['circle-outline', undefined],
  running: ['loading~spin', undefined],
  done: ['pass', 'testing.iconPassed'],
  failed: ['error', 'testing.iconFailed'],
};

function stepRow(step: StepId, state: StepState, tunnel: Tunnel | undefined, say: (error: unknown) => Failure): Row {
  if (state.kind === 'done' && tunnel && isBroken(tunnel)) {
    const description = brokenLabel(tunnel, say);
    return {
      ...{ id: `step:${step}`, label: stepLabel(step), description, icon: 'warning', color: AMBER },
      ...(tunnel.state.error && { tooltip: asText(t, say(tunnel.state.error), '\n\n') }),
      accessibleLabel: `${stepLabel(step)}: ${description}`,
    };
  }
  const unasked = state.kind === 'failed' && AgentIdError.is(state.error, 'agent.signInNeeded'); // no fault yet
  const [icon, color] = STEP_ICONS[unasked ? 'pending' : state.kind];
  const failure = state.kind === 'failed' ? say(state.error) : undefined;
  const action = failure?.actions[0]; // what mends it, from where it is read
  const description = state.kind === 'done' ? stepDetail(step, state.detail) : failure?.sentence;
  return {
    id: `step:${step}`,
    label: stepLabel(step),
    icon,
    ...(color && { color }),
    ...(description && { description }),
    ...(failure && { tooltip: asText(t, failure, '\n\n') }),
    ...(failure?.fix && { fix: failure.fix }),
    ...(action && { command: { command: action.id, title: action.label } }),
    accessibleLabel: `${stepLabel(step)}: ${description ?? state.kind}`,
  };
}

function tunnelRow(name: 'sidecar' | 'gateway', tunnel: Tunnel, say: (error: unknown) => Failure): Row {
  const { state } = tunnel;
  const failed = isBroken(tunnel);
  return {
    id: `tunnel:${name}`,
    label: name === 'sidecar' ? t('Tunnel to the sidecar') : t('Tunnel to the gateway'),
    description: [tunnelLabel(state), ...(failed ? [sinceWhen(state)] : []), ...(state.pod ? [state.pod] : [])].join(
      ' · ',
    ),
    icon: failed ? 'debug-disconnect' : 'link',
    ...(failed && { color: 'testing.iconFailed' }),
    tooltip: state.error ? `${sinceWhen(state)}\n\n${asText(t, say(state.error), '\n\n')}` : sinceWhen(state),
  };
}
