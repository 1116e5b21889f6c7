import type { TokenClaims } from '../identity/claims.ts';
import type { Path } from './cel.ts';
import type { Rule } from './policies.ts';

/**
 * The change that would mend a refusal, as data: the words are in views/messages. `app` is the app id of the API that the
 * token is for, where its audience gives it; `line` is the line of the gateway's file, `clause` the text to change there.
 */
export type Remedy =
  /** The API's registration has to emit optional claims. */
  | { code: 'emitClaims'; claims: string[]; app?: string }
  /** The rule reads a claim that the other token version has; `suggestion` reads the one that this token has. */
  | ({ code: 'otherVersion'; reads: string; has: string; version: TokenVersion; app?: string } & InFile)
  /** The rule names other agents. */
  | ({ code: 'allowAgent'; agent: string } & InFile)
  | ({ code: 'changeRule' } & InFile)
  /** The rule reads a variable that is never set when it is checked: it can never hold. */
  | ({ code: 'neverSet'; variable: string } & InFile)
  | { code: 'addRoute'; path: string }
  | { code: 'getToken' }
  | { code: 'refreshToken' }
  | { code: 'checkKeys'; kid: string }
  /** `version`: the token is of the other version than the issuer that the gateway expects. */
  | { code: 'setIssuer'; issuer: string; version?: TokenVersion; app?: string }
  | { code: 'addAudience'; audiences: string[] };

export type TokenVersion = '1.0' | '2.0';

interface InFile {
  clause: string;
  line?: number;
  /** The clause as it would let this token pass, where that is a small change. */
  suggestion?: string;
}

/** The optional claims that describe an agent (Entra: they reach a custom API's tokens only when its app asks for them). */
export const AGENT_CLAIMS = ['xms_act_fct', 'xms_sub_fct', 'xms_par_app_azp', 'xms_idrel', 'xms_tnt_fct'];
const GUID = /[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/i;

/** The app id in an audience: `api://<guid>`, `api://<guid>/…` or the bare GUID of a v2 token. */
export function appOf(claims: TokenClaims): { app?: string } {
  const audience = Array.isArray(claims.aud) ? (claims.aud as unknown[])[0] : claims.aud;
  const app = typeof audience === 'string' ? GUID.exec(audience)?.[0] : undefined;
  return app === undefined ? {} : { app };
}

export interface Refusal {
  policy: 'authorization' | 'mcpAuthorization';
  rule: Rule;
  clause: string;
  /** What the clause reads. */
  paths: readonly Path[];
  /** `tool`: it is about another tool; `rule`: about neither claims nor tools. */
  cause: 'claimMissing' | 'claimDiffers' | 'tool' | 'rule' | 'deny' | 'unseen';
}

/** What would let the holder of these claims pass. */
export function mend({ policy, rule, clause, paths, cause }: Refusal, claims: TokenClaims): Remedy {
  const place = (suggestion?: string): InFile => ({
    clause,
    ...(rule.line !== undefined && { line: rule.line }),
    ...(suggestion !== undefined && suggestion !== clause && { suggestion }),
  });
  const app = appOf(claims);
  const reads = (name: string) => paths.some(([root, key]) => root === 'jwt' && key === name);
  const lacks = (name: string) => reads(name) && claims[name] === undefined;
  for (const [wanted, other, version] of [
    ['appid', 'azp', '1.0'],
    ['azp', 'appid', '2.0'],
  ] as const)
    if (lacks(wanted) && typeof claims[other] === 'string')
      return {
        ...{ code: 'otherVersion', reads: wanted, has: other, version, ...app },
        ...place(clause.replaceAll(`jwt.${wanted}`, `jwt.${other}`)),
      };
  if (AGENT_CLAIMS.some(lacks)) return { code: 'emitClaims', claims: AGENT_CLAIMS, ...app };
  const unset = paths.find(path => neverSet(path, policy));
  if (unset) return { code: 'neverSet', variable: unset.join('.'), ...place() };
  const agent = ['appid', 'azp'].map(name => (reads(name) ? claims[name] : undefined)).find(Boolean);
  if (cause === 'claimDiffers' && typeof agent === 'string')
    return { code: 'allowAgent', agent, ...place(allowing(clause, agent)) };
  return { code: 'changeRule', ...place() };
}

/** The clause with one more agent in the list, or in a list of two where it names one. */
function allowing(clause: string, agent: string): string | undefined {
  if (!/^[\w-]+$/.test(agent)) return undefined;
  const list = /^(jwt\.(?:appid|azp) in \[)([^\]]*)\]$/.exec(clause);
  if (list) return `${list[1]}${list[2]}${list[2]?.trim() ? ', ' : ''}'${agent}']`;
  const one = /^(jwt\.(?:appid|azp)) == ('[^']*')$/.exec(clause);
  return one ? `${one[1]} in [${one[2]}, '${agent}']` : undefined;
}

/**
 * True of what a rule can't read when it is checked: `authorization` runs before a request is known to be MCP at all, and
 * `mcpAuthorization` sees only the name and the target of a tool, prompt, resource or task (v1.4.1
 * crates/agentgateway/src/mcp/rbac.rs; agentgateway#3092).
 */
export function neverSet([root, kind, field]: Path, policy: Refusal['policy']): boolean {
  if (root !== 'mcp') return false;
  if (policy === 'authorization') return true;
  if (kind === undefined) return false;
  return !MCP_KINDS.has(kind) || (field !== undefined && field !== 'name' && field !== 'target');
}

const MCP_KINDS = new Set(['tool', 'prompt', 'resource', 'task']);
