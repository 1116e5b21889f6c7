import type { ChatState, ToolItem } from '../../../src/protocol/chat.ts';
import type { Failure } from '../../../src/protocol/common.ts';

const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const identity = 'as research-agent for ana@contoso.example';

export const sandbox = {
  kind: 'sandbox',
  agent: 'research-agent',
  user: 'ana@contoso.example',
  model: 'gpt-4.1-mini',
  place: 'sandbox / agent-id',
} as const;

export function tool(id: string, change: Partial<ToolItem> = {}): ToolItem {
  return {
    kind: 'tool',
    id,
    callId: `call-${id}`,
    name: 'microsoft_docs_search',
    server: 'AgentGateway',
    target: 'microsoft',
    arguments: '{\n  "query": "workload identity federation"\n}',
    status: 'done',
    identity,
    receipt: { id: `r-2026-11-23-000${id.length}${id}`, traceparent: TRACE },
    durationMs: 412,
    ...change,
  };
}

const ANSWER = `Workload identity federation lets the pod prove who it is **without a secret**:

1. Kubernetes signs a short-lived token for the ServiceAccount \`agent-blueprint\`.
2. Entra trusts the cluster's issuer and exchanges that token.
3. The sidecar asks for a token *for this agent, on behalf of you*.

\`\`\`yaml
apiVersion: v1
kind: ServiceAccount
metadata:
  name: agent-blueprint
  annotations:
    azure.workload.identity/client-id: 3f1c0d5e-1111-4222-8333-944455556666 # the blueprint
\`\`\`

| Token | Audience | Lives |
|---|---|--:|
| Tc | the blueprint | 60 min |
| T2 | \`https://cognitiveservices.azure.com\` | 75 min |

> The federated token never leaves the pod.

See [Workload identity](https://learn.microsoft.com/entra/workload-id/) for the details.`;

/** What only somebody else can mend, with the text for them. */
export const consentMissing: Failure = {
  sentence: 'Nobody has consented that the agent 5b0a9f6e uses the API “mcp” for you (AADSTS65001).',
  nextStep: 'Ask an Entra admin to grant it to the agent identity.',
  who: 'entraAdmin',
  fix: [
    'In VS Code, the extension Agent ID lets a person work with an AI agent that has its own identity in Entra.',
    'Time (UTC): 2026-03-01 13:08:48Z\nUser: ana@contoso.example\nError: AADSTS65001',
    'What mends it:\n1. Grant the scope to the agent identity, for every user:',
    `POST https://graph.microsoft.com/v1.0/oauth2PermissionGrants\n\n{\n  "clientId": "5b0a9f6e-2f37-4c07-9c1a-2e6f0f2b7d11",\n  "scope": "access_as_user"\n}`,
  ].join('\n\n'),
  actions: [{ id: 'agentId.showTokens', label: 'Show Tokens' }],
};

const turns: ChatState['items'] = [
  { kind: 'user', id: 'u1', text: 'How does workload identity federation work here, and what is new about it?' },
  tool('t1', { result: '{\n  "results": [\n    { "title": "Workload identity federation" }\n  ]\n}' }),
  tool('t2', { name: 'web_search_exa', target: 'exa-ai', durationMs: 1830, result: '3 results' }),
  { kind: 'assistant', id: 'a1', text: ANSWER, status: 'done' },
];

const chat = (items: ChatState['items'], change: Partial<ChatState> = {}): ChatState => ({
  mode: sandbox,
  items,
  busy: false,
  prompts: [],
  ...change,
});

