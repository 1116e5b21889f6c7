import type { TokenClaims } from '../identity/claims.ts';
import type { Variables } from './cel.ts';
import type { GatewayConfig, GatewayRoute, Stage } from './config.ts';
import { explainDenial, hiddenTools, reasonOf, type DenialReason } from './policy.ts';
import type { Remedy } from './remedies.ts';
import { chooseRoute, type GatewayRequest, type Routing } from './routing.ts';
import { blame, judgeRule, referencesOf, type RuleVerdict } from './rules.ts';
import { checkToken, type KnownKeys, type PresentedToken, type TokenReason } from './tokenCheck.ts';

/** Why a check does not pass, or what its answer hangs on. */
export type CheckReason =
  | TokenReason
  | { code: 'routeMissing'; path: string }
  /** Which route takes the request hangs on its host, its headers, or a part of the file that we do not read. */
  | { code: 'routeUnsure'; on: Extract<Routing, { kind: 'unsure' }>['on'] }
  /** Policies that may refuse by what we cannot see: another credential, a service that is asked. */
  | { code: 'unread'; policies: string[] }
  | { code: 'rule'; denial: DenialReason };

export interface PreflightCheck {
  kind: 'route' | 'jwtAuth' | 'mcpAuthentication' | 'authorization' | 'mcpAuthorization' | 'other';
  /** Where it stands in the file; `gateway` are the policies of the listener. */
  at: 'file' | Stage['at'];
  /** `skipped`: something before it refuses already. */
  outcome: 'passes' | 'fails' | 'unknown' | 'skipped';
  /** On one that passes: what it passes with, such as a key that we have not seen, or a leeway. */
  reason?: CheckReason;
  remedy?: Remedy;
  /** True where it lets a request through without claims, because its mode does. */
  unauthenticated?: boolean;
  /** Of `authorization` and `mcpAuthorization`: each rule, split at its clauses. Without a tool where it is about tools. */
  rules: RuleVerdict[];
}

export interface ToolVerdict {
  name: string;
  /** Absent: the same on every target. */
  target?: string;
  outcome: 'allowed' | 'hidden' | 'unknown';
  reason?: DenialReason;
}

export interface RouteVerdict {
  route: string;
  path: string;
  kind: GatewayRoute['kind'];
  /** `refused` is also said of an MCP route that answers and hides every tool. */
  outcome: 'admitted' | 'refused' | 'unknown';
  /** What the gateway answers to a request that it refuses; to an agent without tools 200 with an empty list. */
  answer?: { status: number; text: string };
  checks: PreflightCheck[];
  /** Of an MCP route: the tools that the caller named, and those that the rules name and hide. */
  tools: ToolVerdict[];
}

export interface PreflightOptions {
  /** Key ids of key sets that are elsewhere. */
  keys?: KnownKeys;
  /** Tools by the names that their targets give them. */
  tools?: readonly { name: string; target: string }[];
}

/**
 * Whether the gateway would let a request in, check by check and in its order, by its own file. What the file leaves to
 * other services or to things that we cannot see is `unknown`. `now` is in milliseconds since the epoch.
 *
 * Loads the CEL engine: import this module with `import()`.
 */
export function preflight(
  config: GatewayConfig,
  request: GatewayRequest,
  token: PresentedToken | undefined,
  now: number,
  options: PreflightOptions = {},
): RouteVerdict {
  const routing = chooseRoute(config, request);
  const { path } = request;
  if (routing.kind !== 'found') {
    const missing = routing.kind === 'missing';
    const check: PreflightCheck = {
      ...{ kind: 'route', at: 'file', outcome: missing ? 'fails' : 'unknown', rules: [] },
      reason: missing ? { code: 'routeMissing', path } : { code: 'routeUnsure', on: routing.on },
      ...(missing && { remedy: { code: 'addRoute', path } }),
    };
    return {
      ...{ route: '', path, kind: 'other', outcome: missing ? 'refused' : 'unknown', checks: [check], tools: [] },
      ...(missing && { answer: { status: 404, text: 'route not found' } }),
    };
  }
  const { route } = routing;
  const walk = new Walk(config, request, token, now, options.keys);
  for (const stage of route.stages) walk.stage(stage);
  if (route.kind === 'mcp') walk.tools(route);
  return {
    ...{ route: route.name, path, kind: route.kind, ...walk.result() },
    tools: route.kind === 'mcp' ? toolVerdicts(route, walk.claims, options.tools ?? []) : [],
  };
}

