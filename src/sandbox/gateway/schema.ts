import * as v from 'valibot';

/**
 * The part of AgentGateway 1.4's standalone file that the sandbox plays (`schema/config.json` of
 * agentgateway/agentgateway, tag v1.4.1; `gateways` and `routes` form). Every object is closed: a field that is not
 * here is one that this gateway would silently ignore, so it is refused instead.
 */
const text = v.pipe(v.string(), v.nonEmpty());

/** Chooses a schema by looking at the value, so that an error names the field and not "one of many". */
const has = (input: unknown, key: string) => typeof input === 'object' && input !== null && key in input;

const jwks = v.lazy(input =>
  typeof input === 'string'
    ? text
    : has(input, 'file')
      ? v.strictObject({ file: text })
      : v.strictObject({ url: v.pipe(v.string(), v.url()) }),
);

const validationOptions = v.optional(v.strictObject({ requiredClaims: v.optional(v.array(text)) }));

const provider = {
  issuer: text,
  audiences: v.optional(v.array(text)),
  jwks,
  jwtValidationOptions: validationOptions,
};

const mode = v.picklist(['strict', 'optional', 'permissive']);

const singleJwtAuth = v.strictObject({ mode: v.optional(mode, 'optional'), ...provider });
const multiJwtAuth = v.strictObject({
  mode: v.optional(mode, 'optional'),
  providers: v.pipe(v.array(v.strictObject(provider)), v.minLength(1)),
});
const jwtAuth = v.lazy(input => (has(input, 'providers') ? multiJwtAuth : singleJwtAuth));

const mcpAuthentication = v.strictObject({
  mode: v.optional(mode, 'strict'),
  issuer: text,
  audiences: v.array(text),
  jwks,
  resourceMetadata: v.record(v.string(), v.unknown()),
  jwtValidationOptions: validationOptions,
});

const rule = v.lazy(input =>
  typeof input === 'string'
    ? text
    : has(input, 'deny')
      ? v.strictObject({ deny: text })
      : has(input, 'require')
        ? v.strictObject({ require: text })
        : v.strictObject({ allow: text }),
);
const ruleSet = v.strictObject({ rules: v.array(rule) });

const strings = v.optional(v.array(v.string()), []);
const cors = v.strictObject({
  allowOrigins: strings,
  allowHeaders: strings,
  allowMethods: strings,
  exposeHeaders: strings,
  allowCredentials: v.optional(v.boolean(), false),
});

const urlRewrite = v.strictObject({
  path: v.lazy(input =>
    has(input, 'full')
      ? v.strictObject({ full: v.pipe(text, v.startsWith('/')) })
      : v.strictObject({ prefix: v.pipe(text, v.startsWith('/')) }),
  ),
});

const backendTLS = v.strictObject({});
const backendAuth = v.strictObject({ passthrough: v.strictObject({}) });

/** How a path suffix of an AI route is read. The real gateway knows more; what is not here is refused at start. */
const aiRoute = v.picklist(['completions', 'passthrough', 'models']);

const policies = v.strictObject({
  cors: v.optional(cors),
  jwtAuth: v.optional(jwtAuth),
  mcpAuthentication: v.optional(mcpAuthentication),
  authorization: v.optional(ruleSet),
  mcpAuthorization: v.optional(ruleSet),
  urlRewrite: v.optional(urlRewrite),
  backendTLS: v.optional(backendTLS),
  backendAuth: v.optional(backendAuth),
  ai: v.optional(v.strictObject({ routes: v.optional(v.record(v.string(), aiRoute)) })),
});

const match = v.strictObject({
  path: v.lazy(input =>
    has(input, 'pathPrefix')
      ? v.strictObject({ pathPrefix: v.pipe(text, v.startsWith('/')) })
      : v.strictObject({ exact: v.pipe(text, v.startsWith('/')) }),
  ),
  method: v.optional(text),
  headers: v.optional(v.array(v.strictObject({ name: text, value: v.strictObject({ exact: v.string() }) })), []),
});

const hostPort = v.pipe(v.string(), v.regex(/^[^\s:/]+:\d{1,5}$/, 'expected host:port'));

const ai = v.strictObject({
  name: text,
  hostOverride: hostPort,
  provider: v.strictObject({ openAI: v.strictObject({ model: v.optional(text) }) }),
});

const targetPolicies = v.optional(
  v.strictObject({ backendTLS: v.optional(backendTLS), backendAuth: v.optional(backendAuth) }),
);

const target = v.strictObject({
  // A Gateway API section name: with an underscore in it, tool names could not be split again.
  name: v.pipe(
    v.string(),
    v.regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 'expected lowercase letters, digits, "-" or "."'),
  ),
  mcp: v.lazy(input =>
    has(input, 'port') || has(input, 'path')
      ? v.strictObject({
          host: text,
          port: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65535)),
          path: v.pipe(text, v.startsWith('/')),
        })
      : v.strictObject({ host: v.pipe(v.string(), v.url()) }),
  ),
  policies: targetPolicies,
});

const mcp = v.strictObject({
  targets: v.array(target),
  statefulMode: v.optional(v.picklist(['stateful']), 'stateful'),
  prefixMode: v.optional(v.picklist(['conditional', 'always', 'never']), 'conditional'),
  failureMode: v.optional(v.picklist(['failClosed', 'failOpen']), 'failClosed'),
});

const backend = v.lazy(input => (has(input, 'mcp') ? v.strictObject({ mcp }) : v.strictObject({ ai })));

const route = v.strictObject({
  name: text,
  // A name, or `*.` and the names under it. The other forms are refused at start.
  hostnames: v.optional(v.array(v.pipe(v.string(), v.regex(/^(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/))), []),
  matches: v.pipe(v.array(match), v.minLength(1)),
  policies: v.optional(policies, {}),
  backends: v.pipe(v.array(backend), v.length(1)),
});

const off = v.optional(v.literal('off'));

/** The whole file. Ports of administration, statistics and readiness are not served here: `off` is what we can honour. */
export const gatewayFileSchema = v.strictObject({
  config: v.optional(v.strictObject({ adminAddr: off, statsAddr: off, readinessAddr: off })),
  frontendPolicies: v.optional(
    v.strictObject({
      http: v.optional(v.strictObject({ maxBufferSize: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))) })),
      accessLog: v.optional(
        v.strictObject({
          filter: v.optional(text),
          add: v.optional(v.record(v.string(), text)),
          remove: v.optional(v.array(text)),
        }),
      ),
    }),
  ),
  // A gateway called `default` is the one that routes attach to when they name none.
  gateways: v.strictObject({
    default: v.strictObject({ port: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65535)) }),
  }),
  routes: v.pipe(v.array(route), v.minLength(1)),
});

export type GatewayFile = v.InferOutput<typeof gatewayFileSchema>;
export type RouteSpec = GatewayFile['routes'][number];
export type RoutePolicies = RouteSpec['policies'];
export type JwtAuthSpec = NonNullable<RoutePolicies['jwtAuth']>;
export type McpAuthenticationSpec = NonNullable<RoutePolicies['mcpAuthentication']>;
export type JwksSpec = McpAuthenticationSpec['jwks'];
export type RuleSpec = v.InferOutput<typeof rule>;
export type CorsSpec = v.InferOutput<typeof cors>;
export type McpSpec = v.InferOutput<typeof mcp>;
export type AiSpec = v.InferOutput<typeof ai>;
