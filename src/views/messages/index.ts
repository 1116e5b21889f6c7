import { AgentIdError, describe } from '../../base/errors.ts';
import { redact } from '../../base/redact.ts';
import { clip, LIMITS, type ActionId, type Failure } from '../../protocol/common.ts';
import { agentMessages } from './agent.ts';
import { refinementsOf } from './byNumber.ts';
import type { Said, Translate, Value } from './catalogue.ts';
import { clusterMessages } from './cluster.ts';
import { doctorMessages } from './doctor.ts';
import { gatewayMessages } from './gateway.ts';
import { handOver, oneLine } from './handOver.ts';
import { mcpMessages } from './mcp.ts';
import { Place, type Known } from './place.ts';
import { sidecarMessages } from './sidecar.ts';
import { signInMessages } from './signIn.ts';
import { tokenErrorMessages } from './tokenErrors.ts';

/** The words for every code. */
export function catalogueOf(t: Translate, place: Place): Record<string, (value: Value) => Said> {
  return {
    ...signInMessages(t, place),
    ...tokenErrorMessages(t, place),
    ...sidecarMessages(t, place),
    ...clusterMessages(t, place),
    ...gatewayMessages(t, place),
    ...mcpMessages(t, place),
    ...doctorMessages(t, place),
    ...agentMessages(t, place),
  };
}

/** What the words depend on beside the error. */
export interface Occasion {
  /** What the connection at hand knows of itself. */
  known(): Known | undefined;
  /** Whether a button of an error is of use at the moment. */
  helps(action: ActionId, error: AgentIdError): boolean;
}

/**
 * Says any error as one sentence, a next step, and who can take it how. What is no error of ours is said as it is,
 * redacted.
 */
export function sayer(t: Translate, occasion: Partial<Occasion> = {}): (error: unknown) => Failure {
  const { known = () => undefined, helps = () => true } = occasion;
  const place = new Place(known);
  const catalogue: Partial<ReturnType<typeof catalogueOf>> = catalogueOf(t, place);
  const refine = refinementsOf(t, place);
  const labels = actionLabels(t);
  return error => {
    const entry = AgentIdError.is(error) ? catalogue[error.code] : undefined;
    if (!AgentIdError.is(error) || !entry) {
      const sentence = ended(t('Something went wrong: {0}', redact(describe(error))));
      return failureOf({ sentence, next: t('The log has more.'), actions: ['agentId.showLog'] });
    }
    // Others may have written it, and a token may be in it. On one line: it must not look like a step of the fix.
    const value = (name: string) => oneLine(redact(String(error.args[name] ?? '')));
    const said = refine(entry(value), error.code, value);
    said.sentence = ended(said.sentence);
    const fix = said.who && said.who !== 'you' ? handOver(t, said, error, value, place) : said.fix;
    return failureOf({ ...said, ...(fix !== undefined && { fix }) }, error);
  };

  function failureOf(said: Said, error?: AgentIdError): Failure {
    return {
      sentence: clip(said.sentence, LIMITS.sentence),
      ...(said.next && { nextStep: clip(said.next, LIMITS.sentence) }),
      ...(said.who && { who: said.who }),
      ...(said.fix && { fix: clip(said.fix, LIMITS.fix) }),
      actions: (said.actions ?? []).filter(id => !error || helps(id, error)).map(id => ({ id, label: labels[id] })),
    };
  }
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
