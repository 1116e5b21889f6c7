import { redact } from '../base/redact.ts';

/** Forms of secrets, each with the name that a refusal gives. What `redact` hides is hidden before. */
const FORMS: readonly (readonly [kind: string, form: RegExp])[] = [
  ['private key', /-----BEGIN [A-Z ]*PRIVATE KEY-----[^]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g],
  ['token', /\beyJ[\w-]{6,}\.[\w-]{6,}/g],
  ['bearer', /\bBearer\s+(?!‹)[\w.~+/=-]{8,}/gi],
  // Entra's client secrets, by the mark in their middle (Microsoft Purview, "Azure AD client secret")
  ['client secret', /[\w.~-]{3}\dQ~[\w.~-]{31,34}/g],
  ['API key', /\bsk-[\w-]{16,}|\bgh[pousr]_\w{20,}/g],
  [
    'kubeconfig credential',
    /\b(?:token|password|client-key-data|client-certificate-data|id-token|refresh-token)"?\s*:\s*"?(?!‹)[^\s",}‹]{12,}/gi,
  ],
  ['credentials in an address', /\/\/[^\s/@"‹]+:[^\s/@"]+@/g],
  ['signature of an address', /[?&]sig=[\w%+/=-]{8,}/g],
  // anything else that is long, and neither a name nor a GUID
  ['long value', /(?=\w*\d)(?=\w*[A-Za-z])[A-Za-z0-9+/=_]{40,}/g],
];

/** Text without whatever has the form of a secret. */
export function hideSecrets(text: string): string {
  return FORMS.reduce((rest, [kind, form]) => rest.replace(form, `‹${kind}›`), redact(text));
}

/** Of a known secret no 24 characters in a row are to be seen: each such run holds one of these pieces. */
const PIECE = 16;
const STEP = 8;

function piecesOf(secret: string): string[] {
  if (secret.length <= PIECE) return secret ? [secret] : [];
  const count = Math.ceil((secret.length - PIECE) / STEP) + 1;
  return Array.from({ length: count }, (_, at) => secret.slice(at * STEP, at * STEP + PIECE));
}

/** What in a text still looks like a secret, or is a piece of one of those that are known; each kind once. */
export function findSecrets(text: string, known: readonly string[]): string[] {
  const kinds = FORMS.filter(([, form]) => text.search(form) >= 0).map(([kind]) => kind);
  const leaked = known.flatMap(piecesOf).some(piece => text.includes(piece));
  return leaked ? [...kinds, 'known secret'] : kinds;
}
