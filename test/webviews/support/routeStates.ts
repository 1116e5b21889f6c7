import type { RouteVerdict } from '../../../src/protocol/inspector.ts';

const agentAppId = '5b0a9f6e-2f37-4c07-9c1a-2e6f0f2b7d11';
const RULE = `jwt.appid == '${agentAppId}' && '11' in jwt.xms_act_fct.split(' ')`;

export const llm: RouteVerdict = {
  id: 'openai /llm',
  title: 'Model · /llm',
  token: 'T2 (Azure OpenAI)',
  outcome: 'admitted',
  sentence: 'The gateway would let this token in.',
  steps: [
    { title: 'Route', outcome: 'passes', sentence: 'The path begins with /llm.', rules: [] },
    { title: 'Token', outcome: 'passes', sentence: 'Issuer, audience and expiry are as jwtAuth asks.', rules: [] },
  ],
  tools: [],
};

const clause = (
  depth: number,
  text: string,
  outcome: 'holds' | 'fails' | 'unknown',
  name?: string,
  value?: string,
) => ({
  depth,
  kind: 'leaf' as const,
  text,
  outcome,
  facts: name === undefined ? [] : [{ name, ...(value !== undefined && { value }) }],
});

export const mcp: RouteVerdict = {
  id: 'mcp /mcp',
  title: 'MCP · /mcp',
  token: 'T2 (MCP Server)',
  outcome: 'admitted',
  sentence: 'The gateway would let this token in, and hide one tool from it.',
  steps: [
    ...llm.steps,
    {
      title: 'Tool rules',
      outcome: 'passes',
      sentence: 'A rule allows some of the tools.',
      rules: [
        {
          mode: 'allow',
          outcome: 'holds',
          clauses: [
            { depth: 0, kind: 'all', text: RULE, outcome: 'holds', facts: [] },
            clause(1, `jwt.appid == '${agentAppId}'`, 'holds', 'appid', agentAppId),
            clause(1, "'11' in jwt.xms_act_fct.split(' ')", 'holds', 'xms_act_fct', '11 9 3'),
          ],
        },
      ],
    },
  ],
  tools: [
    { name: 'microsoft_docs_search', target: 'microsoft', outcome: 'allowed' },
    { name: 'crawling_exa', target: 'exa-ai', outcome: 'hidden', reason: 'No allow rule names this tool.' },
    { name: 'web_search_exa', target: 'exa-ai', outcome: 'unknown', reason: 'It depends on the time of day.' },
  ],
};

export const refusedRoute: RouteVerdict = {
  ...mcp,
  outcome: 'refused',
  sentence: 'The gateway would answer 403: one clause of its rule does not hold.',
  steps: [
    ...llm.steps,
    {
      title: 'Rules for the route',
      outcome: 'fails',
      sentence: 'No allow rule holds.',
      remedy: {
        sentence: 'The resource app must emit xms_act_fct, as one of its optional claims.',
        text: 'PATCH https://graph.microsoft.com/v1.0/applications(appId=\'6c3d7d0e-aaaa-4bbb-8ccc-0ddd1eee2fff\')\n{ "optionalClaims": { "accessToken": [ { "name": "xms_act_fct" } ] } }',
      },
      rules: [
        {
          mode: 'allow',
          outcome: 'fails',
          clauses: [
            { depth: 0, kind: 'all', text: RULE, outcome: 'fails', facts: [] },
            clause(1, `jwt.appid == '${agentAppId}'`, 'holds', 'appid', agentAppId),
            { depth: 1, kind: 'any', text: 'a || b', outcome: 'fails', facts: [] },
            clause(2, "'11' in jwt.xms_act_fct.split(' ')", 'fails', 'xms_act_fct'),
            clause(2, "source.address == '10.0.0.1'", 'unknown'),
          ],
        },
        { mode: 'deny', outcome: 'unknown', clauses: [clause(0, 'request.headers["x-debug"] == "1"', 'unknown')] },
      ],
    },
    { title: 'Tool rules', outcome: 'skipped', sentence: 'Not reached.', rules: [] },
  ],
  tools: [],
};

export const uncertain: RouteVerdict = {
  ...llm,
  outcome: 'unknown',
  sentence: 'What the gateway would answer is not certain.',
  steps: [
    {
      title: 'Route',
      outcome: 'unknown',
      sentence: 'Two routes match, and one of them looks at a header that only the request has.',
      rules: [],
    },
  ],
};
