import * as v from 'valibot';

/** One CEL rule; a bare string in the file is `allow`. */
export interface Rule {
  mode: 'allow' | 'require' | 'deny';
  expression: string;
  /** Line of the gateway's file, from 1; absent where the same text stands in several places. */
  line?: number;
}

/** Where a provider's keys come from. Of an inline set we know which keys it has. */
export type KeySource =
  | { kind: 'inline'; keys: { kid: string; algorithms: string[] }[] }
  | { kind: 'file' | 'url'; location: string }
  | { kind: 'derived' };

export interface TokenProvider {
  issuer: string;
  /** Absent: any audience will do. */
  audiences?: string[];
  requiredClaims: string[];
  keys: KeySource;
}

/** `jwtAuth` or `mcpAuthentication`: both fill the same slot (v1.4.1 crates/agentgateway/src/types/local.rs). */
export interface TokenPolicy {
  kind: 'jwtAuth' | 'mcpAuthentication';
  mode: 'strict' | 'optional' | 'permissive';
  providers: TokenProvider[];
}

/** What one `policies` block says about who may pass. */
export interface Policies {
  token?: TokenPolicy;
  authorization: Rule[];
  mcpAuthorization: Rule[];
  /** Fields that may refuse a request, or answer it, by what we cannot see or cannot read. */
  unread: string[];
}

/** A list of which only the well-formed items count; anything else is an empty list. */
export const listOf = <T extends v.GenericSchema>(item: T) =>
  v.fallback(
    v.pipe(
      v.array(v.unknown()),
      v.transform(items =>
        items.flatMap(value => {
          const parsed = v.safeParse(item, value);
          return parsed.success ? [parsed.output] : [];
        }),
      ),
    ),
    [],
  );

/**
 * Policies that decide by more than the token: another credential, a service that is asked, an answer of their own.
 * Rate limits are not among them: they are about how much, not about who.
 */
const BEYOND_US = [
  ...['oidc', 'basicAuth', 'apiKey', 'extAuthz', 'extProc', 'csrf'],
  ...['directResponse', 'requestRedirect', 'mcpGuardrails'],
];

const RuleSchema = v.union([
  v.pipe(
    v.string(),
    v.transform((expression): Rule => ({ mode: 'allow', expression })),
  ),
  ...(['allow', 'require', 'deny'] as const).map(mode =>
    v.pipe(
      v.strictObject({ [mode]: v.string() }),
      v.transform((rule): Rule => ({ mode, expression: rule[mode]! })),
    ),
  ),
]);
const RuleSet = v.object({ rules: v.array(v.unknown()) });

/** What a key may sign with when its JWK does not say (v1.4.1 crates/agentgateway/src/http/jwt.rs `from_jwks`). */
const ALGORITHMS: Record<string, string[]> = {
  RSA: ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  EC: ['ES256', 'ES384'],
  OKP: ['EdDSA'],
};
const Key = v.pipe(
  v.object({ kid: v.string(), kty: v.string(), alg: v.optional(v.string()) }),
  v.transform(({ kid, kty, alg }) => ({ kid, algorithms: alg === undefined ? (ALGORITHMS[kty] ?? []) : [alg] })),
);
const KeySet = v.pipe(v.string(), v.parseJson(), v.object({ keys: v.array(Key) }));
const Keys = v.union([
  v.pipe(
    KeySet,
    v.transform(({ keys }): KeySource => ({ kind: 'inline', keys })),
  ),
  v.pipe(
    v.object({ file: v.string() }),
    v.transform(({ file }): KeySource => ({ kind: 'file', location: file })),
  ),
  v.pipe(
    v.object({ url: v.string() }),
    v.transform(({ url }): KeySource => ({ kind: 'url', location: url })),
  ),
]);
const providerEntries = {
  issuer: v.string(),
  audiences: v.nullish(v.array(v.string())),
  jwks: v.nullish(Keys, null),
  jwtValidationOptions: v.nullish(v.object({ requiredClaims: v.optional(v.array(v.string()), ['exp']) })),
};
const toProvider = (block: v.InferOutput<v.ObjectSchema<typeof providerEntries, undefined>>): TokenProvider => ({
  issuer: block.issuer,
  ...(block.audiences && { audiences: block.audiences }),
  requiredClaims: block.jwtValidationOptions?.requiredClaims ?? ['exp'],
  keys: block.jwks ?? { kind: 'derived' },
});
const Provider = v.pipe(v.object(providerEntries), v.transform(toProvider));
const mode = v.optional(v.picklist(['strict', 'optional', 'permissive']));
const Token = v.union([
  v.object({ mode, providers: v.array(Provider) }),
  v.pipe(
    v.object({ mode, ...providerEntries }),
    v.transform(block => ({ mode: block.mode, providers: [toProvider(block)] })),
  ),
]);

/**
 * Reads a `policies` block of a route, a backend or a gateway, of which it takes what concerns the caller. What is there
 * in a shape that we do not know is named in `unread`: to leave it out would be to guess that it lets everyone pass.
 */
export function readPolicies(value: unknown): Policies {
  const result: Policies = { authorization: [], mcpAuthorization: [], unread: [] };
  if (value === undefined || value === null) return result;
  if (typeof value !== 'object' || Array.isArray(value)) return { ...result, unread: ['policies'] };
  const block = value as Readonly<Record<string, unknown>>;
  const given = (name: string) => Object.hasOwn(block, name) && block[name] !== null;
  result.unread.push(...BEYOND_US.filter(given));
  for (const name of ['authorization', 'mcpAuthorization'] as const) {
    if (!given(name)) continue;
    const set = v.safeParse(RuleSet, block[name]);
    const rules = (set.success ? set.output.rules : [null]).map(rule => v.safeParse(RuleSchema, rule));
    if (rules.some(rule => !rule.success)) result.unread.push(name);
    result[name].push(...rules.flatMap(rule => (rule.success ? [rule.output] : [])));
  }
  for (const kind of ['jwtAuth', 'mcpAuthentication'] as const) {
    if (!given(kind)) continue;
    const parsed = v.safeParse(Token, block[kind]);
    if (!parsed.success || readsElsewhere(block[kind])) result.unread.push(kind);
    if (!parsed.success) continue;
    const { mode: written, providers } = parsed.output;
    result.token = { kind, mode: written ?? (kind === 'jwtAuth' ? 'optional' : 'strict'), providers };
  }
  return result;
}

const Elsewhere = v.object({ location: v.optional(v.unknown()), authorizationLocation: v.optional(v.unknown()) });
const Bearer = v.object({
  header: v.object({
    name: v.pipe(v.string(), v.toLowerCase(), v.literal('authorization')),
    prefix: v.pipe(v.string(), v.toLowerCase(), v.literal('bearer ')),
  }),
});

/** True when the token is not expected where we put it, in `Authorization: Bearer`. */
function readsElsewhere(block: unknown): boolean {
  const parsed = v.safeParse(Elsewhere, block);
  const place = parsed.success ? (parsed.output.location ?? parsed.output.authorizationLocation) : undefined;
  return place !== undefined && place !== null && !v.is(Bearer, place);
}
