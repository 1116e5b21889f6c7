// The token service of the stand-in: device code for a person, client credentials for a blueprint.
import { randomUUID } from 'node:crypto';
import { ADMIN, TENANT, type TenantState } from './directory.ts';
import { ok, type Reply } from './reply.ts';

const CLIENTS: Record<string, string> = {
  '14d82eec-204b-4c2f-b7e8-296a70dab67e': 'https://graph.microsoft.com/',
  '04b07795-8ddb-461a-bbee-02f9e1bf7b46': 'https://management.azure.com/',
};
const OIDC = ['openid', 'profile', 'offline_access'];

const jwt = (claims: object) =>
  [{ alg: 'none', typ: 'JWT' }, claims].map(part => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.') +
  '.c2ln';

function refused(error: string, number: number, sentence: string): Reply {
  const error_description = `AADSTS${number}: ${sentence}\r\nTrace ID: t\r\nCorrelation ID: c\r\nTimestamp: 2026-03-01 13:08:48Z`;
  return { status: error === 'invalid_client' ? 401 : 400, body: { error, error_description, error_codes: [number] } };
}

export function login(state: TenantState, path: string, form: URLSearchParams): Reply {
  const wrong = (text: string): Reply => {
    state.violations.push(`login: ${text}`);
    return refused('invalid_request', 9002313, text);
  };
  if (path === `/${TENANT}/oauth2/v2.0/devicecode`) {
    const client = CLIENTS[form.get('client_id') ?? ''];
    if (client === undefined) return wrong('unknown client');
    const asked = (form.get('scope') ?? '').split(' ').filter(scope => !OIDC.includes(scope));
    if (asked.length === 0 || asked.some(scope => !scope.startsWith(client))) return wrong(`scopes ${asked.join(' ')}`);
    const device_code = Buffer.from(asked.join(' ')).toString('base64url');
    return ok({
      device_code,
      user_code: 'A62NXK96N',
      verification_uri: 'https://microsoft.com/devicelogin',
      expires_in: 900,
      interval: 1,
      message: '',
    });
  }
  if (path !== `/${TENANT}/oauth2/v2.0/token`) return wrong(path);
  if (form.get('grant_type') === 'device_code')
    return person(state, form, Buffer.from(form.get('device_code') ?? '', 'base64url').toString());
  if (form.get('grant_type') === 'authorization_code') {
    if (!form.get('code_verifier') || !form.get('redirect_uri')?.startsWith('http://localhost:'))
      return wrong('no PKCE');
    return person(
      state,
      form,
      (form.get('scope') ?? '')
        .split(' ')
        .filter(scope => !OIDC.includes(scope))
        .join(' '),
    );
  }
  if (form.get('grant_type') === 'client_credentials') return blueprint(state, form, wrong);
  return wrong(`grant ${form.get('grant_type')}`);
}

function person(state: TenantState, form: URLSearchParams, scope: string): Reply {
  const asked = scope.split(' ');
  const host = new URL(asked[0] ?? '').host as 'graph.microsoft.com';
  const short = asked
    .map(scope => new URL(scope).pathname.slice(1))
    .filter(scope => !state.faults.withheld.includes(scope));
  const scopes = [...short, ...state.faults.alsoGranted];
  const access_token = jwt({ aud: `https://${host}`, scp: scopes.join(' '), jti: randomUUID() });
  state.tokens.set(access_token, { audience: host, scopes });
  const id_token = jwt({
    oid: ADMIN,
    tid: TENANT,
    preferred_username: 'admin@contoso.com',
    name: 'Admin',
    sub: 's',
    aud: form.get('client_id'),
  });
  const client_info = Buffer.from(JSON.stringify({ uid: ADMIN, utid: TENANT })).toString('base64url');
  const granted = [...scopes.map(name => `https://${host}/${name}`), 'openid', 'profile'].join(' ');
  return ok({
    token_type: 'Bearer',
    scope: granted,
    expires_in: 4072,
    ext_expires_in: 4072,
    access_token,
    id_token,
    client_info,
    refresh_token: '1.AVY' + 'r'.repeat(80),
  });
}

function blueprint(state: TenantState, form: URLSearchParams, wrong: (text: string) => Reply): Reply {
  const { faults } = state;
  if (form.get('scope') !== 'https://graph.microsoft.com/.default') return wrong(`scope ${form.get('scope')}`);
  const app = state.apps.find(({ appId }) => appId === form.get('client_id'));
  const secret = form.get('client_secret') ?? '';
  if (!app?.blueprint) return refused('unauthorized_client', 700016, 'Application was not found in the directory.');
  const unknown = refused('invalid_client', 7000215, 'Invalid client secret provided.');
  if (state.removedSecrets.get(secret) === app.appId) {
    if (faults.blueprintBlocked)
      return refused('access_denied', 53003, 'Access has been blocked by Conditional Access policies.');
    if (faults.secretLingers === 0) return unknown;
    faults.secretLingers--;
  } else {
    if (!app.passwords.some(password => password.secret === secret)) return unknown;
    if (faults.secretNotYet > 0) {
      faults.secretNotYet--;
      return unknown;
    }
  }
  const access_token = jwt({
    aud: 'https://graph.microsoft.com',
    roles: ['AgentIdentity.CreateAsManager'],
    jti: randomUUID(),
  });
  const unknownIdentity = faults.identityNotYet-- > 0;
  state.tokens.set(access_token, { audience: 'graph.microsoft.com', blueprint: app.appId, unknownIdentity });
  return ok({ token_type: 'Bearer', expires_in: 3599, access_token });
}
