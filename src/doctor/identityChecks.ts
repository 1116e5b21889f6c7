import { confirmTrust } from '../agent/openConnection.ts';
import { openSignIn, type OpenSignIn } from '../agent/openSignIn.ts';
import { AgentIdError } from '../base/errors.ts';
import { TokenBroker, type AgentToken } from '../identity/broker.ts';
import { decodeToken, textClaim } from '../identity/claims.ts';
import type { SigningKeys } from '../identity/signingKeys.ts';
import type { UserToken } from '../identity/types.ts';
import { judge, verifySignature, type Expectation } from '../identity/verify.ts';
import type { Chain, Look, Node } from './chain.ts';
import type { ClusterNodes, Subject } from './clusterChecks.ts';
import type { DoctorDeps } from './doctor.ts';
import { lookAtFederation } from './federation.ts';
import type { TokenRole } from './report.ts';
import type { SidecarNodes } from './sidecarChecks.ts';

export interface IdentityNodes {
  userToken: Node<{ raw: string; signingKeys: SigningKeys }>;
  llmToken: Node<AgentToken>;
  mcpToken: Node<AgentToken>;
  /** Ends when all tokens were judged. */
  tokens: Node<void>;
  broker: Node<TokenBroker>;
}

interface SignedIn extends OpenSignIn {
  token: UserToken;
  raw: string;
}

/** From the federation of cluster and tenant over the sign-in to the agent's own tokens. */
export function identityChecks(
  chain: Chain,
  { subject }: ClusterNodes,
  { settings, health }: SidecarNodes,
  deps: DoctorDeps,
  own: (item: { close(): Promise<void> }) => void,
): IdentityNodes {
  chain.add('federation', {
    needs: [subject],
    look: async (look, [found]) => {
      await lookAtFederation(look, found, await openSignIn(found.plan, found.configuration, deps));
    },
  });
  const signIn = chain.add('signIn', {
    needs: [subject],
    look: async (look, [found]): Promise<SignedIn> => {
      const opened = await openSignIn(found.plan, found.configuration, deps);
      look.fact('client', found.configuration.clientId.value);
      const token = await signedIn(opened, found, deps, look.signal);
      look.fact('user', token.account.username);
      return { ...opened, token, raw: token.raw };
    },
  });
  const broker = chain.add('validate', {
    needs: [subject, health, signIn],
    look: async (look, [{ configuration }, sidecar, { signIn: signer, token }]) => {
      if (!(await sidecar.validate(token.raw, look.signal))) look.remark(new AgentIdError('doctor.scopeRefused'));
      const { account } = token;
      const broker = new TokenBroker({
        sidecar,
        agentAppId: configuration.agentAppId.value,
        tenantId: configuration.tenantId.value,
        userToken: async options => {
          const fresh = await signer.silent({ ...options, account });
          if (!fresh) throw new AgentIdError('agent.signInNeeded');
          return fresh;
        },
        audiences: configuration.audiences,
        clock: deps.clock,
        logger: deps.logger,
      });
      own({ close: async () => broker.clear() });
      return broker;
    },
  });
  const exchange = (id: 'llmToken' | 'mcpToken', api: 'llmApi' | 'mcpApi') =>
    chain.add(id, {
      needs: [subject, settings, broker],
      mends: replicates,
      look: async (look, [{ configuration }, , own]) => {
        // past every cache: a consent that was taken back must show
        const token = await own.get(configuration[api].value, { forceRefresh: true, signal: look.signal });
        look.fact('audience', textClaim(token.claims, 'aud'));
        look.fact('fingerprint', token.fingerprint);
        look.fact('expires', new Date(token.expiresAt).toISOString());
        return token;
      },
    });
  const llmToken = exchange('llmToken', 'llmApi');
  const mcpToken = exchange('mcpToken', 'mcpApi');
  const tokens = chain.add('tokens', {
    needs: [subject, signIn],
    after: [llmToken, mcpToken],
    look: async (look, [found, signed], [llm, mcp]) => {
      const scope = found.configuration.scope.value;
      const resource = scope.slice(0, scope.lastIndexOf('/'));
      const audiences = [resource, found.configuration.blueprintAppId.value];
      const callerAppId = found.configuration.clientId.value;
      await lookAtToken(look, 'tc', signed.token.raw, signed, found, { audiences, callerAppId });
      for (const [role, token] of [
        ['llm', llm],
        ['mcp', mcp],
      ] as const)
        if (!token) look.finding({ kind: 'noToken', token: role });
        else
          await lookAtToken(look, role, token.raw, signed, found, {
            audiences: found.configuration.audiences[token.api] ?? [],
            callerAppId: found.configuration.agentAppId.value,
            blueprintAppId: found.configuration.blueprintAppId.value,
          });
      const bad = look.found.findings.find(each => each.kind === 'verdict' && each.verdict.outcome === 'bad');
      if (bad?.kind === 'verdict')
        throw new AgentIdError('doctor.tokenCheck', { token: bad.token, check: bad.verdict.check });
    },
  });
  return { userToken: signIn, llmToken, mcpToken, tokens, broker };
}

/** Consent and federated credentials take minutes until each of Entra's servers knows them. */
function replicates(error: AgentIdError): boolean {
  return ['sidecar.consentMissing', 'sidecar.workloadIdentityRefused'].includes(error.code);
}

/** Tc of the user who acts, else of whoever signed in last; else the person is asked, as Connect would. */
async function signedIn(
  { signIn }: OpenSignIn,
  { api, plan, configuration }: Subject,
  deps: DoctorDeps,
  signal: AbortSignal,
): Promise<UserToken> {
  await confirmTrust(plan, api, configuration, deps.interaction, deps);
  const account = deps.account?.();
  const silent = await signIn.silent({ ...(account && { account }), signal }).catch((error: unknown) => {
    if (AgentIdError.is(error, 'signIn.sessionEnded') || AgentIdError.is(error, 'signIn.interactionRequired'))
      return undefined;
    throw error;
  });
  return silent ?? (await deps.interaction.signIn(signIn, signal));
}

async function lookAtToken(
  look: Look,
  token: TokenRole,
  raw: string,
  { authority, signingKeys, token: userToken }: SignedIn,
  { configuration }: Subject,
  expected: Expectation,
): Promise<void> {
  const decoded = decodeToken(raw);
  const signature = await verifySignature(raw, decoded, signingKeys, look.signal); // Entra's clock is seen with its keys
  const { clockOffset } = signingKeys;
  const whole: Expectation = {
    ...expected,
    authority,
    tenantId: configuration.tenantId.value,
    user: userToken.account,
    ...(clockOffset !== undefined && { clockOffset }),
  };
  for (const verdict of [signature, ...judge(decoded, whole, Date.now())])
    look.finding({ kind: 'verdict', token, verdict });
}
