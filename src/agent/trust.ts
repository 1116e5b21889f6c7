/** What a cluster makes us believe, and a person must confirm once (DESIGN §4.4). */
export interface TrustedIdentity {
  server: string;
  tenantId: string;
  blueprintAppId: string;
}

/** Confirmed identities by API server; kept in the extension's own storage, never in settings. */
export interface TrustStore {
  get(server: string): readonly string[] | undefined;
  add(server: string, key: string): Promise<void>;
}

export const trustKey = (identity: TrustedIdentity): string =>
  `${identity.tenantId.toLowerCase()}/${identity.blueprintAppId.toLowerCase()}`;
