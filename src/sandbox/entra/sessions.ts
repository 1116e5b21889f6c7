import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import type { Application, User } from '../world.ts';

/** One sign-in of one user at one client. */
export interface Session {
  readonly id: string;
  readonly user: User;
  readonly client: Application;
  /** Ids of the policies whose claims challenge the sign-in passed. */
  readonly policies: readonly string[];
  /** The sign-in came after the last change of the conditional-access switch. */
  readonly policyRound: number;
}

export interface DeviceCode {
  readonly deviceCode: string;
  readonly userCode: string;
  readonly client: Application;
  readonly scope: string;
  readonly claims: string | undefined;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  state: 'pending' | 'declined' | 'redeemed' | Session;
}

export interface RefreshToken {
  readonly session: Session;
  readonly clientId: string;
  readonly scope: string;
}

export interface AuthorizationCode {
  readonly session: Session;
  readonly scope: string;
  readonly redirectUri: string;
  /** S256 challenge of PKCE (RFC 7636). */
  readonly challenge: string;
  readonly nonce: string | undefined;
  readonly expiresAt: number;
}

/** Letters and digits that nobody confuses when typing a code. */
const CODE_ALPHABET = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789';
const CODE_LENGTH = 9;

/** What the tenant remembers between requests: device codes, authorization codes, refresh tokens, sign-ins. */
export class Sessions {
  readonly #sessions = new Map<string, Session>();
  readonly #deviceCodes = new Map<string, DeviceCode>();
  readonly #authorizationCodes = new Map<string, AuthorizationCode>();
  readonly #refreshTokens = new Map<string, RefreshToken>();
  readonly #revoked = new Set<string>();
  #policyRound = 0;

  get refreshTokens(): number {
    return this.#refreshTokens.size;
  }

  get policyRound(): number {
    return this.#policyRound;
  }

  /** From now on only new sign-ins count as having met the conditional-access policy. */
  policyChanged(): void {
    this.#policyRound++;
  }

  signIn(user: User, client: Application, claims: string | undefined): Session {
    const policies = challengedPolicies(claims);
    const session: Session = { id: randomUUID(), user, client, policies, policyRound: this.#policyRound };
    this.#sessions.set(session.id, session);
    return session;
  }

  /** The sign-in that a token's `sid` names. */
  session(id: unknown): Session | undefined {
    return typeof id === 'string' ? this.#sessions.get(id) : undefined;
  }

  newDeviceCode(request: Pick<DeviceCode, 'client' | 'scope' | 'claims' | 'expiresAt'>): DeviceCode {
    const userCode = Array.from({ length: CODE_LENGTH }, () => CODE_ALPHABET[randomInt(CODE_ALPHABET.length)]).join('');
    const code: DeviceCode = { ...request, userCode, deviceCode: opaque('GAQABAAEAAAD', 96), state: 'pending' };
    this.#deviceCodes.set(code.deviceCode, code);
    return code;
  }

  deviceCode(deviceCode: string): DeviceCode | undefined {
    return this.#deviceCodes.get(deviceCode);
  }

  /** A code as the user typed it: case, spaces and dashes don't matter. */
  userCode(typed: string): DeviceCode | undefined {
    const userCode = typed.toUpperCase().replace(/[\s-]/g, '');
    return [...this.#deviceCodes.values()].find(code => code.userCode === userCode);
  }

  newAuthorizationCode(code: AuthorizationCode): string {
    const text = opaque('1.', 96);
    this.#authorizationCodes.set(text, code);
    return text;
  }

  /** Hands a code out once. */
  takeAuthorizationCode(text: string): AuthorizationCode | undefined {
    const code = this.#authorizationCodes.get(text);
    this.#authorizationCodes.delete(text);
    return code;
  }

  newRefreshToken(token: RefreshToken): string {
    const text = opaque('1.', 256);
    this.#refreshTokens.set(text, token);
    return text;
  }

  /** What a refresh token stands for; Entra keeps a used one alive beside its successor. */
  refreshToken(text: string): RefreshToken | 'revoked' | undefined {
    return this.#revoked.has(text) ? 'revoked' : this.#refreshTokens.get(text);
  }

  revokeAll(): void {
    for (const text of this.#refreshTokens.keys()) this.#revoked.add(text);
    this.#refreshTokens.clear();
  }
}

function opaque(prefix: string, bytes: number): string {
  return prefix + randomBytes(bytes).toString('base64url');
}

/** The `capolids` values of a claims request; none when it is not one. */
function challengedPolicies(claims: string | undefined): string[] {
  if (!claims) return [];
  try {
    const request = JSON.parse(claims) as { access_token?: { capolids?: { values?: unknown } } };
    const values = request.access_token?.capolids?.values;
    return Array.isArray(values) ? values.filter(value => typeof value === 'string') : [];
  } catch {
    return [];
  }
}
