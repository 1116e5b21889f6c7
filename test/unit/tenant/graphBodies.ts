// Bodies that Graph takes, without a field too many.
import * as v from 'valibot';
import { ADMIN } from './directory.ts';

export const guid = v.pipe(v.string(), v.uuid());
export const text = v.pipe(v.string(), v.nonEmpty());
export const Tags = v.array(text);
export const sponsors = v.pipe(v.array(v.literal(`https://graph.microsoft.com/v1.0/users/${ADMIN}`)), v.length(1));
export const Scope = v.strictObject({
  id: guid,
  value: text,
  type: v.literal('User'),
  isEnabled: v.boolean(),
  adminConsentDisplayName: v.pipe(text, v.maxLength(100)),
  adminConsentDescription: text,
  userConsentDisplayName: v.pipe(text, v.maxLength(100)),
  userConsentDescription: text,
});
export const Expose = v.strictObject({
  identifierUris: v.array(text),
  api: v.strictObject({
    oauth2PermissionScopes: v.array(Scope),
    requestedAccessTokenVersion: v.optional(v.literal(1)),
  }),
});
export const PreAuthorize = v.strictObject({
  api: v.strictObject({
    preAuthorizedApplications: v.array(v.strictObject({ appId: guid, delegatedPermissionIds: v.array(guid) })),
  }),
});
export const Claims = v.strictObject({
  optionalClaims: v.strictObject({
    idToken: v.optional(v.array(v.unknown())),
    saml2Token: v.optional(v.array(v.unknown())),
    accessToken: v.array(v.looseObject({ name: text, essential: v.boolean() })),
  }),
});
export const Client = v.strictObject({
  isFallbackPublicClient: v.literal(true),
  publicClient: v.strictObject({ redirectUris: v.array(text) }),
  requiredResourceAccess: v.array(
    v.strictObject({
      resourceAppId: guid,
      resourceAccess: v.array(v.strictObject({ id: guid, type: v.literal('Scope') })),
    }),
  ),
});
