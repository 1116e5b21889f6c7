import { createHash, randomBytes, randomInt } from 'node:crypto';

/** A random string of the base64url alphabet, for the claims whose content nobody outside may rely on. */
export function opaque(bytes: number): string {
  return randomBytes(bytes).toString('base64url');
}

/**
 * A list claim such as `xms_act_fct`: the meaningful numbers, which are always odd, in random order with one even
 * number among them that means nothing. Clients must split, and neither compare the whole text nor rely on an order.
 */
export function noisyList(numbers: readonly number[]): string {
  const list = [...numbers, 2 * randomInt(1, 17)];
  for (let i = list.length - 1; i > 0; i--) {
    const j = randomInt(i + 1);
    [list[i], list[j]] = [list[j]!, list[i]!];
  }
  return list.join(' ');
}

/** A pairwise subject: the same user has another one at each application. */
export function pairwise(oid: string, appId: string): string {
  return createHash('sha256').update(`${oid}|${appId}`).digest('base64url');
}

/** A GUID as Entra packs it into the `sub` of a T1: base64url of its bytes in .NET order (first three groups reversed). */
export function packedGuid(guid: string): string {
  const [a = '', b = '', c = '', ...rest] = guid.split('-');
  const reversed = [a, b, c].map(group => Buffer.from(group, 'hex').reverse());
  return Buffer.concat([...reversed, Buffer.from(rest.join(''), 'hex')]).toString('base64url');
}
