import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AccessLog } from './accessLog.ts';
import { compileRules, type RuleSet } from './cel.ts';
import { applyCors } from './cors.ts';
import { GatewayError, plain } from './errors.ts';
import { Exchange } from './exchange.ts';
import { loadGatewayFile } from './file.ts';
import { TokenError, TokenValidator } from './jwt.ts';
import { LlmBackend } from './llm.ts';
import { challenge, isMetadataPath, replyMetadata } from './mcpAuth.ts';
import { McpBackend } from './mcp/backend.ts';
import { rewritePath, Router } from './router.ts';
import type { RouteSpec } from './schema.ts';

/** What the composition gives the simulated AgentGateway. */
export interface GatewayOptions {
  /** Path of an AgentGateway 1.4 standalone YAML file; it is read once, at start. */
  file: string;
  /** Address to bind; loopback unless told. */
  host?: string;
  /** Listener port in place of the file's; 0 takes any free one. */
  port?: number;
  /** Receives the access log and the gateway's own messages, one line each, never a token. */
  log?: (line: string) => void;
  /** Milliseconds since the epoch, for token and session lifetimes. */
  clock?: { now(): number };
}

export interface RunningGateway {
  /** `http://127.0.0.1:<port>` */
  origin: string;
  port: number;
  close(): Promise<void>;
}

interface Route {
  spec: RouteSpec;
  validator: TokenValidator | undefined;
  rules: RuleSet | undefined;
  backend: { serve(exchange: Exchange): Promise<void> };
}

/** Default of `frontendPolicies.http.maxBufferSize`, bytes. */
const DEFAULT_BUFFER = 2 * 1024 * 1024;
const IDLE = 10 * 60_000;

/**
 * Starts a gateway from a genuine file and answers as AgentGateway 1.4.1 does on the routes of that file. Rejects with
 * an error that names the path of any field it does not implement, when a JWKS cannot be loaded, or when the port is
 * taken.
 */
export async function startGateway(options: GatewayOptions): Promise<RunningGateway> {
  const file = await loadGatewayFile(options.file);
  const host = options.host ?? '127.0.0.1';
  const write = options.log ?? (() => {});
  const now = () => (options.clock ?? Date).now();
  const warn = (sentence: string) => write(`${new Date(now()).toISOString()}\twarn\tmcp\t${sentence}`);
  const maxBuffer = file.frontendPolicies?.http?.maxBufferSize ?? DEFAULT_BUFFER;
  const accessLog = new AccessLog(file.frontendPolicies?.accessLog, write, now);

  const routes: Route[] = [];
  for (const [index, spec] of file.routes.entries()) {
    const { policies } = spec;
    const where = `routes[${index}].policies`;
    const authentication = policies.jwtAuth ?? policies.mcpAuthentication;
    const [backend] = spec.backends;
    if (!backend) continue;
    const mcpRules =
      policies.mcpAuthorization && compileRules(policies.mcpAuthorization.rules, `${where}.mcpAuthorization`);
    routes.push({
      spec,
      validator: authentication && (await TokenValidator.load(authentication, now)),
      rules: policies.authorization && compileRules(policies.authorization.rules, `${where}.authorization`),
      backend:
        'ai' in backend
          ? new LlmBackend(backend.ai, policies, maxBuffer)
          : new McpBackend(backend.mcp, policies, { rules: mcpRules, maxBuffer, now, log: warn }),
    });
  }
  const router = new Router(routes.map(value => ({ spec: value.spec, value })));

  const server = createServer(
    // An idle connection lives for `frontendPolicies.http.http1IdleTimeout`, 10 minutes; a slow request has no limit.
    { keepAliveTimeout: IDLE, headersTimeout: IDLE, requestTimeout: 0 },
    (request, response) => void handle(request, response),
  );
  async function handle(request: IncomingMessage, response: ServerResponse) {
    const started = performance.now();
    const exchange = new Exchange(request, response);
    response.once('close', () => accessLog.record(exchange, performance.now() - started));
    try {
      await serve(router, exchange);
    } catch (error) {
      if (response.headersSent) response.destroy();
      else
        exchange.refuse(
          error instanceof GatewayError ? error : plain('Internal', 503, `processing failed: ${error as Error}`),
        );
    }
  }

  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject).listen(options.port ?? file.gateways.default.port, host, resolve);
  await promise;
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://${host}:${port}`,
    port,
    close: () =>
      new Promise<void>(closed => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}

/** The policies in AgentGateway's order: CORS, token, authorization, rewriting; then the backend. */
async function serve(router: Router<Route>, exchange: Exchange): Promise<void> {
  const found = router.find(exchange);
  if (!found) throw plain('NotFound', 404, 'route not found');
  const { value: route, match } = found;
  const { policies } = route.spec;
  exchange.log.route = route.spec.name;

  if (policies.cors) {
    const direct = applyCors(policies.cors, exchange);
    if (direct) return exchange.reply(200, direct);
  }
  if (route.validator) {
    const { mcpAuthentication } = policies;
    if (mcpAuthentication && isMetadataPath(exchange.path)) return replyMetadata(mcpAuthentication, exchange);
    await authenticate(route.validator, route.spec, exchange);
  }
  if (route.rules && !route.rules(exchange.celInput())) throw plain('Authorization', 403, 'authorization failed');
  if (policies.urlRewrite) exchange.path = rewritePath(exchange.path, match, policies.urlRewrite.path);
  await route.backend.serve(exchange);
}

/** Reads the bearer, and takes it out of the request: only `backendAuth.passthrough` puts it back. */
async function authenticate(validator: TokenValidator, spec: RouteSpec, exchange: Exchange): Promise<void> {
  try {
    const verified = await validator.apply(exchange.headers.authorization);
    if (!verified) return;
    exchange.claims = verified.claims;
    exchange.token = verified.token;
    delete exchange.headers.authorization;
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    const { mcpAuthentication } = spec.policies;
    if (mcpAuthentication) throw challenge(mcpAuthentication, exchange);
    throw plain('JwtAuth', 401, `authentication failure: ${error.message}`);
  }
}
