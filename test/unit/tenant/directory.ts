// What the stand-in for the tenant keeps, and the faults that a test may switch on.
import { randomUUID } from 'node:crypto';

export const TENANT = '3d1e2be9-a10a-4a0c-8380-7ce190f98ed9';
export const ADMIN = 'aaaaaaaa-0000-4000-8000-00000000a01a';
export const COGNITIVE = '7d312290-28c8-473c-a0ed-8e53749b6d6d';
export const ISSUER = 'https://oidc.example.com/cluster';
export const GRAPH = '00000003-0000-0000-c000-000000000000';

/** What is hidden is answered as not there (404) or not known (400), and counts one down each time. */
interface Hideable {
  hidden: number;
}

export interface App extends Hideable {
  id: string;
  appId: string;
  blueprint: boolean;
  /** As Graph shows it. */
  shown: Record<string, unknown> & { displayName: string; tags: string[] };
  passwords: { keyId: string; displayName: string; secret: string; endDateTime: string }[];
  federated: { id: string; name: string; issuer: string; subject: string; audiences: string[] }[];
}

export interface Principal extends Hideable {
  id: string;
  appId: string;
  displayName: string;
  /** For an agent identity: app id of its blueprint. */
  blueprint?: string;
  enabled: boolean;
}

export interface Grant {
  id: string;
  clientId: string;
  resourceId: string;
  consentType: string;
  scope: string;
}

export interface Assignment {
  name: string;
  scope: string;
  principalId: string;
  roleDefinitionId: string;
}

export interface Token {
  audience: 'graph.microsoft.com' | 'management.azure.com';
  /** Permissions of a person's token; undefined for a blueprint's own. */
  scopes?: string[];
  blueprint?: string;
  /** Made before the directory knew the blueprint's principal: it names no object, and Graph never takes it. */
  unknownIdentity?: boolean;
}

/** Everything is off at first. */
export interface Faults {
  /** How often a new object is not there yet. */
  lag: number;
  /** How many changes are accepted and then rolled back. */
  rollbacks: number;
  /** Requests, by method and path, that are refused with 403, and how often. */
  forbidden: { match: RegExp; times: number }[];
  /** Requests that are answered 429 first, and the Retry-After of that. */
  throttled: { match: RegExp; retryAfter: string }[];
  /** Requests that are not carried out, with the status that is answered, and how often. */
  failing: { match: RegExp; status: number; times: number }[];
  /** Requests that are carried out and whose answer is lost, and how often. */
  lost: { match: RegExp; times: number } | undefined;
  /** A new grant is answered 409, though it was made. */
  conflict: boolean;
  /** How often a new secret is refused. */
  secretNotYet: number;
  /** How many tokens of the blueprint are made before the directory knows its principal. */
  identityNotYet: number;
  /** How often an application is shown without its secrets. */
  secretHidden: number;
  /** How often a removed secret is still accepted. */
  secretLingers: number;
  /** How often a removal of a secret is accepted and not done. */
  removalIgnored: number;
  /** A person may not create agent identities: only the blueprint itself may. */
  onlyBlueprintCreates: boolean;
  /** Conditional Access blocks the blueprint itself, once the secret was used. */
  blueprintBlocked: boolean;
  /** A policy of the tenant forbids new secrets. */
  secretsForbidden: boolean;
  /** v1.0 knows no agent identities. */
  betaOnly: boolean;
  /** What the cluster's issuer calls itself; undefined: nothing answers there. */
  issuer: string | undefined;
  /** Permissions that come along because somebody consented to them before. */
  alsoGranted: string[];
  /** Permissions that are not granted. */
  withheld: string[];
}

export class TenantState {
  readonly apps: App[] = [];
  /** Microsoft Graph is in every tenant. */
  readonly principals: Principal[] = [
    {
      id: 'bbbbbbbb-0000-4000-8000-00000000b00b',
      appId: GRAPH,
      displayName: 'Microsoft Graph',
      enabled: true,
      hidden: 0,
    },
  ];
  readonly grants: Grant[] = [];
  readonly assignments: Assignment[] = [];
  /** Whether the person who signs in may read the account of the model. */
  accountReadable = true;
  readonly tokens = new Map<string, Token>();
  /** Secrets that were removed, with the app they were of. */
  readonly removedSecrets = new Map<string, string>();
  /** Every secret that was ever given out: none may turn up anywhere. */
  readonly secrets: string[] = [];
  /** The least privileged permission that each request to Graph could be made with, of those in its token. */
  readonly used = new Set<string>();
  /** Method and path of each request, in order. */
  readonly log: string[] = [];
  /** What was wrong with a request. A test that ends with one has failed. */
  readonly violations: string[] = [];
  readonly faults: Faults = {
    lag: 0,
    rollbacks: 0,
    forbidden: [],
    throttled: [],
    failing: [],
    lost: undefined,
    conflict: false,
    secretNotYet: 0,
    identityNotYet: 0,
    secretHidden: 0,
    secretLingers: 0,
    removalIgnored: 0,
    onlyBlueprintCreates: false,
    blueprintBlocked: false,
    secretsForbidden: false,
    betaOnly: false,
    issuer: ISSUER,
    alsoGranted: [],
    withheld: [],
  };

  addApp(displayName: string, blueprint: boolean, shown: Record<string, unknown>): App {
    const app: App = {
      id: randomUUID(),
      appId: randomUUID(),
      blueprint,
      shown: { tags: [], ...shown, displayName },
      passwords: [],
      federated: [],
      hidden: this.faults.lag,
    };
    this.apps.push(app);
    return app;
  }

  addPrincipal(of: { appId: string; displayName: string; blueprint?: string }): Principal {
    // the id of an agent identity is its app id as well
    const id = of.blueprint === undefined ? randomUUID() : of.appId;
    const principal = { id, ...of, enabled: true, hidden: this.faults.lag };
    this.principals.push(principal);
    return principal;
  }

  /** Groups, with who is in them. */
  readonly groups = new Map<string, string[]>();

  groupsOf(member: string): string[] {
    return [...this.groups].filter(([, members]) => members.includes(member)).map(([group]) => group);
  }

  /** Everything that a person would find, without what changes from run to run. */
  snapshot(): string {
    const { apps, principals, grants, assignments } = this;
    return JSON.stringify({ apps, principals, grants, assignments });
  }

  mutations(): string[] {
    return this.log.filter(line => !line.startsWith('GET ') && !line.includes('/oauth2/v2.0/'));
  }
}

/** True when it can be seen; counts down otherwise. */
export function visible(item: Hideable | undefined): boolean {
  if (!item) return false;
  if (item.hidden === 0) return true;
  item.hidden--;
  return false;
}
