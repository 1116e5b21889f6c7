import { createPublicKey, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { compactVerify, errors } from 'jose';
import * as v from 'valibot';
import type { JwksSpec, JwtAuthSpec } from './schema.ts';

export type Claims = Readonly<Record<string, unknown>>;

/** Why a token was refused, in the words of AgentGateway (`TokenError`, crates/agentgateway/src/http/jwt.rs). */
export class TokenError extends Error {}

const invalid = (kind: string) => new TokenError(`the token is invalid or malformed: Error(${kind})`);
const badHeader = (kind: string) => new TokenError(`the token header is malformed: Error(${kind})`);

/** jsonwebtoken's `Validation::leeway`, seconds. */
const LEEWAY = 60;
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];

interface Key {
  key: KeyObject;
  algorithms: string[];
  issuer: string;
  audiences: string[] | undefined;
  required: string[];
}

const jwksSchema = v.object({
  keys: v.array(v.looseObject({ kid: v.string(), kty: v.literal('RSA'), alg: v.optional(v.picklist(ALGORITHMS)) })),
});

/** What a `jwtAuth` or `mcpAuthentication` block asks of a request's token. */
export class TokenValidator {
  readonly #mode: JwtAuthSpec['mode'];
  /** The first provider that has a `kid` is the one that counts, whatever issuer the token names. */
  readonly #keys: ReadonlyMap<string, Key>;
  readonly #now: () => number;

  private constructor(mode: JwtAuthSpec['mode'], keys: ReadonlyMap<string, Key>, now: () => number) {
    this.#mode = mode;
    this.#keys = keys;
    this.#now = now;
  }

  /** Loads the key sets; rejects when one cannot be read, which fails the start as in AgentGateway. */
  static async load(spec: JwtAuthSpec, now: () => number): Promise<TokenValidator> {
    const keys = new Map<string, Key>();
    for (const provider of 'providers' in spec ? spec.providers : [spec]) {
      for (const jwk of await loadJwks(provider.jwks)) {
        if (keys.has(jwk.kid)) continue;
        keys.set(jwk.kid, {
          key: createPublicKey({ key: jwk, format: 'jwk' }),
          algorithms: jwk.alg ? [jwk.alg] : ALGORITHMS,
          issuer: provider.issuer,
          audiences: provider.audiences,
          required: provider.jwtValidationOptions?.requiredClaims ?? ['exp'],
        });
      }
    }
    return new TokenValidator(spec.mode, keys, now);
  }

  /**
   * The claims and the token of a request, or undefined where the mode lets it go on without. Throws TokenError where
   * the mode refuses it.
   */
  async apply(authorization: string | undefined): Promise<{ claims: Claims; token: string } | undefined> {
    const token = /^bearer /i.test(authorization ?? '') ? authorization?.slice('bearer '.length) : undefined;
    if (token === undefined) {
      if (this.#mode === 'strict') throw new TokenError('no bearer token found');
      return undefined;
    }
    try {
      return { claims: await this.#validate(token), token };
    } catch (error) {
      if (this.#mode === 'permissive' && error instanceof TokenError) return undefined;
      throw error;
    }
  }

  async #validate(token: string): Promise<Claims> {
    const { kid, alg } = decodeHeader(token);
    if (kid === undefined) throw new TokenError('the token header does not specify a `kid`');
    const key = this.#keys.get(kid);
    if (!key) throw new TokenError(`token uses the unknown key ${JSON.stringify(kid)}`);
    if (!key.algorithms.includes(alg)) throw invalid('InvalidAlgorithm');
    let payload: Uint8Array;
    try {
      ({ payload } = await compactVerify(token, key.key, { algorithms: key.algorithms }));
    } catch (error) {
      throw invalid(error instanceof errors.JOSEError ? 'InvalidSignature' : 'InvalidToken');
    }
    const claims = parseObject(Buffer.from(payload).toString('utf8'));
    if (!claims) throw invalid('Json(Error("expected value", line: 1, column: 1))');
    checkClaims(claims, key, this.#now() / 1000);
    return claims;
  }
}

/** The order of jsonwebtoken's `validate`: presence, expiry, issuer, audience. `nbf` is not looked at. */
function checkClaims(claims: Claims, key: Key, now: number): void {
  const texts = (value: unknown): string[] | undefined =>
    typeof value === 'string'
      ? [value]
      : Array.isArray(value) && value.every(part => typeof part === 'string')
        ? value
        : undefined;
  const present: Record<string, boolean> = {
    exp: typeof claims.exp === 'number' && claims.exp >= 0,
    nbf: typeof claims.nbf === 'number' && claims.nbf >= 0,
    iss: texts(claims.iss) !== undefined,
    aud: texts(claims.aud) !== undefined,
    sub: typeof claims.sub === 'string',
  };
  for (const name of key.required)
    if (present[name] === false) throw invalid(`MissingRequiredClaim(${JSON.stringify(name)})`);
  if (claims.exp !== undefined && claims.exp !== null) {
    if (!present.exp) throw invalid('InvalidClaimFormat("exp")');
    if (Math.round(Number(claims.exp)) < Math.floor(now) - LEEWAY) throw invalid('ExpiredSignature');
  }
  const issuers = texts(claims.iss);
  if (issuers && !issuers.includes(key.issuer)) throw invalid('InvalidIssuer');
  const audiences = texts(claims.aud);
  if (key.audiences && audiences && !audiences.some(value => key.audiences?.includes(value)))
    throw invalid('InvalidAudience');
}

function decodeHeader(token: string): { kid?: string; alg: string } {
  const parts = token.split('.');
  if (parts.length < 3) throw badHeader('InvalidToken');
  const encoded = parts.slice(0, -2).join('.');
  const wrong = encoded.search(/[^\w-]/);
  if (wrong >= 0) throw badHeader(`Base64(InvalidByte(${wrong}, ${encoded.charCodeAt(wrong)}))`);
  const header = parseObject(Buffer.from(encoded, 'base64url').toString('utf8'));
  if (!header) throw badHeader('Json(Error("expected value", line: 1, column: 1))');
  const { alg, kid } = header;
  if (typeof alg !== 'string') throw badHeader('Json(Error("missing field `alg`", line: 1, column: 1))');
  if (!/^(HS|RS|PS|ES)(256|384|512)$|^EdDSA$/.test(alg))
    throw badHeader(`Json(Error("unknown variant \`${alg.replace(/[^\w-]/g, '')}\`", line: 1, column: 1))`);
  return typeof kid === 'string' ? { kid, alg } : { alg };
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return v.is(v.record(v.string(), v.unknown()), value) ? value : undefined;
  } catch {
    return undefined;
  }
}

async function loadJwks(source: JwksSpec) {
  let text: string;
  if (typeof source === 'string') text = source;
  else if ('file' in source) text = await readFile(source.file, 'utf8');
  else {
    const response = await fetch(source.url);
    if (!response.ok) throw new Error(`failed to load JWKS: ${source.url} answered ${response.status}`);
    text = await response.text();
  }
  const result = v.safeParse(jwksSchema, JSON.parse(text));
  if (!result.success) throw new Error(`failed to load JWKS: ${result.issues[0].message}`);
  return result.output.keys;
}
