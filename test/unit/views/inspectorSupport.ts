import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import type { TestContext } from 'node:test';
import type { Connection } from '../../../src/agent/connection.ts';
import type { Session } from '../../../src/agent/session.ts';
import { Emitter } from '../../../src/base/event.ts';
import { parseGatewayConfig } from '../../../src/gateway/config.ts';
import { preflight } from '../../../src/gateway/preflight.ts';
import type { PresentedToken } from '../../../src/gateway/tokenCheck.ts';
import { decodeToken } from '../../../src/identity/claims.ts';
import { Authority } from '../../../src/identity/authority.ts';
import { inspectPasted } from '../../../src/identity/pasted.ts';
import {
  applyToInspector,
  emptyInspector,
  parseToInspector,
  type FromInspector,
  type InspectedToken,
  type InspectorState,
  type TokenDetails,
  type ToInspector,
} from '../../../src/protocol/inspector.ts';
import { Receiver } from '../../../src/protocol/receiver.ts';
import { InspectorController } from '../../../src/views/inspectorController.ts';
import { sayer } from '../../../src/views/messages/index.ts';
import {
  AGENT,
  AUTHORITY,
  BLUEPRINT,
  CLIENT,
  TENANT,
  USER,
  fixture,
  jwt as unsigned,
  type Payload,
} from '../identity/support.ts';
import { translate } from './support.ts';

export interface Asked {
  what: string;
  force: boolean | undefined;
}

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

