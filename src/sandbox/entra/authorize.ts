import { createHash, randomUUID } from 'node:crypto';
import type { Reply } from '../server.ts';
import type { Application } from '../world.ts';
import { EntraError } from './errors.ts';
import { escape, page } from './html.ts';
import { clientInfo } from './mint.ts';
import { readScope } from './scopes.ts';
import { takeFault } from './switches.ts';
import type { Tenant } from './tenant.ts';

const CODE_LIFETIME = 10 * 60_000;
const VSCODE_REDIRECT = 'https://vscode.dev/redirect';
const MODES = ['query', 'fragment', 'form_post'];
const PROMPTS = ['login', 'none', 'consent', 'select_account'];
/** The person pressed Cancel. */
const LEFT = 65004;
const SUBMIT = 'document.forms[0].submit()';

interface Request {
  readonly client: Application;
  readonly redirectUri: string;
  readonly mode: string;
  readonly parameters: URLSearchParams;
}

/**
 * The authorization endpoint for public clients, with PKCE: GET shows the choice of users, POST of the same parameters
 * with `user` and `action` answers at the redirect URI, in the response mode that was asked for (`query` without one).
 * `login_hint` names the user that is chosen beforehand, `prompt` what the page asks; parameters that it does not know
 * (`domain_hint`, `client-request-id`, …) change nothing.
 */
export function authorize(tenant: Tenant, method: string | undefined, parameters: URLSearchParams): Reply {
  let request: Request;
  try {
    request = checkClient(tenant, parameters);
  } catch (error) {
    if (!(error instanceof EntraError)) throw error;
    // Without a trustworthy redirect URI the refusal stays on our own page.
    return html(
      400,
      `<h1>Sign in</h1><p role="alert" class="problem">AADSTS${error.code}: ${escape(error.message)}</p>`,
    );
  }
  try {
    checkRequest(tenant, request);
    if (method === 'GET') return html(200, userForm(tenant, request));
    return respond(request, submit(tenant, request));
  } catch (error) {
    if (!(error instanceof EntraError)) throw error;
    return respond(request, refusal(tenant, error, parameters.get('client-request-id') ?? randomUUID()));
  }
}

/** An error as the redirect carries it: no numbers, no timestamp, and a word for a person who left. */
function refusal(tenant: Tenant, error: EntraError, correlationId: string): Record<string, string> {
  const body = error.body({ origin: tenant.origin, correlationId, now: tenant.world.clock.now() });
  return {
    error: String(body.error),
    ...(error.code === LEFT && { error_subcode: 'cancel' }),
    error_description: String(body.error_description),
    error_uri: String(body.error_uri),
  };
}

function checkClient(tenant: Tenant, parameters: URLSearchParams): Request {
  const clientId = parameters.get('client_id')?.toLowerCase() ?? '';
  const client = tenant.world.publicClients.find(app => app.appId === clientId);
  if (!client) throw new EntraError(700016, [clientId, tenant.world.tenantName]);
  const redirectUri = parameters.get('redirect_uri') ?? '';
  if (!isRegistered(redirectUri)) throw new EntraError(50011, [redirectUri, client.name]);
  return { client, redirectUri, mode: parameters.get('response_mode') ?? 'query', parameters };
}

/** Loopback addresses are registered without a port, as for every native application. */
function isRegistered(redirectUri: string): boolean {
  const url = URL.parse(redirectUri);
  if (redirectUri === VSCODE_REDIRECT) return true;
  return url?.protocol === 'http:' && ['localhost', '127.0.0.1'].includes(url.hostname);
}

function checkRequest(tenant: Tenant, { client, mode, parameters }: Request): void {
  if (parameters.get('response_type') !== 'code' || !MODES.includes(mode)) throw new EntraError(9002313);
  if (!parameters.get('code_challenge')) throw new EntraError(900144, ['code_challenge']);
  if (parameters.get('code_challenge_method') !== 'S256') throw new EntraError(9002313);
  readScope(parameters.get('scope') ?? undefined, client, tenant.world);
  const prompt = parameters.get('prompt');
  if (prompt && !PROMPTS.includes(prompt)) throw new EntraError(9002313);
  if (prompt === 'none') throw new EntraError(50058);
}

