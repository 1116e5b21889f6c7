import { readBody, serve, type Listening, type Reply } from '../server.ts';
import type { World } from '../world.ts';
import { authorize } from './authorize.ts';
import { escape, page } from './html.ts';
import type { Tenant } from './tenant.ts';

/** Names of the two inputs of the device-code page, for whoever fills it in by program. */
export const LOGIN_FIELDS = { codeField: 'code', userField: 'user' } as const;

const AUTHORIZE_PATH = '/oauth2/v2.0/authorize';
const CLOSE = 'You can close this window.';

/**
 * The pages that a person sees, for device codes and for the authorization endpoint: plain http on loopback, so that
 * no browser warns about our CA.
 */
export function startLoginPage(world: World, tenant: () => Tenant): Promise<Listening> {
  return serve({
    world,
    part: 'login',
    async handle(request, url) {
      const isAuthorize = url.pathname.endsWith(AUTHORIZE_PATH);
      if (!isAuthorize && url.pathname !== '/devicelogin') return { status: 404, body: 'Not found' };
      if (request.method !== 'GET' && request.method !== 'POST')
        return { status: 405, headers: { Allow: 'GET, POST' } };
      const form = request.method === 'GET' ? undefined : new URLSearchParams(await readBody(request));
      if (isAuthorize) return authorize(tenant(), request.method, form ?? url.searchParams);
      // A ?code= in the address is neither filled in nor submitted.
      return form ? submit(tenant(), form) : html(200, codeForm(world));
    },
  });
}

function submit(tenant: Tenant, form: URLSearchParams): Reply {
  const { world, sessions } = tenant;
  const code = sessions.userCode(form.get(LOGIN_FIELDS.codeField) ?? '');
  const again = (problem: string) => html(400, codeForm(world, problem));
  if (!code) return again('That code did not work. Check the code and try again.');
  if (world.clock.now() >= code.expiresAt) return again('That code has expired. Ask the application for a new one.');
  if (code.state !== 'pending') return again('That code was used already. Ask the application for a new one.');
  if (form.get('action') === 'cancel') {
    code.state = 'declined';
    return html(200, `<h1>Sign-in cancelled</h1><p>${escape(code.client.name)} was told. ${CLOSE}</p>`);
  }
  const user = world.users.find(candidate => candidate.upn === form.get(LOGIN_FIELDS.userField));
  if (!user) return again('Choose a user.');
  if (tenant.switches.deviceCode === 'blocked')
    return html(
      403,
      `<h1>You cannot access this right now</h1>
<p>Your sign-in was successful but does not meet the criteria to access this resource: an authentication flows policy
blocks the device code flow.</p><p>Error code: 530036 &middot; App name: ${escape(code.client.name)}</p>`,
    );
  code.state = sessions.signIn(user, code.client, code.claims);
  return html(
    200,
    `<h1>Signed in</h1><p>${escape(user.upn)} is signed in to <strong>${escape(code.client.name)}</strong>
on the device where the code came from. ${CLOSE}</p>`,
  );
}

function codeForm(world: World, problem?: string): string {
  const options = world.users.map(
    ({ upn, name }) => `<option value="${escape(upn)}">${escape(name)} (${escape(upn)})</option>`,
  );
  return `<h1>Enter the code</h1>
<p>Type the code that the application shows. Type only a code that you asked for yourself, on your own device: whoever
sent you one would be signed in as you.</p>
${problem ? `<p role="alert" class="problem">${escape(problem)}</p>` : ''}
<form method="post" autocomplete="off">
<label for="code">Code</label>
<input id="code" name="${LOGIN_FIELDS.codeField}" required autofocus spellcheck="false" autocapitalize="characters">
<label for="user">Sign in as</label>
<select id="user" name="${LOGIN_FIELDS.userField}">${options.join('')}</select>
<div class="buttons"><button name="action" value="consent">Continue</button>
<button name="action" value="cancel" class="secondary">Cancel</button></div>
</form>`;
}

function html(status: number, body: string): Reply {
  return { status, headers: page.headers, body: page.render('Sign in to your account', body) };
}
