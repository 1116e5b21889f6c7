import type {
  Analysis,
  InspectedToken,
  InspectorState,
  TokenCheck,
  TokenClaim,
  TokenDetails,
} from '../../../src/protocol/inspector.ts';
import { llm, mcp, refusedRoute, uncertain } from './routeStates.ts';
import { consentMissing, sandbox } from './states.ts';

const agentAppId = '5b0a9f6e-2f37-4c07-9c1a-2e6f0f2b7d11';
const blueprint = '3f1c0d5e-1111-4222-8333-944455556666';
const client = '14d82eec-204b-4c2f-b7e8-296a70dab67e';
const mcpAudience = 'api://6c3d7d0e-aaaa-4bbb-8ccc-0ddd1eee2fff';

const reference = {
  title: 'Access token claims reference',
  href: 'https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference',
};
const claim = (name: string, value: string, explanation: string, more: Partial<TokenClaim> = {}): TokenClaim => ({
  name,
  value,
  explanation,
  known: true,
  evidence: 'documented',
  source: reference,
  ...more,
});
const check = (title: string, outcome: TokenCheck['outcome'], sentence: string): TokenCheck => ({
  title,
  outcome,
  sentence,
});
const header = [
  { name: 'alg', value: 'RS256' },
  { name: 'kid', value: 'q3VnHk0ZkU0b1nqJYw4sQw' },
  { name: 'typ', value: 'JWT' },
];

function userToken(now: number): InspectedToken {
  const expiresAt = now + 4 * 60_000 + 5_000;
  return {
    id: 'tc',
    label: 'User token (Tc)',
    aud: blueprint,
    sub: 'pX0vTn6m0w6bYIuKjb1y3Hq0nZr5cZ1n3n2m8rQkq9A',
    appid: client,
    status: { kind: 'ok' },
    details: {
      version: '2.0',
      kind: { label: 'User token', certain: true, because: 'It is for the blueprint (aud) and carries scp.' },
      checks: [
        check('Signature', 'ok', 'It was made with a key that the tenant publishes.'),
        check('Expiry', 'warning', 'It ends in less than five minutes.'),
      ],
      header: header.slice(0, 1),
      expiresAt,
      fingerprint: '07be6a8539f2c41d',
      length: 1422,
      claims: [
        claim('aud', blueprint, 'Audience: the blueprint that may exchange this token.'),
        claim('azp', client, 'The application that signed the user in.', {
          note: 'Microsoft Graph Command Line Tools',
        }),
        claim('appid', 'absent', 'The calling application in v1 tokens.', {
          note: 'This is a v2 token: it says azp instead.',
        }),
        claim('xms_act_fct', 'absent', 'Facets of the actor.', {
          note: 'No agent acts here yet: the user’s own token has no facets.',
        }),
        claim('exp', '1795644843', 'From this time on the token is not accepted any more.', {
          time: expiresAt,
        }),
      ],
    },
  };
}

