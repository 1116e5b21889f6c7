import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http, { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWTPayload } from 'jose';
import { stringify } from 'yaml';
import { startGateway, type RunningGateway } from '../../src/sandbox/gateway/gateway.ts';

export const ISSUER = 'https://issuer.example/sts/tenant/';
export const LLM_AUDIENCE = 'https://cognitiveservices.azure.com';
export const MCP_AUDIENCE = 'api://mcp-app';
export const AGENT = 'agent-1';

/** A signing key with the JWKS that a gateway file may name. */
export interface Signer {
  kid: string;
  jwks: { keys: object[] };
  /** A token; `exp` is set to one hour ahead unless the claims say otherwise (`undefined` leaves it out). */
  mint(claims: JWTPayload, header?: Record<string, unknown>): Promise<string>;
}

export async function createSigner(kid = 'key-1'): Promise<Signer> {
  const pair = await generateKeyPair('RS256', { extractable: true });
  const jwk = { ...(await exportJWK(pair.publicKey)), kid, use: 'sig' };
  return { kid, jwks: { keys: [jwk] }, mint: (claims, header = {}) => sign(pair.privateKey, kid, claims, header) };
}

function sign(key: CryptoKey, kid: string, claims: JWTPayload, header: Record<string, unknown>): Promise<string> {
  const payload: JWTPayload = { exp: Math.floor(Date.now() / 1000) + 3600, ...claims };
  for (const [name, value] of Object.entries(payload)) if (value === undefined) delete payload[name];
  const full = { alg: 'RS256', kid, ...header };
  return new SignJWT(payload).setProtectedHeader(full).sign(key);
}

/** Claims of a T2 for the LLM or for MCP, version 1. */
export const t2 = (aud: string, extra: JWTPayload = {}): JWTPayload => ({
  iss: ISSUER,
  aud,
  sub: 'pairwise-subject',
  appid: AGENT,
  upn: 'ada@contoso.example',
  scp: 'access_as_user',
  xms_act_fct: '3 9 11',
  ...extra,
});

export const jwtAuth = (signer: Signer, audience: string, extra: object = {}) => ({
  mode: 'strict',
  issuer: ISSUER,
  audiences: [audience],
  jwks: JSON.stringify(signer.jwks),
  ...extra,
});

/** Writes a gateway file and starts a gateway on it, on any free port, until the test ends. */
export async function startOn(
  t: TestContext,
  routes: object[],
  options: { clock?: { now(): number }; log?: (line: string) => void; top?: object } = {},
): Promise<RunningGateway & { file: string }> {
  const directory = await mkdtemp(path.join(tmpdir(), 'gateway-test-'));
  const file = path.join(directory, 'config.yaml');
  await writeFile(file, stringify({ gateways: { default: { port: 3000 } }, routes, ...options.top }));
  const gateway = await startGateway({ file, port: 0, ...options });
  t.after(async () => {
    await gateway.close();
    await rm(directory, { recursive: true });
  });
  return { ...gateway, file };
}

export interface Received {
  method: string;
  url: string;
  headers: http.IncomingHttpHeaders;
  body: string;
}

/** A plain HTTP server in the role of an upstream, with what it received. */
export async function startUpstream(
  t: TestContext,
  answer: (request: Received, response: ServerResponse) => void,
): Promise<{ origin: string; host: string; received: Received[]; close(): void }> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    void readBody(request).then(body => {
      const { method = '', url = '', headers } = request;
      const seen = { method, url, headers, body };
      received.push(seen);
      answer(seen, response);
    });
  });
  await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  t.after(close);
  return { origin: `http://${host}`, host, received, close };
}

export async function readBody(message: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of message.setEncoding('utf8') as AsyncIterable<string>) body += chunk;
  return body;
}

export interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: string;
}

/** One request with exactly these headers: nothing is added that a real client would not choose itself. */
export async function send(
  url: string,
  options: { method?: string; headers?: http.OutgoingHttpHeaders; body?: string; token?: string } = {},
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const headers = { ...options.headers, ...(options.token && { authorization: `Bearer ${options.token}` }) };
  const request = http.request(url, { method: options.method ?? 'GET', headers, agent: false }, resolve);
  request.on('error', reject).end(options.body);
  const response = await promise;
  return { status: response.statusCode ?? 0, headers: response.headers, body: await readBody(response) };
}

/** The JSON of each event in a body of server-sent events. */
export function events(body: string): Record<string, unknown>[] {
  return body
    .split('\n\n')
    .filter(Boolean)
    .map(event => {
      const match = /^event: message\ndata: (.*)$/s.exec(event);
      if (!match) throw new Error(`not an event of the gateway: ${event}`);
      return JSON.parse(match[1] ?? '') as Record<string, unknown>;
    });
}
