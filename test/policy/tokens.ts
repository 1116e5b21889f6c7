import { exportJWK, generateKeyPair, importJWK, SignJWT, type CryptoKey, type JWK, type JWTPayload } from 'jose';
import type { PresentedToken } from '../../src/gateway/tokenCheck.ts';
import type { Random } from './random.ts';

export const V1_ISSUER = 'https://sts.windows.net/0aa0bb00-0000-4000-8000-00000000cccc/';
export const V2_ISSUER = 'https://login.microsoftonline.com/0aa0bb00-0000-4000-8000-00000000cccc/v2.0';
export const APP = 'c6e9d2f0-0000-4000-8000-000000000003';
export const AUDIENCE = `api://${APP}`;
export const AGENT = 'a4c7b0de-0000-4000-8000-000000000001';
export const OTHER = 'b5d8c1ef-0000-4000-8000-000000000002';

export interface TokenCase {
  name: string;
  /** Absent: the request has no token. */
  raw?: string;
  presented?: PresentedToken;
}

/** Throw-away keys of a run; `public` goes into the gateway's file. */
export interface Keys {
  private: JWK[];
  public: JWK[];
}

/** Two keys, so that a file can have several providers. */
export async function createKeys(): Promise<Keys> {
  const keys: Keys = { private: [], public: [] };
  for (const kid of ['key-1', 'key-2']) {
    const pair = await generateKeyPair('RS256', { extractable: true });
    keys.private.push({ ...(await exportJWK(pair.privateKey)), kid });
    keys.public.push({ ...(await exportJWK(pair.publicKey)), kid, use: 'sig' });
  }
  return keys;
}

type Claims = Readonly<Record<string, unknown>>;

/** Shapes of the claims that rules look at, usual and odd. */
const SHAPES: Record<string, readonly unknown[]> = {
  appid: [AGENT, AGENT, AGENT, OTHER, undefined, '', null],
  azp: [undefined, undefined, AGENT, OTHER],
  xms_act_fct: ['3 9 11', '11 9 3', '9 11 3', '3 9', '110 9', '', undefined, null, ['3', '9', '11'], 11],
  xms_par_app_azp: ['blueprint', undefined],
  idtyp: ['user', 'app', undefined],
  scp: ['access_as_user', 'access_as_user other.scope', undefined],
  roles: [undefined, ['reader', 'writer'], ['admin'], [], ['reader', 7], 'reader', [7, 'admin']],
  level: [undefined, 0, 1, 2, 1.5, -3, '2', true],
  tier: [undefined, 'gold', 'free', null],
  nested: [undefined, { team: 'red' }, { team: 'blue', deep: { er: 'x' } }, 'flat'],
  name: ['Ada', 'Ädä ☃', '', undefined],
  upn: ['ada@contoso.example', 'ADA@CONTOSO.EXAMPLE', undefined],
  'https://contoso.example/groups': [undefined, ['g1', 'g2']],
};

/** Claims as a tenant might issue them, with anything in them that a rule may look at. */
function randomClaims(random: Random, now: number): Claims {
  const v2 = random.chance(0.25);
  const drawn = Object.entries(SHAPES).map(([name, shapes]) => [name, random.pick(shapes)] as const);
  return {
    ...{ iss: V1_ISSUER, aud: AUDIENCE, sub: 'pairwise', oid: 'user-oid', ver: '1.0', iat: now - 300, exp: now + 3600 },
    ...Object.fromEntries(drawn),
    ...(v2 && { iss: V2_ISSUER, aud: APP, ver: '2.0', appid: undefined, azp: AGENT }),
  };
}

interface Draft {
  name: string;
  claims: Claims;
  header?: Claims;
  /** `forged`: signed by a key that only says that it is the other. */
  key?: 0 | 1 | 'forged';
}

/** What a gateway looks at before any rule, one departure each. */
function departures(now: number): Omit<Draft, 'name'>[] {
  const good = { iss: V1_ISSUER, aud: AUDIENCE, sub: 'pairwise', appid: AGENT, xms_act_fct: '3 9 11', exp: now + 3600 };
  const claims: Claims[] = [
    ...[{}, { iss: undefined }, { iss: V2_ISSUER }, { iss: 7 }, { iss: [V1_ISSUER, 'https://other'] }, { iss: ['x'] }],
    ...[{ aud: undefined }, { aud: APP }, { aud: [AUDIENCE, 'x'] }, { aud: ['x'] }, { aud: 7 }, { aud: [] }],
    ...[{ aud: `${AUDIENCE}/` }, { aud: AUDIENCE.toUpperCase() }],
    ...[{ exp: undefined }, { exp: now - 10 }, { exp: now - 90 }, { exp: now + 0.5 }, { exp: now - 600.5 }],
    ...[{ nbf: now + 600 }, { nbf: 'soon' }, { sub: undefined }, { sub: 7 }],
  ];
  const headers: Claims[] = [
    { kid: undefined },
    { kid: 'nobody' },
    { alg: 'PS256' },
    { alg: 'RS512' },
    { typ: 'at+jwt' },
  ];
  return [
    ...claims.map(changed => ({ claims: { ...good, ...changed } })),
    ...headers.map(header => ({ claims: good, header })),
    ...([1, 'forged'] as const).map(key => ({ claims: good, key })),
    { claims: { ...good, iss: V2_ISSUER, aud: APP }, key: 1 },
  ];
}

/** No token, one departure from a good one each, and `count` with random claims. `now` is in seconds. */
export async function makeTokens(random: Random, keys: Keys, now: number, count: number): Promise<TokenCase[]> {
  const drafts: Draft[] = [
    ...departures(now).map((draft, index) => ({ ...draft, name: `departure ${index}` })),
    ...Array.from({ length: count }, (_, index) => ({ name: `random ${index}`, claims: randomClaims(random, now) })),
  ];
  const forger = (await generateKeyPair('RS256')).privateKey;
  return [{ name: 'none' }, ...(await Promise.all(drafts.map(draft => sign(draft, keys, forger))))];
}

async function sign({ name, claims, header = {}, key = 0 }: Draft, keys: Keys, forger: CryptoKey): Promise<TokenCase> {
  const payload = JSON.parse(JSON.stringify(claims)) as JWTPayload;
  const full = { alg: 'RS256', kid: keys.public[key === 1 ? 1 : 0]!.kid, ...header };
  for (const [field, value] of Object.entries(full)) if (value === undefined) delete full[field as keyof typeof full];
  const signer = key === 'forged' ? forger : await importJWK(keys.private[key]!, full.alg);
  const raw = await new SignJWT(payload).setProtectedHeader(full).sign(signer);
  const signature = key === 'forged' ? 'invalid' : 'valid';
  return {
    name: `${name} ${JSON.stringify({ ...header, ...payload })}`,
    raw,
    presented: { header: full, claims: payload, signature },
  };
}
