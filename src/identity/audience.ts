import { WELL_KNOWN_RESOURCES } from './wellKnown.ts';

const GUID = /^(?:api:\/\/)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/**
 * True when two audiences name one resource. Entra writes it in several ways: in v1.0 tokens as it was asked for, with or
 * without a trailing slash, in v2.0 tokens as the application's GUID (Microsoft Learn, "Access token claims reference").
 */
export function sameAudience(a: string, b: string): boolean {
  const others = spellings(b);
  return spellings(a).some(one => others.includes(one));
}

function spellings(audience: string): string[] {
  const written = audience.toLowerCase().replace(/\/$/, '');
  const guid = GUID.exec(written)?.[1];
  const known = WELL_KNOWN_RESOURCES.get(written);
  return [written, ...(guid ? [guid, `api://${guid}`] : []), ...(known ? [known] : [])];
}
