// What is read of the directory, by Graph's names. Sources: api-reference/v1.0/resources of microsoft-graph-docs-contrib.
import * as v from 'valibot';

export const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
export const guid = v.pipe(v.string(), v.regex(GUID), v.toLowerCase());
/** Somebody else's words, for a terminal: without control characters. */
export const plain = (words: string): string => words.replace(/\p{Cc}+/gu, ' ');
/** A name that somebody gave. */
const text = v.fallback(v.pipe(v.string(), v.transform(plain)), '');

/**
 * A list that may be absent. One that can't be read is an error and never an empty list: it is sent back with something
 * added, and what was not read would be lost.
 */
const listOf = <S extends v.GenericSchema>(item: S) =>
  v.optional(
    v.pipe(
      v.nullable(v.array(item)),
      v.transform(list => list ?? []),
    ),
    [],
  );
const strings = listOf(v.string());

// Loose where an entry goes back as it came.
const Scope = v.looseObject({ id: guid, value: v.nullish(v.string()), isEnabled: v.nullish(v.boolean()) });
const PreAuthorized = v.looseObject({ appId: guid, delegatedPermissionIds: listOf(guid) });
const Claim = v.looseObject({ name: v.string() });
const Resource = v.looseObject({
  resourceAppId: guid,
  resourceAccess: listOf(v.looseObject({ id: guid, type: v.string() })),
});

export const Application = v.object({
  id: guid,
  appId: guid,
  displayName: text,
  tags: strings,
  identifierUris: strings,
  api: v.nullish(
    v.object({
      requestedAccessTokenVersion: v.nullish(v.number()),
      oauth2PermissionScopes: listOf(Scope),
      preAuthorizedApplications: listOf(PreAuthorized),
    }),
  ),
  optionalClaims: v.nullish(v.looseObject({ accessToken: listOf(Claim) })),
  isFallbackPublicClient: v.nullish(v.boolean()),
  publicClient: v.nullish(v.object({ redirectUris: strings })),
  requiredResourceAccess: listOf(Resource),
  passwordCredentials: listOf(v.object({ keyId: guid, displayName: text })),
});
export type Application = v.InferOutput<typeof Application>;

/** False where somebody, or Microsoft, switched it off: then it gets no token. */
const enabled = v.nullish(v.boolean());

export const Principal = v.object({ id: guid, accountEnabled: enabled });

export const Agent = v.object({
  id: guid,
  displayName: text,
  agentIdentityBlueprintId: guid,
  accountEnabled: enabled,
});
export type Agent = v.InferOutput<typeof Agent>;

export const FederatedCredential = v.object({
  id: v.string(),
  name: v.string(),
  issuer: v.string(),
  subject: v.string(),
  audiences: strings,
});

export const Grant = v.object({ id: v.string(), resourceId: v.string(), consentType: v.string(), scope: text });
export type Grant = v.InferOutput<typeof Grant>;

export const Secret = v.object({ keyId: guid, secretText: v.pipe(v.string(), v.nonEmpty()) });

/** A Cognitive Services account. Its own name is the first part of its host; one without has only that of its region. */
export const Account = v.object({
  properties: v.object({
    customSubDomainName: v.pipe(v.string(), v.toLowerCase(), v.regex(/^[a-z0-9][a-z0-9-]{0,62}$/)),
  }),
});

export const RoleAssignments = v.object({
  value: v.array(
    v.object({
      name: v.string(),
      properties: v.object({ roleDefinitionId: v.string(), scope: v.string() }),
    }),
  ),
});
