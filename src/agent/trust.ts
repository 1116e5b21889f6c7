import type { KubeApi } from '../cluster/kubeApi.ts';
import type { Configuration } from './configuration.ts';

/** What a cluster makes us believe, and a person must confirm once (docs/architecture.md, "The cluster is not the root of trust"). */
export interface TrustedIdentity {
  server: string;
  tenantId: string;
  blueprintAppId: string;
  /** Nothing proves that the server is the one of that name; a person who confirmed one that was proved is asked again. */
  unverified?: true;
}

/** What the person is asked to confirm, and what they confirmed before for the same API server. */
export interface TrustQuestion extends TrustedIdentity {
  /** Where that was read, as the person chose it; the authority is where they will sign in. */
  chosen: { context: string; namespace: string; deployment: string; authority: string };
  before?: Pick<TrustedIdentity, 'tenantId' | 'blueprintAppId'>;
}

/** Confirmed identities by API server; kept in the extension's own storage, never in settings. */
export interface TrustStore {
  get(server: string): readonly string[] | undefined;
  add(server: string, key: string): Promise<void>;
}

export function identityOf(api: KubeApi, { tenantId, blueprintAppId }: Configuration): TrustedIdentity {
  const { server, unverified } = api;
  return {
    server,
    tenantId: tenantId.value,
    blueprintAppId: blueprintAppId.value,
    ...(unverified && { unverified }),
  };
}

export const trustKey = ({ tenantId, blueprintAppId, unverified }: TrustedIdentity): string =>
  [tenantId.toLowerCase(), blueprintAppId.toLowerCase(), ...(unverified ? ['unverified'] : [])].join('/');

/** The question for an identity whose API server was confirmed with `key`, if with any. */
export function trustQuestion(
  identity: TrustedIdentity,
  chosen: TrustQuestion['chosen'],
  key: string | undefined,
): TrustQuestion {
  const [tenantId, blueprintAppId] = key?.split('/') ?? [];
  return { ...identity, chosen, ...(tenantId && blueprintAppId && { before: { tenantId, blueprintAppId } }) };
}
