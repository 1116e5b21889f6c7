import { silentLogger } from '../../../src/base/logger.ts';
import { Sidecar } from '../../../src/identity/sidecar.ts';
import { signIn, type TestSandbox } from './sandbox.ts';

export interface AgentTokens {
  /** T2 of the sandbox's agent of that index for one of the sidecar's APIs: kept until it is forced. */
  get(api: string, agent: number, forceRefresh: boolean): Promise<string>;
  signInAgain(): Promise<void>;
  clear(): void;
}

/** Real tokens of the sandbox, from its sidecar's own loopback URL: for tests of what takes them. */
export async function agentTokens(sandbox: TestSandbox): Promise<AgentTokens> {
  const sidecar = new Sidecar({ origin: sandbox.json.direct.sidecar, fetch, logger: silentLogger });
  const kept = new Map<string, string>();
  let userToken = (await signIn(sandbox)).access_token;
  return {
    async get(api, agent, forceRefresh) {
      const key = `${api} ${agent}`;
      let token = forceRefresh ? undefined : kept.get(key);
      if (!token) {
        const agentAppId = sandbox.json.agents[agent]!.appId;
        token = await sidecar.token(api, { userToken, agentAppId, forceRefresh });
        kept.set(key, token);
      }
      return token;
    },
    signInAgain: async () => void (userToken = (await signIn(sandbox)).access_token),
    clear: () => kept.clear(),
  };
}