/** One request on its way through the stages. */
class Walk {
  readonly #checks: PreflightCheck[] = [];
  readonly #request: GatewayRequest;
  readonly #now: number;
  readonly #keys: KnownKeys | undefined;
  /** What the request still carries: a policy that accepts the token takes it out. */
  #bearer: PresentedToken | undefined;
  #taken = false;
  #answer: { status: number; text: string } | undefined;
  /** What rules see of the caller; undefined: nobody. */
  claims: TokenClaims | undefined;

  constructor(
    config: GatewayConfig,
    request: GatewayRequest,
    token: PresentedToken | undefined,
    now: number,
    keys: KnownKeys | undefined,
  ) {
    this.#request = request;
    this.#bearer = token;
    this.#now = now;
    this.#keys = keys;
    this.#checks.push({ kind: 'route', at: 'file', outcome: 'passes', rules: [] });
    const attached = config.unread.filter(name => name === 'policies');
    if (attached.length > 0) this.#unread('file', attached);
  }

  stage({ at, token, authorization, unread }: Stage): void {
    if (unread.length > 0) this.#unread(at, unread);
    if (token) this.#token(at, token);
    if (authorization.length > 0) {
      const { method = 'POST', path } = this.#request;
      const variables = { jwt: this.claims, mcp: undefined, request: { method, path } };
      const refused = { status: 403, text: 'authorization failed' };
      this.#rules('authorization', at, authorization, variables, refused);
    }
  }

  tools({ mcpAuthorization }: GatewayRoute): void {
    if (mcpAuthorization.length === 0) return;
    const empty = { status: 200, text: '{"tools":[]}' };
    this.#rules('mcpAuthorization', 'route', mcpAuthorization, { jwt: this.claims }, empty);
  }

  result(): Pick<RouteVerdict, 'outcome' | 'answer' | 'checks'> {
    const outcomes = this.#checks.map(check => check.outcome);
    const outcome = outcomes.includes('fails') ? 'refused' : outcomes.includes('unknown') ? 'unknown' : 'admitted';
    return { outcome, ...(this.#answer && { answer: this.#answer }), checks: this.#checks };
  }

  #token(at: Stage['at'], policy: NonNullable<Stage['token']>): void {
    const found = checkToken(policy, this.#bearer, this.#now, this.#keys);
    const common = { kind: policy.kind, at, rules: [] };
    switch (found.outcome) {
      case 'passes': {
        this.claims = found.claims;
        this.#bearer = undefined;
        this.#taken = true;
        return this.#add({
          ...{ ...common, outcome: 'passes' },
          ...(found.with && { reason: found.with }),
        });
      }
      case 'unauthenticated':
        return this.#add({ ...common, outcome: 'passes', reason: found.because, unauthenticated: true });
      case 'unknown':
        // Rules are judged as if it were accepted: the check itself says that it may not be.
        this.claims = this.#bearer?.claims;
        return this.#add({ ...common, outcome: 'unknown', reason: found.because });
      case 'fails': {
        const taken = this.#taken && found.because.code === 'tokenMissing';
        const reason: TokenReason = taken ? { code: 'tokenTaken' } : found.because;
        this.claims ??= this.#bearer?.claims; // so that the rest can be explained
        this.#refuse(refusalOf(policy.kind, found.because));
        return this.#add({ ...common, outcome: 'fails', reason, remedy: found.remedy });
      }
    }
  }