function agentToken(id: string, label: string, aud: string, now: number): InspectedToken {
  const expiresAt = now + 72 * 60_000 + 30_000;
  return {
    id,
    label,
    aud,
    sub: 'ana@contoso.example',
    appid: agentAppId,
    status: { kind: 'ok' },
    details: {
      version: '1.0',
      kind: {
        label: 'Agent on behalf of a user',
        certain: true,
        because: 'xms_act_fct has 11 (agent identity) and xms_sub_fct has neither 11 nor 13.',
      },
      checks: [
        check('Signature', 'ok', 'It was made with a key that the tenant publishes.'),
        check('Issuer', 'ok', 'The tenant issued it, in the form of a v1 token.'),
        check('Audience', 'ok', 'It is for the API that the sidecar names.'),
        check('Agent', 'ok', 'appid is the agent identity of research-agent.'),
        check('Blueprint', 'ok', 'xms_par_app_azp is the blueprint: a hint for audits, never a proof.'),
        check('User', 'ok', 'oid and tid are those of the user who signed in.'),
        check('Expiry', 'ok', 'It is valid now.'),
        check('Clock', 'warning', 'The clock of this machine is 3 min ahead of the issuer’s.'),
      ],
      header,
      expiresAt,
      fingerprint: '9f2c41d07be6a853',
      length: 1893,
      claims: [
        claim('aud', aud, 'Audience: who the token is for. Only this resource may accept it.'),
        claim('sub', 'Yw3k…pairwise', 'Subject: the user, as a pairwise id that differs per application.'),
        claim('appid', agentAppId, 'The application that calls: the agent identity.', { note: 'research-agent' }),
        claim('upn', 'ana@contoso.example', 'The user’s sign-in name. For people; never use it to authorize.'),
        claim('xms_act_fct', '11 9 3', 'Facets of the actor, the one who calls.', {
          parts: [{ text: '11', meaning: 'agent identity' }, { text: '9' }, { text: '3' }],
          note: 'A set: the order has no meaning, and numbers without documentation are to be ignored.',
          source: {
            title: 'Agent token claims',
            href: 'https://learn.microsoft.com/entra/agent-id/agent-token-claims',
          },
        }),
        claim('scp', 'user_impersonation', 'What the agent may do on behalf of the user.', {
          parts: [{ text: 'user_impersonation' }],
        }),
        claim('exp', '1795648923', 'From this time on the token is not accepted any more.', {
          time: expiresAt,
        }),
        claim('xms_ftd', 'aGVsbG8', 'Opaque.', { evidence: 'observed', source: { title: 'Published tokens' } }),
        claim('platf', '5', 'Platform of the device from which the user signed in.', {
          evidence: 'guessed',
          source: undefined,
          parts: [{ text: '5', meaning: 'macOS' }],
        }),
        claim('contoso_team', 'platform', 'Not a claim we know: added by the tenant.', {
          known: false,
          evidence: undefined,
          source: undefined,
        }),
      ],
    },
  };
}

const hops: Analysis['hops'] = [
  {
    id: 'tc',
    label: 'User token (Tc)',
    token: 'tc',
    issuer: 'Microsoft Entra, v2.0',
    presenter: 'you, by signing in',
    audience: `the blueprint ${blueprint}`,
  },
  {
    id: 't1',
    label: 'T1 (stays in the sidecar)',
    after: 'tc',
    issuer: 'Microsoft Entra, v2.0',
    presenter: 'the sidecar, with the pod’s federated token',
    audience: 'api://AzureADTokenExchange',
    note: 'It names the agent identity (fmi_path). Nobody outside the sidecar sees it, so nothing of it is shown.',
  },
  {
    id: 'openai',
    label: 'T2 (Azure OpenAI)',
    token: 'openai',
    after: 't1',
    issuer: 'Microsoft Entra, v1.0',
    presenter: 'the agent, with T1 and Tc',
    audience: 'https://cognitiveservices.azure.com',
  },
  {
    id: 'mcp',
    label: 'T2 (MCP Server)',
    token: 'mcp',
    after: 't1',
    issuer: 'Microsoft Entra, v1.0',
    presenter: 'the agent, with T1 and Tc',
    audience: mcpAudience,
  },
];

const comparison: Analysis['comparison'] = {
  columns: hops.filter(hop => hop.token !== undefined).map(({ id, label }) => ({ id, label })),
  rows: [
    {
      name: 'aud',
      cells: [
        { value: blueprint },
        { value: 'https://cognitiveservices.azure.com', change: 'changed' },
        { value: mcpAudience, change: 'changed' },
      ],
      why: 'Each token is for one resource only.',
    },
    {
      name: 'azp, appid',
      cells: [{ value: client }, { value: agentAppId, change: 'changed' }, { value: agentAppId, change: 'changed' }],
      why: 'The caller was the sign-in client, and is the agent identity now.',
    },
    {
      name: 'oid',
      cells: [{ value: 'f00d' }, { value: 'f00d', change: 'same' }, { value: 'f00d', change: 'same' }],
    },
    {
      name: 'xms_act_fct',
      cells: [{}, { value: '11 9 3', change: 'added' }, { value: '11 9 3', change: 'added' }],
      why: 'An agent acts now.',
    },
    {
      name: 'preferred_username',
      cells: [{ value: 'ana@contoso.example' }, { change: 'removed' }, { change: 'removed' }],
      why: 'A v1 token says upn instead.',
    },
    {
      name: 'uti',
      cells: [{ value: 'Xq1' }, { value: 'b07', change: 'changed' }, { value: 'z9T', change: 'changed' }],
      why: 'A new value in every token.',
      perToken: true,
    },
  ],
};

