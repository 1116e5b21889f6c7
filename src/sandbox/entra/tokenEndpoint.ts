import { agentUser, clientCredentials, onBehalfOf } from './agentGrants.ts';
import { required, type Form } from './clients.ts';
import { EntraError } from './errors.ts';
import type { Tenant } from './tenant.ts';
import { redeemAuthorizationCode, redeemDeviceCode, refresh } from './userGrants.ts';

type Grant = (tenant: Tenant, form: Form) => Promise<Record<string, unknown>>;

const GRANTS: Readonly<Record<string, Grant>> = {
  'urn:ietf:params:oauth:grant-type:device_code': redeemDeviceCode,
  device_code: redeemDeviceCode, // MSAL's spelling
  authorization_code: redeemAuthorizationCode,
  refresh_token: refresh,
  client_credentials: clientCredentials,
  'urn:ietf:params:oauth:grant-type:jwt-bearer': onBehalfOf,
  user_fic: agentUser,
};

/** Body of a successful `POST /token`; throws EntraError for every refusal. */
export function answerToken(tenant: Tenant, form: Form): Promise<Record<string, unknown>> {
  const name = required(form, 'grant_type');
  const grant = GRANTS[name];
  if (!grant) throw new EntraError(70003, [name]);
  return grant(tenant, form);
}
