import { AgentIdError } from '../base/errors.ts';
import { decodeToken, type DecodedToken } from './claims.ts';
import { shown } from './display.ts';
import { parseJson } from './http.ts';

/** What somebody pasted to have it explained. Nothing is asked of any network. */
export type Pasted =
  | { kind: 'token'; raw: string; token: DecodedToken }
  /** A JWE (RFC 7516): encrypted for its audience, so only the header can be read. */
  | { kind: 'encrypted'; header: Readonly<Record<string, string>> }
  /** `opaque`: no JWT, so nobody but its issuer can read it; length in characters. */
  | { kind: 'unreadable'; why: 'empty' | 'opaque' | 'malformed' | 'tooLarge'; length: number };

/** More than any answer of a token endpoint or log line that a token is cut from. */
const MAX_TEXT = 256 * 1024;
/** Names under which answers of Entra and of the sidecar carry a token, the likeliest first. */
const FIELDS = [
  'access_token',
  'accessToken',
  'authorizationHeader',
  'Authorization',
  'authorization',
  'token',
  'id_token',
];
const IN_ADDRESS = /(?:^|[?#&])(?:access_token|id_token)=([^&#\s]+)/;
const AROUND = '"\'`<>,; \n';
const RUNS = /[\w.-]+/g;

/**
 * Finds the token in a text that may have `Bearer` before it, quotes around it or line breaks in it, that may be an answer
 * of the sidecar or of a token endpoint in JSON, or the address that a browser was sent to.
 */
export function inspectPasted(text: string): Pasted {
  if (text.length > MAX_TEXT) return { kind: 'unreadable', why: 'tooLarge', length: text.length };
  const candidate = unwrap(text);
  if (!candidate) return { kind: 'unreadable', why: 'empty', length: 0 };
  const raw = [candidate.replace(/\s+/g, ''), ...(candidate.match(RUNS) ?? [])].find(isCompact);
  if (!raw)
    return { kind: 'unreadable', why: candidate.includes('eyJ') ? 'malformed' : 'opaque', length: candidate.length };
  return raw.split('.').length === 5 ? encrypted(raw) : signed(raw);
}

function unwrap(text: string): string {
  const trimmed = text.trim();
  const json = /^[{"]/.test(trimmed) ? parseJson(trimmed) : undefined;
  const inner = typeof json === 'string' ? json : (field(json) ?? trimmed);
  const inAddress = IN_ADDRESS.exec(inner)?.[1];
  if (inAddress) return decodeAddress(inAddress);
  return unquote(
    inner
      .trim()
      .replace(/^authorization\s*:\s*/i, '')
      .replace(/^bearer\s+/i, ''),
  );
}

/** Without the quotes and the like that surround it. Not by an expression: at the end of a text that would not be linear. */
function unquote(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && AROUND.includes(text.charAt(start))) start++;
  while (end > start && AROUND.includes(text.charAt(end - 1))) end--;
  return text.slice(start, end);
}

function field(json: unknown): string | undefined {
  if (typeof json !== 'object' || json === null) return undefined;
  for (const name of FIELDS) {
    const value: unknown = Object.hasOwn(json, name) ? (json as Record<string, unknown>)[name] : undefined;
    if (typeof value === 'string') return value;
  }
  return undefined;
}

function decodeAddress(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Three parts for a signed token (RFC 7515 §3.1; the last is empty when nobody signed), five for an encrypted one. */
function isCompact(text: string): boolean {
  if (!text.startsWith('eyJ') || !/^[\w.-]+$/.test(text)) return false;
  const parts = text.split('.').length;
  return parts === 3 || parts === 5;
}

function signed(raw: string): Pasted {
  try {
    return { kind: 'token', raw, token: decodeToken(raw) };
  } catch (error) {
    if (!AgentIdError.is(error)) throw error;
    return { kind: 'unreadable', why: error.code === 'token.tooLarge' ? 'tooLarge' : 'malformed', length: raw.length };
  }
}

function encrypted(raw: string): Pasted {
  const header = parseJson(Buffer.from(raw.slice(0, raw.indexOf('.')), 'base64url').toString('utf8'));
  if (typeof header !== 'object' || header === null)
    return { kind: 'unreadable', why: 'malformed', length: raw.length };
  return {
    kind: 'encrypted',
    header: Object.fromEntries(Object.entries(header).map(([k, v]) => [shown(k), shown(v)])),
  };
}
