import { createServer, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { answer, smallTalk } from './answer.ts';
import { faultsPanel, type ModelFaults } from './faults.ts';
import { planCalls } from './plan.ts';
import { relayCompletion, type RealModel } from './relay.ts';
import { BadRequest, parseRequest, type ChatRequest } from './request.ts';
import { chunks, completion, type Reply } from './stream.ts';
import { readTurn } from './turn.ts';

export interface ModelOptions {
  clock?: { now(): number };
  /** Names that it answers to; on the Azure paths others are 404 DeploymentNotFound. The first is the default. */
  deployments?: string[];
  faults?: ModelFaults;
  /** Send completions to a real model instead of the demo model. */
  real?: RealModel;
}

export interface RunningModel {
  origin: string;
  /** Ends in `/v1`. */
  baseUrl: string;
  /** The first deployment. */
  deployment: string;
  /** The live object: assign to its fields to arm a fault. */
  faults: ModelFaults;
  /** Switches for the control endpoint. */
  panel: ReturnType<typeof faultsPanel>;
  close(): Promise<void>;
}

/** Milliseconds between chunks when nothing else is asked for: quick, and still visibly a stream. */
const CHUNK_DELAY = 8;
const MAX_BODY = 32 * 1024 * 1024;

/** An answer in place of a completion. */
class Refusal extends Error {
  readonly status: number;
  readonly body: unknown;
  readonly headers: OutgoingHttpHeaders;

  constructor(status: number, body: unknown, headers: OutgoingHttpHeaders = {}) {
    super(`${status}`);
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

/** Azure's shape of an error. */
const azure = (status: number, code: string, message: string, headers?: OutgoingHttpHeaders) =>
  new Refusal(status, { error: { code, message } }, headers);
/** OpenAI's shape of an error. */
const openai = (status: number, message: string, param: string | null, code: string | null) =>
  new Refusal(status, { error: { message, type: 'invalid_request_error', param, code } });

const unauthorized = () =>
  azure(
    401,
    '401',
    'Unauthorized. Access token is missing, invalid, audience is incorrect (https://cognitiveservices.azure.com), or have expired.',
    { 'www-authenticate': 'Bearer' },
  );
const deploymentNotFound = () =>
  azure(404, 'DeploymentNotFound', 'The API deployment for this resource does not exist.');

/**
 * Starts the OpenAI-compatible demo model on loopback, under the paths of OpenAI and of Azure OpenAI. It wants a bearer
 * or an `api-key`, whatever its value: who may call is the gateway's business.
 */
export async function startModel(options: ModelOptions = {}): Promise<RunningModel> {
  const deployments = options.deployments ?? ['gpt-4.1-mini'];
  const [deployment = 'gpt-4.1-mini'] = deployments;
  const faults = options.faults ?? {};
  const now = () => Math.floor((options.clock ?? Date).now() / 1000);
  let completions = 0;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://model');
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    try {
      const route = /^\/(?:openai\/)?v1\/(models|chat\/completions)$/.exec(url.pathname)?.[1];
      const dated = /^\/openai\/deployments\/([^/]+)\/chat\/completions$/.exec(url.pathname)?.[1];
      if (route === undefined && dated === undefined) throw azure(404, '404', 'Resource not found');
      const { authorization, 'api-key': key } = request.headers;
      if (!/^bearer \S/i.test(authorization ?? '') && !key) throw unauthorized();
      if (route === 'models') {
        const data = deployments.map(id => ({ id, object: 'model', created: now(), owned_by: 'sandbox' }));
        return void send(response, 200, { object: 'list', data });
      }
      if (request.method !== 'POST') throw azure(405, '405', 'Method not allowed');
      completions++;
      if (dated !== undefined && !url.searchParams.get('api-version')) throw azure(404, '404', 'Resource not found');
      if (dated !== undefined && !deployments.includes(decodeURIComponent(dated))) throw deploymentNotFound();
      armed(faults);
      const body = await readJson(request);
      const chat = parseRequest(body);
      const model = dated === undefined ? (chat.model ?? '') : decodeURIComponent(dated);
      if (dated === undefined && !deployments.includes(model))
        throw model === ''
          ? openai(400, "Missing required parameter: 'model'.", 'model', 'missing_required_parameter')
          : openai(
              404,
              `The model \`${model}\` does not exist or you do not have access to it.`,
              null,
              'model_not_found',
            );
      if (options.real) return await relayCompletion(options.real, chat, response, gone.signal);
      const reply = decide(chat, faults);
      if (!chat.stream) return void send(response, 200, completion(chat, reply, model, now()));
      response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' });
      for (const chunk of chunks(chat, reply, model, now(), dated !== undefined)) {
        response.write(`data: ${JSON.stringify(chunk)}\n\n`);
        await sleep(faults.chunkDelay ?? CHUNK_DELAY, undefined, { signal: gone.signal });
      }
      response.end('data: [DONE]\n\n');
    } catch (error) {
      if (gone.signal.aborted) return;
      if (response.headersSent) response.destroy();
      else if (error instanceof Refusal) send(response, error.status, error.body, error.headers);
      else if (error instanceof BadRequest) {
        const { message, param, code } = error;
        send(response, 400, { error: { message, type: 'invalid_request_error', param, code } });
      } else send(response, 502, { error: { code: '502', message: 'The model could not be reached.' } });
    }
  }

  const server = createServer((request, response) => void handle(request, response));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject).listen(0, '127.0.0.1', resolve);
  await promise;
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    baseUrl: `${origin}/v1`,
    deployment,
    faults,
    panel: faultsPanel(faults, () => completions),
    close: () =>
      new Promise<void>(closed => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}

/** The refusal that a fault has armed, once. */
function armed(faults: ModelFaults): void {
  const { nextStatus, retryAfter = 1 } = faults;
  if (nextStatus === undefined) return;
  delete faults.nextStatus;
  switch (nextStatus) {
    case 401:
      throw unauthorized();
    case 403:
      throw azure(403, 'PermissionDenied', 'Principal does not have access to API/Operation.');
    case 404:
      throw deploymentNotFound();
    case 429:
      throw azure(429, '429', `Requests have exceeded the rate limit. Please retry after ${retryAfter} seconds.`, {
        'retry-after': String(retryAfter),
      });
  }
}

/** Calls while there is something to call; then words. */
function decide(chat: ChatRequest, faults: ModelFaults): Reply {
  const turn = readTurn(chat);
  const said = smallTalk(turn);
  if (said !== undefined) return { text: said, calls: [] };
  const tools = chat.tools.map(tool => tool.function);
  const calls = chat.tool_choice === 'none' ? [] : planCalls(turn, tools);
  const [first] = calls;
  if (!first) return { text: answer(turn, tools), calls: [] };
  if (faults.badArguments) {
    delete faults.badArguments;
    first.arguments = first.arguments.slice(0, -1);
  }
  return { text: '', calls };
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > MAX_BODY) throw openai(413, 'Request body too large.', null, null);
    parts.push(part);
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString('utf8'));
  } catch {
    throw openai(400, 'We could not parse the JSON body of your request.', null, null);
  }
}

function send(response: ServerResponse, status: number, body: unknown, headers: OutgoingHttpHeaders = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}
