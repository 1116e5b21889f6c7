import { AgentIdError, describe } from '../../base/errors.ts';
import { redact } from '../../base/redact.ts';
import { clip, LIMITS, type ActionId, type Failure } from '../../protocol/common.ts';
import { visible } from '../../protocol/visible.ts';
import { agentMessages } from './agent.ts';
import type { Said, Translate } from './catalogue.ts';
import { clusterMessages } from './cluster.ts';
import { gatewayMessages } from './gateway.ts';
import { identityMessages } from './identity.ts';
import { mcpMessages } from './mcp.ts';

/**
 * Says any error as one sentence and a next step. What is no error of ours is said as it is, redacted. `helps` tells
 * whether a button of an error is of use at the moment.
 */
export function sayer(
  t: Translate,
  helps: (action: ActionId, error: AgentIdError) => boolean = () => true,
): (error: unknown) => Failure {
  const catalogue: Partial<Record<string, (value: (name: string) => string) => Said>> = {
    ...identityMessages(t),
    ...clusterMessages(t),
    ...gatewayMessages(t),
    ...mcpMessages(t),
    ...agentMessages(t),
  };
  const labels = actionLabels(t);
  return error => {
    const known = AgentIdError.is(error) ? error : undefined;
    const entry = known && catalogue[known.code];
    const said: Said = entry
      ? entry(name => visible(redact(String(known.args[name] ?? '')))) // others may have written it, and a token may be in it
      : {
          sentence: t('Something went wrong: {0}', redact(describe(error))),
          next: t('The log has more.'),
          actions: ['agentId.showLog'],
        };
    return {
      sentence: clip(ended(said.sentence), LIMITS.sentence),
      ...(said.next && { nextStep: clip(said.next, LIMITS.sentence) }),
      actions: (said.actions ?? []).filter(id => !known || helps(id, known)).map(id => ({ id, label: labels[id] })),
    };
  };
}

/** A sentence that ends in what somebody else said has one full stop: the next step is often shown right behind it. */
function ended(sentence: string): string {
  if (!/[.!?…。！？]$/.test(sentence)) return `${sentence}.`;
  return sentence.replace(/([.!?…])\.$/, '$1');
}

function actionLabels(t: Translate): Record<ActionId, string> {
  return {
    'agentId.connect': t('Connect…'),
    'agentId.disconnect': t('Disconnect'),
    'agentId.selectAgent': t('Select Agent…'),
    'agentId.signIn': t('Sign In'),
    'agentId.forceSignIn': t('Sign In Again'),
    'agentId.signInWithDeviceCode': t('Use a Device Code'),
    'agentId.signInInBrowser': t('Sign In with the Browser'),
    'agentId.signInWithEditorAccount': t('Use the Editor’s Microsoft Account'),
    'agentId.startSandbox': t('Start Sandbox'),
    'agentId.setApiKey': t('Set API Key…'),
    'agentId.showTokens': t('Show Tokens'),
    'agentId.showConfiguration': t('Show Configuration'),
    'agentId.addMcpServer': t('Add MCP Server…'),
    'agentId.refreshMcpServers': t('Refresh MCP Servers'),
    'agentId.newChat': t('New Chat'),
    'agentId.openSettings': t('Open Settings'),
    'agentId.showLog': t('Show Log'),
  };
}
