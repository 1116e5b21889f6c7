import { randomBytes, timingSafeEqual } from 'node:crypto';
import * as v from 'valibot';
import { readBody, serve, type Listening, type Reply } from './server.ts';
import type { World } from './world.ts';

/*
 * The control endpoint: how a test, or a person with curl, makes the sandbox misbehave. JSON in and out, with
 * `Authorization: Bearer <controlToken>`. A wrong body is a 400 that says why. After `/entra` and `/sidecar` got a POST,
 * what it did not name is as before, and the answer is what GET would say.
 *
 * | method and path       | body / answer                                                                            |
 * | GET  /                | every panel by name: `{entra: {…}, sidecar: {…}, clock: {…}, …}`                          |
 * | POST /reset           | all switches back to their defaults, request log emptied                                 |
 * | GET  /requests        | `[{part, method, path, status, at}]`, oldest first, `status` 0 = dropped; never a token    |
 * | GET, POST /clock      | `{offsetSeconds}`: every part's clock is that far ahead of the real one                    |
 * | GET, POST /entra      | entra/switches.ts                                                                        |
 * | GET, POST /sidecar    | sidecar/switches.ts                                                                      |
 * | GET, POST /kubernetes | kubePanel.ts                                                                             |
 * | GET, POST /mcp        | mcp/servers.ts: `{server, down?, extraTool?, dropSessions?}`                              |
 * | GET, POST /model      | model/faults.ts: replaces the armed faults                                               |
 */

const Clock = v.strictObject({ offsetSeconds: v.pipe(v.number(), v.finite()) });

/** Starts the control endpoint over the world's panels, and adds the panel of the clock. */
export async function startControl(world: World): Promise<Listening & { token: string }> {
  const token = randomBytes(24).toString('base64url');
  world.panels.set('clock', {
    read: () => ({ offsetSeconds: world.clock.offsetSeconds }),
    apply: body => void (world.clock.offsetSeconds = v.parse(Clock, body).offsetSeconds),
    reset: () => void (world.clock.offsetSeconds = 0),
  });
  const listening = await serve({
    world,
    part: 'control',
    async handle(request, url) {
      if (!sameText(request.headers.authorization ?? '', `Bearer ${token}`))
        return { status: 401, headers: { 'WWW-Authenticate': 'Bearer' }, body: { error: 'Wrong control token' } };
      const get = request.method === 'GET';
      if (get && url.pathname === '/')
        return {
          status: 200,
          body: Object.fromEntries([...world.panels].map(([name, panel]) => [name, panel.read()])),
        };
      if (get && url.pathname === '/requests')
        return { status: 200, body: world.requests.filter(entry => entry.part !== 'control') };
      if (request.method === 'POST' && url.pathname === '/reset') {
        for (const panel of world.panels.values()) await panel.reset();
        world.requests.length = 0;
        return { status: 200, body: {} };
      }
      const panel = world.panels.get(url.pathname.slice(1));
      if (!panel) return { status: 404, body: { error: `No panel ${url.pathname}`, panels: [...world.panels.keys()] } };
      if (get) return { status: 200, body: panel.read() };
      if (request.method !== 'POST') return { status: 405, headers: { Allow: 'GET, POST' } };
      return applied(async () => {
        const answer = await panel.apply(JSON.parse((await readBody(request)) || '{}'));
        return answer ?? panel.read();
      });
    },
  });
  return { ...listening, token };
}

async function applied(work: () => Promise<unknown>): Promise<Reply> {
  try {
    return { status: 200, body: await work() };
  } catch (error) {
    return { status: 400, body: { error: error instanceof Error ? error.message : String(error) } };
  }
}

function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