function submit(tenant: Tenant, { client, redirectUri, parameters }: Request): Record<string, string> {
  const { world, sessions } = tenant;
  if (parameters.get('action') === 'cancel') throw new EntraError(LEFT);
  const fault = takeFault(tenant.switches, 'authorizeFault');
  if (fault !== undefined) throw new EntraError(fault, [client.name]);
  const user = world.users.find(candidate => candidate.upn === parameters.get('user'));
  if (!user) throw new EntraError(50034, [parameters.get('user') ?? '']);
  const session = sessions.signIn(user, client, parameters.get('claims') ?? undefined);
  const code = sessions.newAuthorizationCode({
    session,
    redirectUri,
    scope: parameters.get('scope') ?? '',
    challenge: parameters.get('code_challenge') ?? '',
    nonce: parameters.get('nonce') ?? undefined,
    expiresAt: world.clock.now() + CODE_LIFETIME,
  });
  const answer: Record<string, string> = { code, session_state: session.id };
  if (parameters.get('client_info') === '1') answer.client_info = clientInfo(tenant, user);
  return answer;
}

function respond({ redirectUri, mode, parameters }: Request, answer: Record<string, string>): Reply {
  const state = parameters.get('state');
  const fields = Object.entries({ ...answer, ...(state !== null && { state }) });
  if (mode === 'form_post') {
    const inputs = fields.map(([name, value]) => `<input type="hidden" name="${name}" value="${escape(value)}">`);
    const form = `<form method="post" action="${escape(redirectUri)}">${inputs.join('')}<p>Where this page may run no script, Continue takes you back.</p><button>Continue</button></form>`;
    const hash = createHash('sha256').update(SUBMIT).digest('base64');
    const policy = `${page.headers['Content-Security-Policy']}; script-src 'sha256-${hash}'`;
    const reply = html(200, `${form}<script>${SUBMIT}</script>`);
    return { ...reply, headers: { ...page.headers, 'Content-Security-Policy': policy } };
  }
  const url = new URL(redirectUri);
  const text = new URLSearchParams(fields).toString();
  if (mode === 'fragment') url.hash = text;
  else for (const [name, value] of fields) url.searchParams.set(name, value);
  return { status: 302, headers: { Location: url.href, 'Cache-Control': 'no-store' } };
}

function userForm({ world }: Tenant, { client, parameters }: Request): string {
  const hint = parameters.get('login_hint');
  const options = world.users.map(
    ({ upn, name }) =>
      `<option value="${escape(upn)}"${upn === hint ? ' selected' : ''}>${escape(name)} (${escape(upn)})</option>`,
  );
  const hidden = [...parameters]
    .filter(([name]) => name !== 'user' && name !== 'action')
    .map(([name, value]) => `<input type="hidden" name="${escape(name)}" value="${escape(value)}">`);
  const prompt = parameters.get('prompt');
  const consent =
    prompt === 'consent'
      ? `<p>${escape(client.name)} asks for: ${escape(parameters.get('scope') ?? '')}. Continue to accept.</p>`
      : '';
  return `<h1>${prompt === 'select_account' ? 'Pick an account' : 'Sign in'}</h1>
<p>to continue to <strong>${escape(client.name)}</strong></p>${consent}
<form method="post">${hidden.join('')}
<label for="user">Sign in as</label><select id="user" name="user">${options.join('')}</select>
<div class="buttons"><button name="action" value="consent">Continue</button>
<button name="action" value="cancel" class="secondary">Cancel</button></div></form>`;
}

function html(status: number, body: string): Exclude<Reply, 'drop'> {
  return { status, headers: page.headers, body: page.render('Sign in to your account', body) };
}
