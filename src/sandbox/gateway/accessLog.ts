import { compile, type Expression } from './cel.ts';
import type { Exchange } from './exchange.ts';
import type { GatewayFile } from './schema.ts';

type AccessLogSpec = NonNullable<NonNullable<GatewayFile['frontendPolicies']>['accessLog']>;

/**
 * Writes one line for each answered request, in AgentGateway's form: `<time>\tinfo\trequest key=value …`, the file's
 * own fields last. No expression can reach a token: only its claims are offered.
 */
export class AccessLog {
  readonly #write: (line: string) => void;
  readonly #now: () => number;
  readonly #filter: Expression | undefined;
  readonly #add: [string, Expression][];
  readonly #remove: ReadonlySet<string>;

  constructor(spec: AccessLogSpec | undefined, write: (line: string) => void, now: () => number) {
    const where = 'frontendPolicies.accessLog';
    this.#write = write;
    this.#now = now;
    this.#filter = spec?.filter === undefined ? undefined : compile(spec.filter, `${where}.filter`);
    this.#add = Object.entries(spec?.add ?? {}).map(([key, text]) => [key, compile(text, `${where}.add.${key}`)]);
    this.#remove = new Set(spec?.remove);
  }

  /** `duration` in milliseconds. */
  record(exchange: Exchange, duration: number): void {
    const { log, request, claims } = exchange;
    const status = exchange.response.statusCode;
    const input = { ...exchange.celInput(), response: { code: status } };
    if (this.#filter && attempt(this.#filter, input) !== true) return;
    const resource = log.mcp?.tool ?? log.mcp?.prompt ?? log.mcp?.resource;
    const fields: [string, unknown][] = [
      ['gateway', 'default/default'],
      ['listener', 'default'],
      ['route', log.route && `default/${log.route}`],
      ['endpoint', log.endpoint],
      ['src.addr', `${exchange.source.address}:${exchange.source.port}`],
      ['http.method', exchange.method],
      ['http.host', request.headers.host],
      ['http.path', exchange.originalPath],
      ['http.version', `HTTP/${request.httpVersion}`],
      ['http.status', status],
      ['jwt.sub', claims?.sub],
      ['protocol', log.protocol],
      ['mcp.method.name', log.mcp?.methodName],
      ['mcp.target', resource?.target],
      ['mcp.resource.type', log.mcp?.tool ? 'tool' : log.mcp?.prompt ? 'prompt' : log.mcp?.resource && 'resource'],
      ['gen_ai.tool.name', log.mcp?.tool?.name],
      ['mcp.session.id', log.mcp?.sessionId],
      ['gen_ai.request.model', log.llm?.requestModel],
      ['error', log.error && JSON.stringify(log.error)],
      ['reason', log.reason],
      ['duration', `${Math.round(duration)}ms`],
      ...this.#add.map(([key, expression]): [string, unknown] => [key, show(attempt(expression, input))]),
    ];
    const line = fields
      .filter(([key, value]) => value !== undefined && value !== null && value !== '' && !this.#remove.has(key))
      .map(([key, value]) => `${key}=${String(value)}`)
      .join(' ');
    this.#write(`${new Date(this.#now()).toISOString()}\tinfo\trequest ${line}`);
  }
}

function attempt(expression: Expression, input: Parameters<Expression>[0]): unknown {
  try {
    return expression(input);
  } catch {
    return undefined; // an expression that fails leaves its field out
  }
}

/** A value of the language as JSON, so that a text is quoted and what is not a scalar stays readable. */
function show(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  return JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? Number(part) : part));
}
