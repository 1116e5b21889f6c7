import { decodeJwt, type JWTPayload } from 'jose';
import { postForm, type TestSandbox, type TokenAnswer } from './sandbox.ts';

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
export const AZURE_OPENAI = 'https://cognitiveservices.azure.com/.default';

/** The three legs of the exchange, as raw requests with the blueprint's secret. */
export interface AgentLegs {
  readonly agentAppId: string;
  exchange(form?: Record<string, string>): Promise<TokenAnswer>;
  onBehalfOf(assertion: string, scope: string, form?: Record<string, string>): Promise<TokenAnswer>;
  withT1(form: Record<string, string>): Promise<TokenAnswer>;
}

/** The exchange of one agent, against the sandbox's token endpoint. */
export async function agentLegs(sandbox: TestSandbox, index = 0): Promise<AgentLegs> {
  const { json } = sandbox;
  const agentAppId = json.agents[index]?.appId ?? '';
  const { blueprintSecret } = (await sandbox.control('/entra')) as { blueprintSecret: string };
  const token = (form: Record<string, string>) => postForm(sandbox, 'oauth2/v2.0/token', form);
  const exchange = (form: Record<string, string> = {}) =>
    token({
      client_id: json.blueprintAppId,
      client_secret: blueprintSecret,
      grant_type: 'client_credentials',
      scope: 'api://AzureADTokenExchange/.default',
      fmi_path: agentAppId,
      ...form,
    });
  const withT1 = async (form: Record<string, string>) =>
    token({
      client_id: agentAppId,
      client_assertion_type: ASSERTION_TYPE,
      client_assertion: accessToken(await exchange()),
      ...form,
    });
  const onBehalfOf = (assertion: string, scope: string, form: Record<string, string> = {}) =>
    withT1({
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      requested_token_use: 'on_behalf_of',
      assertion,
      scope,
      ...form,
    });
  return { agentAppId, exchange, onBehalfOf, withT1 };
}

/** The access token of an answer; throws with the refusal when it is one. */
export function accessToken({ status, body }: TokenAnswer): string {
  if (status !== 200) throw new Error(`${status} ${String(body.error_description)}`);
  return String(body.access_token);
}

export function claimsOf(answer: TokenAnswer): JWTPayload {
  return decodeJwt(accessToken(answer));
}
