import type { Authority } from './authority.ts';
import { decodeToken, textClaim } from './claims.ts';
import { identityError } from './errors.ts';
import type { UserToken } from './types.ts';

/**
 * Checks Tc on arrival: issued for the resource of the scope (its App ID URI, or the GUID in it: a blueprint's tokens are
 * v2.0, whose `aud` is the bare GUID), by the authority's tenant, with the scope, not expired. `scope` is
 * `api://<guid>/<name>`; `/.default` asks for no scope in particular. Throws `userToken.*` and `token.*`.
 */
export function checkUserToken(
  raw: string,
  user: { id: string; username: string; name?: string },
  expected: { authority: Authority; scope: string },
  now: number,
): UserToken {
  const { claims, expiresAt } = decodeToken(raw);
  const need = (name: string): string => {
    const value = textClaim(claims, name);
    if (!value) throw identityError('userToken.claimMissing', { claim: name });
    return value;
  };

  const slash = expected.scope.lastIndexOf('/');
  const resource = expected.scope.slice(0, slash);
  const scopeName = expected.scope.slice(slash + 1);
  const aud = need('aud');
  const wanted = [resource, resource.replace(/^api:\/\//, '')].map(value => value.toLowerCase());
  if (!wanted.includes(aud.toLowerCase()))
    throw identityError('userToken.wrongAudience', { expected: resource, actual: aud });

  const tid = need('tid');
  const { tenantId } = expected.authority;
  if (tenantId !== undefined && tid.toLowerCase() !== tenantId)
    throw identityError('userToken.wrongTenant', { expected: tenantId, actual: tid });

  const scp = need('scp');
  if (scopeName !== '.default' && !scp.split(' ').includes(scopeName))
    throw identityError('userToken.scopeMissing', { expected: scopeName, actual: scp });

  if (expiresAt === undefined) throw identityError('userToken.claimMissing', { claim: 'exp' });
  if (expiresAt <= now)
    throw identityError('userToken.expired', {
      expiredAt: new Date(expiresAt).toISOString(),
      now: new Date(now).toISOString(),
    });
  return { raw, expiresAt, account: { ...user, oid: need('oid'), tid } };
}