  #rules(
    kind: 'authorization' | 'mcpAuthorization',
    at: Stage['at'],
    rules: GatewayRoute['mcpAuthorization'],
    variables: Variables,
    answer: { status: number; text: string },
  ): void {
    const judged = rules.map(rule => judgeRule(rule, variables));
    const found = blame(judged);
    // What hangs on the tool alone is no open question: `tools` says it of each.
    const byTool = found?.outcome === 'unknown' && referencesOf(found.clause).some(([root]) => root === 'mcp');
    const outcome = !found || byTool ? 'passes' : found.outcome === 'denied' ? 'fails' : 'unknown';
    if (outcome === 'fails') this.#refuse(answer);
    const denial = found && reasonOf(found, this.claims ?? {}, { policy: kind, everyTool: true });
    this.#add({
      ...{ kind, at, outcome, rules: judged },
      ...(denial && outcome !== 'passes' && { reason: { code: 'rule', denial }, remedy: denial.remedy }),
    });
  }

  #unread(at: PreflightCheck['at'], policies: string[]): void {
    this.#add({ kind: 'other', at, outcome: 'unknown', reason: { code: 'unread', policies }, rules: [] });
  }

  /** After a refusal the rest is never reached; its rules are shown all the same. */
  #add(check: PreflightCheck): void {
    const refused = this.#checks.some(({ outcome }) => outcome === 'fails');
    this.#checks.push(refused && check.outcome !== 'fails' ? { ...check, outcome: 'skipped' } : check);
  }

  /** The first refusal is what the caller sees, unless something before it is open. */
  #refuse(answer: { status: number; text: string }): void {
    if (this.#checks.every(({ outcome }) => outcome === 'passes')) this.#answer = answer;
  }
}

/** Words of AgentGateway 1.4.1 (`TokenError`, crates/agentgateway/src/http/jwt.rs; A/mcp/auth.rs for the challenge). */
function refusalOf(kind: 'jwtAuth' | 'mcpAuthentication', reason: TokenReason): { status: number; text: string } {
  if (kind === 'mcpAuthentication')
    return { status: 401, text: '{"error":"unauthorized","error_description":"JWT token required"}' };
  return { status: 401, text: `authentication failure: ${sentence(reason)}` };
}

function sentence(reason: TokenReason): string {
  const invalid = (error: string) => `the token is invalid or malformed: Error(${error})`;
  switch (reason.code) {
    case 'tokenMissing':
    case 'tokenTaken':
      return 'no bearer token found';
    case 'kidMissing':
      return 'the token header does not specify a `kid`';
    case 'unknownKey':
    case 'keysUnseen':
      return `token uses the unknown key ${JSON.stringify(reason.kid)}`;
    case 'algorithm':
      return invalid('InvalidAlgorithm');
    case 'signature':
    case 'signatureUnchecked':
      return invalid('InvalidSignature');
    case 'requiredClaimMissing':
      return invalid(`MissingRequiredClaim(${JSON.stringify(reason.claim)})`);
    case 'expired':
    case 'leeway':
      return invalid('ExpiredSignature');
    case 'issuerDiffers':
      return invalid('InvalidIssuer');
    case 'audienceDiffers':
      return invalid('InvalidAudience');
  }
}

function toolVerdicts(
  route: GatewayRoute,
  claims: TokenClaims | undefined,
  known: readonly { name: string; target: string }[],
): ToolVerdict[] {
  const rules = { rules: route.mcpAuthorization, targets: route.targets };
  const asked = known.map((tool): ToolVerdict => {
    const reason = explainDenial(rules, claims, tool);
    const outcome = !reason ? 'allowed' : reason.outcome === 'denied' ? 'hidden' : 'unknown';
    return { ...tool, outcome, ...(reason && { reason }) };
  });
  const named = hiddenTools(rules, claims)
    .filter(({ name, target }) => !known.some(tool => tool.name === name && (target ?? tool.target) === tool.target))
    .map((tool): ToolVerdict => ({ ...tool, outcome: 'hidden' }));
  return [...asked, ...named];
}
