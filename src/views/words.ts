import * as vscode from 'vscode';
import type { Session } from '../agent/session.ts';
import type { StepId } from '../agent/steps.ts';
import type { AgentIdError } from '../base/errors.ts';
import type { TunnelState } from '../cluster/tunnel.ts';
import type { Failure } from '../protocol/common.ts';
import type { TokenId } from './inspectorTokens.ts';

const t = vscode.l10n.t;

/** The names of things, as every view says them (the word list of the design). */
export const tokenLabel = (id: TokenId): string =>
  ({ tc: t('User token (Tc)'), llm: t('T2 (Azure OpenAI)'), mcp: t('T2 (MCP)') })[id];

export const stepLabel = (id: StepId): string =>
  ({
    signIn: t('Signed in'),
    sidecar: t('Sidecar healthy'),
    llmToken: t('Token for the LLM'),
    mcpToken: t('Token for MCP'),
    tools: t('Tools listed'),
  })[id];

/** A step that is under way. */
export const stepProgress = (id: StepId): string =>
  ({
    signIn: t('signing in…'),
    sidecar: t('asking the sidecar…'),
    llmToken: t('getting the token for the LLM…'),
    mcpToken: t('getting the token for MCP…'),
    tools: t('listing the tools…'),
  })[id];

/** What a finished step adds to its name. */
export function stepDetail(id: StepId, detail: string): string {
  switch (id) {
    case 'signIn':
      return t('as {0}', detail);
    case 'tools':
      return detail === '1' ? t('1 tool') : t('{0} tools', detail);
    case 'llmToken':
    case 'mcpToken':
      return t('fingerprint {0}', detail);
    case 'sidecar':
      return detail;
  }
}

export const tunnelLabel = (state: TunnelState): string =>
  ({
    idle: t('not used yet'),
    connecting: t('connecting'),
    ready: t('ready'),
    reconnecting: t('reconnecting'),
    failed: t('failed'),
  })[state.kind];

/** When a tunnel came into its state, by this machine's clock. */
export const sinceWhen = ({ since }: TunnelState): string =>
  t('since {0}', new Date(since).toLocaleTimeString(vscode.env.language));

/** Time left of a token: `1 h 12 min`, whole minutes in its last hour, seconds in its last two minutes. */
export function timeLeft(expiresAt: number, now: number): string {
  const seconds = Math.floor((expiresAt - now) / 1000);
  if (seconds <= 0) return t('expired');
  const minutes = Math.floor(seconds / 60);
  if (minutes >= 60) return t('{0} h {1} min left', Math.floor(minutes / 60), minutes % 60);
  return seconds < 120 ? t('{0} s left', seconds) : t('{0} min left', minutes);
}

/** What a turn asks that waits for a sign-in: why, and the one button. */
export const signInQuestion = ({ sentence }: Failure, error: AgentIdError): Failure => ({
  sentence,
  nextStep: t('The agent waits. Sign in, and it goes on where it is.'),
  actions: [
    {
      id: 'agentId.signIn', // while a turn waits it is always interactive
      label: error.code === 'agent.signInNeeded' ? t('Sign In') : t('Sign In Again'),
    },
  ],
});

/** Who acts from here on, where that changes in the middle of a conversation. */
export function actorSentence({ mode, connection }: Session): string | undefined {
  if (mode === 'apiKey') return t('From here on the API key answers: no agent identity acts.');
  if (!connection?.account) return undefined;
  return t('Now acting as {0} for {1}.', connection.agent.deployment, connection.account.username);
}