/** A JWT that the tenant of the connections here has signed. */
export function jwt(...given: Parameters<typeof unsigned>): string {
  const signed = unsigned(...given).replace(/\.[^.]*$/, '');
  return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), privateKey).toString('base64url')}`;
}

/** What a connection hands out, by `tc` or the API's name; an error in place of a token is what asking for it throws. */
export type Tokens = Partial<Record<string, string | Error>>;

/** A gateway's file as the shipped one is, for the agent of the fixtures. */
export const GATEWAY_FILE = `
binds:
- port: 8080
  listeners:
  - routes:
    - name: llm
      matches: [{path: {pathPrefix: /llm}}]
      policies:
        jwtAuth:
          mode: strict
          issuer: https://sts.windows.net/${TENANT}/
          audiences: [https://cognitiveservices.azure.com]
          jwks: {url: https://login.microsoftonline.com/${TENANT}/discovery/v2.0/keys}
        authorization:
          rules:
          - jwt.appid == '${AGENT}' && '11' in jwt.xms_act_fct.split(' ')
      backends: [{ai: {provider: {azureOpenAI: {host: x.openai.azure.com}}}}]
    - name: mcp
      matches: [{path: {pathPrefix: /mcp}}]
      policies:
        jwtAuth:
          mode: strict
          issuer: https://sts.windows.net/${TENANT}/
          jwks: {url: https://login.microsoftonline.com/${TENANT}/discovery/v2.0/keys}
        authorization:
          rules:
          - jwt.appid == '${AGENT}' && '11' in jwt.xms_act_fct.split(' ')
        mcpAuthorization:
          rules:
          - mcp.tool.name != 'crawling_exa'
      backends: [{mcp: {targets: [{name: exa-ai, mcp: {host: https://mcp.exa.ai/mcp}}]}}]
`;
const TOOLS = ['web_search_exa', 'crawling_exa'].map(name => ({ name, target: 'exa-ai' }));

/** Milliseconds since the epoch. */
function expiryOf(raw: string): number | undefined {
  try {
    return decodeToken(raw).expiresAt;
  } catch {
    return undefined; // not all of them can be read
  }
}

/** A connection that hands out these tokens and holds them from then on. Its tenant's keys can't be had. */
export function connectionWith(tokens: Tokens, asked: Asked[] = []): Connection {
  const held: Tokens = {};
  const give = async (what: string, force: boolean | undefined, signal: AbortSignal | undefined) => {
    asked.push({ what, force });
    signal?.throwIfAborted();
    const raw = tokens[what];
    if (raw instanceof Error) throw raw;
    held[what] = raw ?? '';
    return { raw: raw ?? '' };
  };
  const peek = (what: string) => {
    const raw = held[what];
    return typeof raw === 'string' ? { raw, expiresAt: expiryOf(raw) } : undefined;
  };
  const value = (text: string) => ({ value: text, source: '' });
  return {
    userToken: (o: { forceRefresh?: boolean; signal?: AbortSignal }) => give('tc', o.forceRefresh, o.signal),
    get lastUserToken() {
      return peek('tc');
    },
    broker: {
      get: (api: string, o: { forceRefresh?: boolean; signal?: AbortSignal }) => give(api, o.forceRefresh, o.signal),
      peek,
    },
    agent: { deployment: 'research-agent', serviceAccount: 'agent-blueprint' },
    account: { oid: USER, tid: TENANT, username: 'robin@contoso.example' },
    authority: new Authority(AUTHORITY, false),
    signingKeys: { find: async () => () => publicKey, has: (kid: unknown) => kid === 'k1', clockOffset: undefined },
    preflight: (api: 'llm' | 'mcp', token: PresentedToken) => {
      const file = parseGatewayConfig(GATEWAY_FILE);
      return [preflight(file, { path: `/${api}` }, token, Date.now(), { tools: api === 'mcp' ? TOOLS : [] })];
    },
    configuration: {
      gatewayFile: parseGatewayConfig(GATEWAY_FILE),
      llmApi: value('openai'),
      mcpApi: value('mcp'),
      audiences: { openai: ['https://cognitiveservices.azure.com'], mcp: [] },
      agentAppId: value(AGENT),
      blueprintAppId: value(BLUEPRINT),
      tenantId: value(TENANT),
      clientId: value(CLIENT),
    },
  } as unknown as Connection;
}

/**
 * A controller with a page behind it: every message is passed on as JSON, must be one that the page accepts, and keeps
 * the page's state.
 */
export function startInspector(connection?: Connection) {
  const receiver = new Receiver(emptyInspector, applyToInspector);
  const changed = new Emitter<void>();
  const session = { connection, onDidChange: changed.event };
  const inspector = {
    session,
    /** As if the session had changed. */
    fire: () => changed.fire(),
    posted: [] as ToInspector[],
    /** What was passed on to the editor. */
    asked: [] as string[],
    documents: [] as string[],
    logged: [] as string[],
    state: (): InspectorState => receiver.state,
    row: (id: string): InspectedToken => {
      const row = receiver.state.tokens.find(token => token.id === id);
      assert.ok(row, `no row ${id}`);
      return row;
    },
    tell: (message: FromInspector, visible = true) => controller.receive(message, post, visible),
    receive: (data: unknown) => controller.receive(data, post, true),
    /** Resolves when no token is asked for any more. */
    settled: async (): Promise<void> => {
      const started = performance.now(); // the clocks may be mocked, and a signature takes its time
      for (let turn = 0; performance.now() - started < 20_000; turn++) {
        await new Promise(setImmediate);
        const { refreshing, tokens } = receiver.state;
        if (turn > 3 && !refreshing && tokens.every(token => token.status.kind !== 'loading')) return;
      }
      assert.fail('the inspector did not settle');
    },
    paste: async (text: string): Promise<void> => {
      const pasted = inspectPasted(text);
      assert.notEqual(pasted.kind, 'unreadable');
      if (pasted.kind !== 'unreadable') await controller.paste(pasted);
    },
    get controller() {
      return controller;
    },
  };
  const post = (message: unknown) => {
    const parsed = parseToInspector(JSON.parse(JSON.stringify(message)));
    assert.ok(parsed, `the page refuses ${JSON.stringify(message).slice(0, 300)}`);
    inspector.posted.push(parsed);
    if (parsed.type === 'snapshot' || parsed.type === 'patch') assert.equal(receiver.receive(parsed), 'changed');
  };
  const controller = new InspectorController({
    session: session as unknown as Session,
    t: translate,
    label: id => id.toUpperCase(),
    say: sayer(translate),
    known: () => ({ authority: 'https://login.microsoftonline.us/contoso', gatewayConfig: 'our-gateway' }),
    mode: () => ({ mode: { kind: 'disconnected' } }),
    copyRaw: id => void inspector.asked.push(`copy ${id}`),
    copyText: text => void inspector.asked.push(text),
    openSource: href => void inspector.asked.push(href),
    openDocument: json => void inspector.documents.push(json),
    askForToken: () => void inspector.asked.push('paste'),
    runAction: id => void inspector.asked.push(id),
    report: error => void inspector.logged.push(String(error)),
    log: message => void inspector.logged.push(message),
  });
  inspector.tell({ type: 'ready' });
  return inspector;
}

/** Seconds since the epoch. */
export const inAnHour = () => Math.floor(Date.now() / 1000) + 3_600;

/** The tokens of a connection with which all is well. */
export const good = (): Tokens => ({
  tc: young('tc-v2'),
  openai: young('t2-openai-v1'),
  mcp: young('t2-mcp-v1'),
});

/** One of the fixtures with an hour to live, signed. */
export const young = (name: string, header?: Payload): string => jwt({ ...fixture(name), exp: inAnHour() }, header);

/** An inspector that has looked at its tokens; it ends with the test. */
export async function open(context: TestContext, connection?: Connection) {
  const inspector = startInspector(connection);
  context.after(() => inspector.controller.dispose());
  await inspector.settled();
  return inspector;
}

export const check = (details: TokenDetails | undefined, title: string) =>
  details?.checks.find(one => one.title === title);
