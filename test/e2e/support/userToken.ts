import { readFileSync } from 'node:fs';
import { Agent, fetch } from 'undici';
import * as v from 'valibot';
import type { Connection } from './connection.ts';

const Code = v.object({ user_code: v.string(), device_code: v.string() });
const Token = v.object({ access_token: v.string() });

/** A user token of the sandbox for this client, as somebody else than our extension would get it. */
export async function userToken(connection: Connection, clientId: string, upn: string): Promise<string> {
  const { authority, caFile, login, scope } = connection;
  if (login === 'manual' || caFile === null) throw new Error('Only a sandbox signs in by program.');
  const dispatcher = new Agent({ connect: { ca: readFileSync(caFile, 'utf8') } });
  const post = async (url: string, form: Record<string, string>) =>
    fetch(url, { method: 'POST', body: new URLSearchParams(form), dispatcher });
  try {
    const begun = await post(`${authority}/oauth2/v2.0/devicecode`, { client_id: clientId, scope });
    const code = v.parse(Code, await begun.json());
    await post(login.url, { [login.codeField]: code.user_code, [login.userField]: upn, action: 'consent' });
    const done = await post(`${authority}/oauth2/v2.0/token`, {
      client_id: clientId,
      grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
      device_code: code.device_code,
    });
    return v.parse(Token, await done.json()).access_token;
  } finally {
    await dispatcher.close();
  }
}
