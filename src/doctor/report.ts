import type { AgentIdError } from '../base/errors.ts';
import type { RouteVerdict } from '../gateway/preflight.ts';
import type { Verdict } from '../identity/verify.ts';

/** The checks, from the person's own machine outwards: the order in which they are shown. */
export const CHECKS = [
  'kubeconfig',
  'context',
  'apiServer',
  'rbac',
  'agent',
  'pod',
  'sidecar',
  'federation',
  'tunnel',
  'health',
  'signIn',
  'validate',
  'llmToken',
  'mcpToken',
  'tokens',
  'gatewayFile',
  'gatewayTunnel',
  'preflight',
  'model',
  'mcp',
  'tools',
] as const;
export type CheckId = (typeof CHECKS)[number];

/** Something that a check found out, whether it passed or not. */
export type FactName =
  | 'files'
  | 'context'
  | 'server'
  | 'version'
  | 'namespace'
  | 'deployment'
  | 'agentIdentity'
  | 'blueprint'
  | 'tenant'
  | 'serviceAccount'
  | 'pod'
  | 'restarts'
  | 'image'
  | 'credential'
  | 'overrides'
  | 'issuer'
  | 'subject'
  | 'tokenAudience'
  | 'keys'
  | 'user'
  | 'client'
  | 'audience'
  | 'fingerprint'
  | 'expires'
  | 'file'
  | 'routes'
  | 'sent'
  | 'answered'
  | 'mcpServer'
  | 'protocol'
  | 'tools';

export interface Fact {
  name: FactName;
  value: string;
}

/** Which token a finding is about. */
export type TokenRole = 'tc' | 'llm' | 'mcp';

/** A judgement that has words of its own. */
export type Finding =
  | { kind: 'verdict'; token: TokenRole; verdict: Verdict }
  | { kind: 'route'; verdict: RouteVerdict }
  /** There is no such token, so that what it would have shown stays open. */
  | { kind: 'noToken'; token: TokenRole };

/** The federated credential that the blueprint needs, as Graph takes it; without an issuer where none is known that would do. */
export interface FederatedCredential {
  blueprintAppId: string;
  body: { name: string; issuer?: string; subject: string; audiences: string[] };
}

/** What a check has found so far. */
export interface Found {
  facts: Fact[];
  findings: Finding[];
  /** What is not as it should be, and stops nothing. */
  remarks: AgentIdError[];
  credential?: FederatedCredential;
}

/** Times in milliseconds since the epoch, `ms` a length of time. */
export type CheckState =
  | { kind: 'pending' }
  | { kind: 'running' }
  /** It failed with what time may mend, and is tried again: at `nextTry`, or (`trying`) at this moment. */
  | ({ kind: 'waiting'; error: AgentIdError; nextTry: number; until: number; trying: boolean } & Found)
  | ({ kind: 'passed'; ms: number } & Found)
  /** It could not be looked at, which proves nothing; what depends on it goes on. */
  | ({ kind: 'unknown'; ms: number; error: AgentIdError } & Found)
  | ({ kind: 'failed'; ms: number; error: unknown } & Found)
  /** Not looked at: these checks, which it needs, did not pass. */
  | { kind: 'blocked'; needs: CheckId[] }
  | { kind: 'stopped' };

export type Report = ReadonlyMap<CheckId, CheckState>;
