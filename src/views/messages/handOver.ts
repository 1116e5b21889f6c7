import type { AgentIdError } from '../../base/errors.ts';
import type { Fixer } from '../../protocol/common.ts';
import { visible } from '../../protocol/visible.ts';
import type { Said, Translate, Value } from './catalogue.ts';
import type { Place } from './place.ts';

/**
 * The text that goes to somebody who can mend a failure and has never heard of this extension: what was tried, by whom,
 * when, what was answered, and the change. `said.who` is somebody other than the person.
 */
export function handOver(
  t: Translate,
  said: Said,
  error: Pick<AgentIdError, 'code' | 'at'>,
  value: Value,
  place: Place,
): string {
  const facts = factsOf(t, error, value, place).map(([name, text]) => `${name}: ${oneLine(text)}`);
  return [
    place.sandbox ? t('SANDBOX: everything in this message is simulated.') : undefined,
    heading(t, said.who ?? 'you'),
    t('What happened: {0}', oneLine(said.sentence)),
    facts.join('\n'),
    `${t('What mends it:')}\n${said.fix ?? said.next}`,
  ]
    .filter(Boolean)
    .join('\n\n');
}

function heading(t: Translate, who: Fixer): string {
  const intro = t(
    'In VS Code, the extension Agent ID lets a person work with an AI agent that has its own identity in Entra.',
  );
  const requests: Partial<Record<Fixer, string>> = {
    entraAdmin: t('That is stopped by something that an Entra admin can change.'),
    azureAdmin: t('That is stopped by something that an Azure admin can change.'),
    clusterAdmin: t('That is stopped by something that a cluster admin can change.'),
    network: t('That is stopped by something that whoever runs the network can change.'),
    serverOwner: t('That is stopped by something that whoever runs the server can change.'),
  };
  return [intro, requests[who]].filter(Boolean).join(' ');
}

type Fact = readonly [name: string, text: string];

/** What is known, and no line for what is not. */
function factsOf(t: Translate, { code, at }: Pick<AgentIdError, 'code' | 'at'>, value: Value, place: Place): Fact[] {
  const [room = ''] = code.split('.');
  const api = value('api');
  const resource = place.resource(api);
  const agent = value('agent') || place.knows('agentAppId');
  const named = (name: string | undefined, id: string | undefined) => (name && id ? `${name} (${id})` : (id ?? name));
  const speakers: Partial<Record<string, string>> = {
    signIn: t('Entra said'),
    agent: value('aadsts') ? t('Entra said') : undefined,
    sidecar: value('aadsts') ? t('Entra said') : t('The sidecar said'),
    gateway: t('The gateway said'),
    llm: t('The model’s host said'),
    mcp: t('The server said'),
  };
  const speaker = speakers[room];
  const facts: [name: string, text: string | undefined][] = [
    [t('Time (UTC)'), value('time') || at.toISOString()],
    [t('User'), place.person],
    [t('Tenant'), place.knows('tenantId')],
    [t('Sign-in client'), room === 'signIn' ? place.knows('clientId') : undefined],
    [t('Blueprint'), place.knows('blueprintAppId')],
    [t('Agent'), named(place.knows('deployment'), agent)],
    [t('API'), api && named(api, resource)],
    [t('Cluster'), place.knows('context')],
    [t('Namespace'), place.knows('namespace')],
    [t('Route of the gateway'), value('route')],
    [t('MCP server'), room === 'mcp' ? value('server') : undefined],
    [t('Tool'), value('tool')],
    [t('Error'), value('aadsts') && `AADSTS${value('aadsts')}`],
    [t('Correlation id'), value('correlationId')],
    ...(speaker ? [[speaker, quoted(value('detail') || value('reason'))] as [string, string | undefined]] : []),
  ];
  return facts.flatMap(([name, text]) => (text ? [[name, text] as const] : []));
}

/** The words of a service, which may say anything: whoever reads them sees where they begin and end. */
function quoted(text: string): string | undefined {
  return text ? `“${text.replace(/[“”]/g, '"')}”` : undefined;
}

/** What others wrote must not look like a part of the message. */
export function oneLine(text: string): string {
  return visible(text.replace(/\s+/g, ' ').trim());
}
