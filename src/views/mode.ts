import * as vscode from 'vscode';
import type { Connection } from '../agent/connection.ts';
import type { Session } from '../agent/session.ts';
import { STEPS, type StepId } from '../agent/steps.ts';
import type { Tunnel } from '../cluster/tunnel.ts';
import type { McpServers } from '../mcp/registry.ts';
import { clip, LIMITS, type Mode } from '../protocol/common.ts';
import { stepProgress } from './words.ts';

const t = vscode.l10n.t;

/** The step that is under way: while connecting, and while signing in to what is connected. */
export function runningStep({ connection }: Session): StepId | undefined {
  return connection && STEPS.find(step => connection.step(step).kind === 'running');
}

export const isBroken = ({ state }: Tunnel): boolean => state.kind === 'reconnecting' || state.kind === 'failed';

/** The tunnel that was lost and is not back, if there is one: what the steps did went through it. */
export function brokenTunnel({ sidecarTunnel, gatewayTunnel }: Connection): Tunnel | undefined {
  return [sidecarTunnel, gatewayTunnel].find(tunnel => tunnel !== undefined && isBroken(tunnel));
}

/** The mode line of both webviews. */
export function modeLine(session: Session, apiModel: string): Mode {
  const { connection, plan } = session;
  const line = (text: string) => clip(text, LIMITS.line);
  const running = runningStep(session);
  const mode = running ? 'connecting' : session.mode;
  switch (mode) {
    case 'disconnected':
      return { kind: 'disconnected' };
    case 'apiKey':
      return { kind: 'apiKey', model: line(apiModel) };
    case 'connecting':
      return { kind: 'connecting', ...(running && { step: stepProgress(running) }) };
    case 'sandbox':
    case 'connected':
      return {
        kind: mode,
        agent: line(connection?.agent.deployment ?? plan?.deployment ?? ''),
        ...(connection?.account && { user: line(connection.account.username) }),
        ...(connection && {
          model: line(connection.configuration.llmDeployment.value),
          place: line(`${connection.context} · ${connection.agent.namespace}`),
        }),
      };
  }
}

/** Why the inspector has nothing to show, where it has nothing. */
export function noTokensBecause(session: Session): string | undefined {
  if (session.mode === 'apiKey') {
    return t(
      'In API-key mode there are no tokens: the key proves neither who the agent is nor which user it acts for. Connect to a cluster or start the sandbox to see them.',
    );
  }
  return session.connection ? undefined : t('Not connected, so there are no tokens yet.');
}

/** What an empty chat offers. In the sandbox the third leads to a tool that the gateway's policy hides. */
export function suggestedPrompts(session: Session, servers: McpServers): string[] {
  if (session.mode === 'disconnected' || session.mode === 'connecting') return [];
  if (session.mode !== 'apiKey' && !settled(session)) return []; // none would be answered well
  if (session.mode === 'sandbox') {
    return [
      t('Search the docs for the on-behalf-of flow and the web for agent identity.'),
      t('Search the docs for workload identity federation.'),
      t('Use exa-ai_crawling_exa to read https://example.com/agents'),
    ];
  }
  const tools = servers.catalog().length > 0;
  return [
    t('Who are you, and what can you do for me?'),
    ...(tools ? [t('Which tools do you have, and what is each for?')] : []),
    t('Explain the on-behalf-of flow in five sentences.'),
  ];
}

/** Signed in, and the tools are listed or there is an error that says why not. */
function settled({ connection }: Session): boolean {
  if (!connection?.account) return false;
  return connection.step('tools').kind === 'done' || connection.firstFailure !== undefined;
}