export const chats = {
  welcome: chat([], { mode: { kind: 'disconnected' } }),
  empty: chat([], {
    prompts: [
      'What is Microsoft Entra Agent ID?',
      'Search the docs and the web for workload identity federation and compare the two',
      'Read the secret of the month with the hidden tool',
    ],
  }),
  conversation: chat(turns),
  approval: chat(
    [
      ...turns,
      { kind: 'user', id: 'u2', text: 'Search both sources again for “managed identity”.' },
      { kind: 'assistant', id: 'a2', text: 'I will ask both sources at once.', status: 'done' },
      tool('t3', { status: 'waiting', durationMs: undefined, receipt: undefined }),
      tool('t4', {
        status: 'waiting',
        name: 'web_search_exa',
        target: 'exa-ai',
        durationMs: undefined,
        receipt: undefined,
        arguments: '{\n  "query": "managed identity",\n  "numResults": 5\n}',
      }),
    ],
    { busy: true },
  ),
  running: chat(
    [
      { kind: 'user', id: 'u3', text: 'Search both.' },
      tool('t5', { status: 'running', durationMs: undefined }),
      tool('t6', { status: 'done', name: 'web_search_exa', target: 'exa-ai' }),
      {
        kind: 'assistant',
        id: 'a3',
        text: 'So far the docs say:\n\n- a managed identity has **no secret**\n- it is',
        status: 'streaming',
      },
    ],
    { busy: true },
  ),
  asking: chat(
    [
      { kind: 'user', id: 'u5', text: 'Search both.' },
      tool('t11', { status: 'running', durationMs: undefined }),
      {
        kind: 'notice',
        id: 'q1',
        level: 'warning',
        asks: true,
        failure: {
          sentence: 'Your sign-in has ended: it is too old, was revoked, or the password changed (AADSTS50173).',
          nextStep: 'The agent waits. Sign in, and it goes on where it is.',
          actions: [{ id: 'agentId.signIn', label: 'Sign In Again' }],
        },
      },
    ],
    { busy: true },
  ),
  again: chat([
    { kind: 'user', id: 'u6', text: 'Search both.' },
    {
      kind: 'notice',
      id: 'n6',
      level: 'error',
      retry: true,
      failure: {
        sentence: 'You signed in again, and the token for “mcp” is still refused (AADSTS50076).',
        nextStep: 'Ask an Entra admin: let the policy of that API cover the blueprint too. Then try again.',
        who: 'entraAdmin',
        fix: 'In Protection, Conditional Access, that policy: add the blueprint to its target resources.',
        actions: [{ id: 'agentId.forceSignIn', label: 'Sign In Again' }],
      },
    },
  ]),
  refused: chat([
    { kind: 'user', id: 'u4', text: 'Use every tool you have.' },
    tool('t7', {
      status: 'denied',
      name: 'microsoft_code_sample_search',
      durationMs: 31,
      failure: {
        sentence:
          'The gateway’s policy refuses this tool to intern-agent: jwt.appid is not 5b0a9f6e-2f37-4c07-9c1a-2e6f0f2b7d11.',
        nextStep: 'Choose an agent that the rule names, or ask whoever keeps the gateway’s file.',
        actions: [
          { id: 'agentId.selectAgent', label: 'Select Agent' },
          { id: 'agentId.showTokens', label: 'Show Tokens' },
        ],
      },
    }),
    tool('t8', {
      status: 'error',
      name: 'add_numbers',
      server: 'calculator',
      target: undefined,
      identity: 'without a token (direct: no gateway policy)',
      failure: { sentence: 'The tool answered with an error: "b" must be a number.', actions: [] },
    }),
    tool('t9', {
      status: 'rejected',
      durationMs: undefined,
      failure: { sentence: 'You rejected it: not needed, the docs were read already.', actions: [] },
    }),
    tool('t10', { status: 'cancelled', durationMs: undefined }),
    { kind: 'assistant', id: 'a4', text: 'The first tool was refused, so I can only', status: 'stopped' },
    {
      kind: 'notice',
      id: 'n1',
      level: 'error',
      failure: {
        sentence: 'The model answered 429: the deployment’s quota is used up for 24 s.',
        nextStep: 'Wait, or use another deployment.',
        actions: [{ id: 'agentId.showLog', label: 'Show Log' }],
      },
    },
    {
      kind: 'notice',
      id: 'n2',
      level: 'warning',
      failure: {
        sentence: 'Your sign-in is no longer valid.',
        nextStep: 'Sign in again to go on.',
        actions: [{ id: 'agentId.signIn', label: 'Sign In' }],
      },
    },
    { kind: 'notice', id: 'n3', level: 'info', failure: { sentence: 'The tunnel moved to another pod.', actions: [] } },
  ]),
  handOver: chat([
    { kind: 'user', id: 'u5', text: 'Search the docs.' },
    tool('t11', { status: 'error', failure: consentMissing, durationMs: 120 }),
    { kind: 'notice', id: 'n4', level: 'error', failure: consentMissing },
    {
      kind: 'notice',
      id: 'n5',
      level: 'error',
      failure: {
        sentence: 'The code expired before it was entered.',
        nextStep: 'Sign in again.',
        who: 'you',
        actions: [],
      },
    },
  ]),
  apiKey: chat(turns.slice(0, 1).concat(turns.slice(3)), { mode: { kind: 'apiKey', model: 'gpt-4.1-mini' } }),
} satisfies Record<string, ChatState>;

/** A chat of `count` questions with their answers. */
export function longChat(count: number): ChatState {
  return chat(
    Array.from({ length: count }, (_, n) => [
      { kind: 'user' as const, id: `lu${n}`, text: `Question number ${n}` },
      { kind: 'assistant' as const, id: `la${n}`, text: `Answer ${n}.\n\n${ANSWER}`, status: 'done' as const },
    ]).flat(),
  );
}
