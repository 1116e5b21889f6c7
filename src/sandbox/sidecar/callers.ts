import { compactVerify, createRemoteJWKSet, customFetch, decodeJwt, errors, type JWTPayload } from 'jose';
import type { World } from '../world.ts';
import type { EntraFetch } from './entraFetch.ts';
import type { SidecarSettings } from './settings.ts';

/** A caller's own token, checked. */
export interface Caller {
  readonly raw: string;
  readonly claims: JWTPayload;
}

/** Why a bearer was refused: the `error_description` of the challenge, or none when no reason is given. */
export class BearerRefused extends Error {
  readonly challenge: string;

  constructor(description?: string, error = 'invalid_token') {
    super(description ?? 'no description');
    this.challenge = `Bearer error="${error}"${description ? `, error_description="${description}"` : ''}`;
  }
}

/** The tolerance of the ASP.NET bearer middleware, in seconds. */
const CLOCK_SKEW = 300;

/**
 * The check of a caller's token against Entra's key set, in the middleware's order: signature, lifetime, audience,
 * issuer. The audience of a v2 token is the client id, that of a v1 token its `api://` URI.
 */
export function createCallerCheck(options: {
  world: World;
  settings: SidecarSettings;
  issuers: readonly string[];
  fetch: EntraFetch;
  /** `AzureAd__Audience`, where it is set: it takes the place of the blueprint. */
  audience: () => string | undefined;
}): (authorization: string | undefined) => Promise<Caller | undefined> {
  const { world, issuers, settings } = options;
  const { clientId } = settings;
  const keys = createRemoteJWKSet(new URL(`${settings.tenantId}/discovery/v2.0/keys`, settings.instance), {
    [customFetch]: options.fetch,
  });
  const date = (seconds: number) => {
    const [day = '', time = ''] = new Date(seconds * 1000).toISOString().split(/[T.]/);
    return `${day.slice(5, 7)}/${day.slice(8)}/${day.slice(0, 4)} ${time}`;
  };
  return async authorization => {
    const raw = /^Bearer\s+(\S+)$/i.exec(authorization ?? '')?.[1];
    if (!raw) return undefined;
    let claims: JWTPayload;
    try {
      claims = decodeJwt(raw);
      await compactVerify(raw, keys, { algorithms: ['RS256'] });
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey) throw new BearerRefused('The signature key was not found');
      if (error instanceof errors.JWSSignatureVerificationFailed) throw new BearerRefused('The signature is invalid');
      if (error instanceof errors.JOSEError && error.code !== 'ERR_JWKS_TIMEOUT') throw new BearerRefused();
      throw error;
    }
    const now = world.clock.now() / 1000;
    if (claims.exp === undefined || now > claims.exp + CLOCK_SKEW)
      throw new BearerRefused(`The token expired at '${date(claims.exp ?? 0)}'`);
    if (claims.nbf !== undefined && now < claims.nbf - CLOCK_SKEW)
      throw new BearerRefused(`The token is not valid before '${date(claims.nbf)}'`);
    const audience = [claims.aud ?? ''].flat().join(', ');
    if (audience !== (options.audience() ?? (claims.ver === '2.0' ? clientId : `api://${clientId}`)))
      throw new BearerRefused(`The audience '${audience}' is invalid`);
    if (!issuers.includes(claims.iss ?? '')) throw new BearerRefused(`The issuer '${claims.iss}' is invalid`);
    return { raw, claims };
  };
}
