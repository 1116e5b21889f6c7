import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Agent, fetch as undiciFetch } from 'undici';
import type { Connection } from '../../../src/sandbox/sandbox.ts';

const SCRIPT = fileURLToPath(new URL('../../../scripts/sandbox.ts', import.meta.url));
const START_TIMEOUT_MS = 30_000;
/** An application of Microsoft's that may use device codes in every tenant; the sandbox knows it as well. */
export const PUBLIC_CLIENT = '14d82eec-204b-4c2f-b7e8-296a70dab67e';

export interface TestSandbox {
  readonly json: Connection;
  /** A fetch that trusts the sandbox's CA, for Entra and the API server. */
  readonly fetch: typeof fetch;
  /** GET of the control endpoint without a body, POST with one; throws on any status but 200. */
  control(path: string, body?: unknown): Promise<unknown>;
  /** A call of the simulated cluster through the control endpoint, e.g. `cutTunnels`; its result. */
  kube<T = unknown>(call: string, ...args: unknown[]): Promise<T>;
  /** Ends the child with SIGTERM and waits for it; its exit code. */
  stop(): Promise<number | null>;
}

/** Starts the sandbox as a child process, from the sources. The caller stops it. */
export async function startSandbox(args: string[] = []): Promise<TestSandbox> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', SCRIPT, '--json', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const ended = once(child, 'exit') as Promise<[number | null]>;
  const lines = createInterface({ input: child.stdout });
  const ready = (async () => {
    for await (const line of lines) if (line.startsWith('{')) return JSON.parse(line) as Connection;
    await ended;
    throw new Error(`The sandbox ended before it was ready.\n${said}`);
  })();
  const stop = async (): Promise<number | null> => {
    await dispatcher?.close();
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    return (await ended)[0];
  };
  let dispatcher: Agent | undefined;
  let timer: NodeJS.Timeout | undefined;
  try {
    const late = new Promise<never>((_resolve, reject) => {
      const expire = () => reject(new Error(`The sandbox is not ready after ${START_TIMEOUT_MS} ms.\n${said}`));
      timer = setTimeout(expire, START_TIMEOUT_MS);
    });
    const json = await Promise.race([ready, late]);
    const agent = new Agent({ connect: { ca: await readFile(json.caFile, 'utf8') } });
    dispatcher = agent;
    const trusting = (input: string | URL, init?: Parameters<typeof undiciFetch>[1]) =>
      undiciFetch(input, { ...init, dispatcher: agent });
    return {
      json,
      fetch: trusting as typeof fetch,
      control: (path, body) => control(json, path, body),
      kube: async <T>(call: string, ...args: unknown[]) =>
        ((await control(json, '/kubernetes', { do: call, args })) as { result: T }).result,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function control(json: Connection, path: string, body: unknown): Promise<unknown> {
  const response = await fetch(new URL(path, json.controlUrl), {
    method: body === undefined ? 'GET' : 'POST',
    headers: { Authorization: `Bearer ${json.controlToken}` },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`control ${path}: ${response.status} ${text}`);
  return JSON.parse(text) as unknown;
}

/** What a person does on the sign-in page: types the code, chooses a user, presses a button. The page's status and text. */
export async function fillLoginPage(
  json: Connection,
  code: string,
  options: { user?: string; action?: 'consent' | 'cancel' } = {},
): Promise<{ status: number; text: string }> {
  const { login, users } = json;
  const response = await fetch(login.url, {
    method: 'POST',
    body: new URLSearchParams({
      [login.codeField]: code,
      [login.userField]: options.user ?? users[0]?.upn ?? '',
      action: options.action ?? 'consent',
    }),
  });
  return { status: response.status, text: await response.text() };
}

export interface TokenAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

/** One form posted to an endpoint of the tenant, such as `oauth2/v2.0/token`. */
export async function postForm(
  sandbox: TestSandbox,
  path: string,
  form: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<TokenAnswer> {
  const response = await sandbox.fetch(`${sandbox.json.authority}/${path}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams(form).toString(),
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as TokenAnswer['body'] };
}

/** A whole device-code sign-in without a library: its token response. */
export async function signIn(
  sandbox: TestSandbox,
  options: { user?: string; scope?: string; claims?: string } = {},
): Promise<{ access_token: string; refresh_token: string; expires_in: number }> {
  const scope = options.scope ?? `${sandbox.json.scope} openid profile offline_access`;
  const claims = options.claims === undefined ? undefined : { claims: options.claims };
  const started = await postForm(sandbox, 'oauth2/v2.0/devicecode', { client_id: PUBLIC_CLIENT, scope, ...claims });
  const { user_code: code, device_code: deviceCode } = started.body as { user_code: string; device_code: string };
  const page = await fillLoginPage(sandbox.json, code, options);
  if (page.status !== 200) throw new Error(`The sign-in page answered ${page.status}`);
  const done = await postForm(sandbox, 'oauth2/v2.0/token', {
    client_id: PUBLIC_CLIENT,
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    device_code: deviceCode,
  });
  if (done.status !== 200) throw new Error(`The token endpoint answered ${JSON.stringify(done.body)}`);
  return done.body as { access_token: string; refresh_token: string; expires_in: number };
}