const withDetails = (token: InspectedToken, change: Partial<TokenDetails>): InspectedToken => ({
  ...token,
  details: { ...token.details!, ...change },
});

/** The inspector in each of its states, `now` in milliseconds. */
export function inspectors(now: number) {
  const tc = userToken(now);
  const openai = agentToken('openai', 'T2 (Azure OpenAI)', 'https://cognitiveservices.azure.com', now);
  const mcpToken = agentToken('mcp', 'T2 (MCP Server)', mcpAudience, now);
  const analysis: Analysis = { hops, comparison, routes: [llm, mcp] };
  const state = (change: Partial<InspectorState>): InspectorState => ({
    mode: sandbox,
    refreshing: false,
    tokens: [tc, openai, mcpToken],
    analysis,
    ...change,
  });
  return {
    three: state({}),
    refused: state({
      tokens: [
        tc,
        openai,
        withDetails(mcpToken, {
          version: '2.0',
          kind: {
            label: 'Agent on behalf of a user',
            certain: false,
            because: 'azp is the agent identity; the agent’s claims are missing, so the token itself does not say it.',
          },
        }),
      ],
      analysis: { ...analysis, routes: [uncertain, refusedRoute] },
    }),
    pasted: state({
      tokens: [
        tc,
        withDetails(openai, {
          checks: [
            check(
              'Signature',
              'unknown',
              'It has a nonce in its header: only its own resource can verify it, by design.',
            ),
            check('Issuer', 'bad', 'Another tenant issued it.'),
          ],
        }),
        {
          ...withDetails(mcpToken, { length: undefined, fingerprint: 'c0ffee0123456789' }),
          id: 'pasted-1',
          label: 'Pasted token 1',
          pasted: true,
        },
        {
          id: 'pasted-2',
          label: 'Pasted token 2',
          pasted: true,
          status: { kind: 'ok' },
          details: {
            kind: {
              label: 'Encrypted token',
              certain: true,
              because: 'It has five parts; only its header can be read.',
            },
            checks: [],
            header,
            claims: [],
            fingerprint: '0123456789abcdef',
          },
        },
      ],
    }),
    failed: state({
      mode: { kind: 'connected', agent: 'research-agent', user: 'ana@contoso.example', place: 'aks-prod / agent-id' },
      analysis: { hops, comparison, routes: [], noRoutes: 'The gateway’s file could not be read.' },
      tokens: [
        { ...withDetails(tc, { expiresAt: now - 120_000 }), status: { kind: 'expired' } },
        {
          id: 'openai',
          label: 'T2 (Azure OpenAI)',
          status: {
            kind: 'error',
            failure: consentMissing,
            heldUntil: now + 42.5 * 60_000,
          },
        },
        mcpToken,
        {
          id: 'graph',
          label: 'T2 (Graph)',
          status: { kind: 'notConfigured', reason: 'The sidecar has no API of this name.' },
        },
        { id: 'other', label: 'T2 (Other)', status: { kind: 'loading' } },
      ],
    }),
    unverified: state({
      tokens: [
        tc,
        openai,
        {
          ...withDetails(mcpToken, {
            length: undefined,
            checks: [check('Signature', 'bad', 'The signature is wrong: somebody changed the token, or made it up.')],
          }),
          id: 'pasted-1',
          label: 'Pasted token 1',
          pasted: true,
          status: { kind: 'unverified' },
        },
      ],
    }),
    nothing: state({
      mode: { kind: 'disconnected' },
      explanation: 'Not connected, so there are no tokens yet.',
      tokens: [],
      analysis: { hops: [], routes: [] },
    }),
    apiKey: state({
      mode: { kind: 'apiKey', model: 'gpt-4.1-mini' },
      explanation:
        'API-key mode has no tokens: the key says which account pays, not who calls. Connect to a cluster or start the sandbox to call as an agent.',
      tokens: [],
      analysis: { hops: [], routes: [] },
    }),
  };
}
