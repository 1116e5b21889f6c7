/**
 * What is said of real payloads, whole: kind with its reasons, each check, each claim. The expected texts stand in
 * test/fixtures/analysis, one file for each payload of test/fixtures/tokens. After a change that is meant, run this file
 * with UPDATE_GOLDEN=1 and read the difference.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Authority } from '../../../src/identity/authority.ts';
import { classify } from '../../../src/identity/classify.ts';
import { decodeToken } from '../../../src/identity/claims.ts';
import { explainClaims, type ClaimRow } from '../../../src/identity/explain.ts';
import { judge } from '../../../src/identity/verify.ts';
import { AGENT, AUTHORITY, BLUEPRINT, CLIENT, fixture, jwt, TENANT, USER } from './support.ts';

const NOW = Date.UTC(2026, 2, 1, 13, 30);
const APPS = { agentAppId: AGENT, blueprintAppId: BLUEPRINT };
const NAMES = new Map([
  [AGENT, 'research-agent'],
  [BLUEPRINT, 'agent-blueprint'],
  [USER, 'robin@contoso.example'],
  [TENANT, 'tenant'],
  [CLIENT, 'sign-in client'],
]);
const BASE = { authority: new Authority(AUTHORITY, false), tenantId: TENANT, user: { oid: USER, tid: TENANT } };
const TC = { ...BASE, audiences: [BLUEPRINT], callerAppId: CLIENT };
const T2 = { ...BASE, callerAppId: AGENT, blueprintAppId: BLUEPRINT };
const GRAPH = { ...T2, audiences: ['https://graph.microsoft.com'] };
const MCP = { ...T2, audiences: ['api://d00dfeed-5555-4666-8777-888899990000'] };

const payloads = {
  'tc-v1': TC,
  'tc-v2': TC,
  t1: { ...BASE, audiences: ['api://AzureADTokenExchange'], callerAppId: BLUEPRINT },
  'agent-exchange': { ...T2, audiences: ['api://AzureADTokenExchange'] },
  't2-graph-v1': GRAPH,
  't2-openai-v1': { ...T2, audiences: ['https://cognitiveservices.azure.com/'] },
  't2-mcp-v1': MCP,
  't2-mcp-v2': MCP,
  't2-autonomous-v1': MCP,
  'agent-user-v1': GRAPH,
  'blueprint-v1': MCP,
  'blueprint-graph-v1': GRAPH,
  'obo-no-agent-v1': GRAPH,
};

/** `kind value [part = meaning; …] (note) evidence`. */
function line({ kind, value, time, parts, note, evidence, absent }: ClaimRow): string {
  const told = parts.map(({ text, meaning }) => (meaning === undefined ? text : `${text} = ${meaning}`));
  return [
    absent ? 'absent' : kind,
    time === undefined ? value : new Date(time).toISOString(),
    told.length > 0 ? `[${told.join('; ')}]` : '',
    note ? `(${note})` : '',
    evidence ?? 'unknown',
  ]
    .filter(Boolean)
    .join(' ');
}

describe('what is said of a payload', () => {
  for (const [name, expected] of Object.entries(payloads)) {
    it(name, () => {
      const token = decodeToken(jwt(fixture(name)));
      const { kind, certainty, because, remedy } = classify(token.claims, APPS);
      const said = {
        kind,
        certainty,
        because: because.map(({ code, claim = '', value = '' }) => [code, claim, value].filter(Boolean).join(' ')),
        ...(remedy && { remedy }),
        verdicts: Object.fromEntries(
          judge(token, expected, NOW).map(({ check, outcome, code, values }) => [
            check,
            [outcome, code, ...Object.entries(values).map(([key, value]) => `${key}=${value}`)].join(' '),
          ]),
        ),
        claims: Object.fromEntries(explainClaims(token, NAMES, APPS).map(row => [row.name, line(row)])),
      };
      const file = new URL(`../../fixtures/analysis/${name}.json`, import.meta.url);
      if (process.env.UPDATE_GOLDEN) writeFileSync(file, `${JSON.stringify(said, undefined, 2)}\n`);
      assert.deepEqual(said, JSON.parse(readFileSync(file, 'utf8')));
    });
  }
});
