import type { ChatState, ToolItem } from '../../../src/protocol/chat.ts';
import type { InspectedToken, InspectorState } from '../../../src/protocol/inspector.ts';

const agentAppId = '5b0a9f6e-2f37-4c07-9c1a-2e6f0f2b7d11';
const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const identity = 'as research-agent for ana@contoso.example';

const sandbox = {
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

const claim = (name: string, value: string, explanation: string, note?: string, known = true) => ({
  name,
  value,
  explanation,
  known,
  ...(note && { note }),
});

/** Tokens as the reference shows them, `now` in milliseconds. */
function tokens(now: number): InspectedToken[] {
  const blueprint = '3f1c0d5e-1111-4222-8333-944455556666';
  const t2 = (id: string, label: string, aud: string, minutes: number): InspectedToken => ({
    id,
    label,
    aud,
    sub: 'ana@contoso.example',
    appid: agentAppId,
    status: { kind: 'ok' },
    details: {
      version: '1.0',
      header: [
        { name: 'alg', value: 'RS256' },
        { name: 'kid', value: 'q3VnHk0ZkU0b1nqJYw4sQw' },
        { name: 'typ', value: 'JWT' },
      ],
      expiresAt: now + minutes * 60_000 + 30_000,
      fingerprint: '9f2c41d07be6a853',
      length: 1893,
      claims: [
        claim('aud', aud, 'Audience: who the token is for. Only this resource may accept it.'),
        claim('sub', 'Yw3k…pairwise', 'Subject: the user, as a pairwise id that differs per application.'),
        claim('appid', agentAppId, 'The application that calls: the agent identity research-agent.'),
        claim('upn', 'ana@contoso.example', 'The user’s sign-in name. For people; never use it to authorize.'),
        claim(
          'xms_act_fct',
          '11 9 3',
          'Facets of the actor: 11 is an agent identity.',
          'Order has no meaning: compare as a set.',
        ),
        claim('scp', 'user_impersonation', 'What the agent may do on behalf of the user.'),
        claim('contoso_team', 'platform', 'Not a claim we know: added by the tenant.', undefined, false),
      ],
    },
  });
  return [
    {
      id: 'tc',
      label: 'User token (Tc)',
      aud: blueprint,
      sub: 'pX0vTn6m0w6bYIuKjb1y3Hq0nZr5cZ1n3n2m8rQkq9A',
      appid: '14d82eec-204b-4c2f-b7e8-296a70dab67e',
      status: { kind: 'ok' },
      details: {
        version: '2.0',
        header: [{ name: 'alg', value: 'RS256' }],
        expiresAt: now + 4 * 60_000 + 5_000,
        fingerprint: '07be6a8539f2c41d',
        length: 1422,
        claims: [
          claim('aud', blueprint, 'Audience: the blueprint that may exchange this token.'),
          claim('azp', '14d82eec-204b-4c2f-b7e8-296a70dab67e', 'The application that signed the user in.'),
          claim('appid', 'absent', 'The calling application in v1 tokens.', 'This is a v2 token: it says azp instead.'),
          claim(
            'xms_act_fct',
            'absent',
            'Facets of the actor.',
            'No agent acts here yet: the user’s own token has no facets.',
          ),
        ],
      },
    },
    t2('openai', 'T2 (Azure OpenAI)', 'https://cognitiveservices.azure.com', 72),
    t2('mcp', 'T2 (MCP Server)', 'api://6c3d7d0e-aaaa-4bbb-8ccc-0ddd1eee2fff', 72),
  ];
}

export function inspectors(now: number) {
  const [tc, openai, mcp] = tokens(now) as [InspectedToken, InspectedToken, InspectedToken];
  const state = (change: Partial<InspectorState>): InspectorState => ({
    mode: sandbox,
    refreshing: false,
    tokens: [tc, openai, mcp],
    ...change,
  });
  return {
    three: state({}),
    failed: state({
      mode: { kind: 'connected', agent: 'research-agent', user: 'ana@contoso.example', place: 'aks-prod / agent-id' },
      tokens: [
        { ...tc, status: { kind: 'expired' }, details: { ...tc.details!, expiresAt: now - 120_000 } },
        {
          id: 'openai',
          label: 'T2 (Azure OpenAI)',
          status: {
            kind: 'error',
            failure: {
              sentence: 'Entra has no consent for the agent to call Azure OpenAI on your behalf (AADSTS65001).',
              nextStep: 'An administrator grants it once for the agent identity.',
              actions: [
                { id: 'agentId.forceSignIn', label: 'Sign In Again' },
                { id: 'agentId.showLog', label: 'Show Log' },
              ],
            },
          },
        },
        mcp,
        {
          id: 'graph',
          label: 'T2 (Graph)',
          status: { kind: 'notConfigured', reason: 'The sidecar has no API of this name.' },
        },
        { id: 'other', label: 'T2 (Other)', status: { kind: 'loading' } },
      ],
    }),
    apiKey: state({
      mode: { kind: 'apiKey', model: 'gpt-4.1-mini' },
      explanation:
        'API-key mode has no tokens: the key says which account pays, not who calls. Connect to a cluster or start the sandbox to call as an agent.',
      tokens: [],
    }),
  };
}
