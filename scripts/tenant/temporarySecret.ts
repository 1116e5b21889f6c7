import * as v from 'valibot';
import { parseFailure, type EntraFailure } from '../../src/identity/entraError.ts';
import { networkReason, parseJson, readText } from '../../src/identity/http.ts';
import { GRAPH } from '../../src/identity/wellKnown.ts';
import type { Directory } from './directory.ts';
import { mayBeReplication, TenantError } from './errors.ts';
import { parse, type Graph } from './graph.ts';
import { addTemporarySecret, removeSecret, TEMPORARY } from './requests.ts';
import { Secret, type Application } from './schemas.ts';
import { LOGIN } from './signIn.ts';
import type { World } from './world.ts';

/** It ends by itself, should everything else fail. Tenants with a policy for secrets allow an hour. */
const LIFETIME_MS = 60 * 60_000;
const PAUSE_MS = 10_000;
/** A new secret is refused for half a minute, and a removed one may still be taken for some. */
const PATIENCE_MS = 5 * 60_000;
const MAX_ANSWER_BYTES = 256 * 1024;

/** AADSTS numbers of a secret, or an application, that the token service does not know (yet). */
const UNKNOWN_YET = [7000215, 700016];

interface Target {
  readonly graph: Graph;
  readonly directory: Directory;
  readonly tenantId: string;
  readonly blueprint: Application;
}

/**
 * Does something with the blueprint's own token. The secret that this takes is made, used, removed whatever happens, and
 * its removal is proved: the blueprint is read back without it, and Entra refuses it. It is held in memory only. The
 * clean-up does not listen to Ctrl+C.
 */
export async function withBlueprintToken(
  world: World,
  target: Target,
  work: (token: string) => Promise<void>,
): Promise<void> {
  const { graph, tenantId, blueprint } = target;
  let secret: v.InferOutput<typeof Secret> | undefined;
  world.say(
    '  Microsoft Graph wants the blueprint itself to create it: a temporary secret is made, and removed again.',
  );
  try {
    const endDateTime = new Date(world.now() + LIFETIME_MS).toISOString();
    const request = addTemporarySecret(blueprint.id, endDateTime);
    secret = parse(Secret, await graph.send(request, world.signal), request.path);
    const until = world.now() + PATIENCE_MS;
    for (;;) {
      const answer = await askToken(world, tenantId, blueprint.appId, secret.secretText, world.signal);
      if ('token' in answer) {
        await work(answer.token);
        return;
      }
      if (!UNKNOWN_YET.includes(answer.refused.aadsts ?? 0) || world.now() > until)
        throw new TenantError(
          `Entra gives the blueprint no token: ${answer.refused.detail}`,
          'Run this again; nothing is made twice.',
        );
      await world.sleep(PAUSE_MS, world.signal);
    }
  } finally {
    await removeTemporarySecrets(world, target, secret);
    if (secret) world.say('  The temporary secret is removed: the blueprint is without it, and Entra refuses it.');
  }
}

/**
 * Removes every secret of this script's name from the blueprint, also that of a run that died, and proves it: the
 * blueprint is read back without them, and Entra refuses the one that we hold. A replica that has not heard of a new
 * secret would show none, so that one is removed by its id first, and again for as long as Entra accepts it.
 */
export async function removeTemporarySecrets(
  world: World,
  { graph, directory, tenantId, blueprint }: Target,
  held?: v.InferOutput<typeof Secret>,
): Promise<void> {
  const { signal } = new AbortController(); // Ctrl+C does not leave a secret behind
  const until = world.now() + PATIENCE_MS;
  let doomed = held ? [held.keyId] : [];
  for (;;) {
    for (const keyId of doomed)
      await graph.send(removeSecret(blueprint.id, keyId), signal).catch((error: unknown) => {
        if (!mayBeReplication(error)) throw error;
      });
    const app = await directory.application(blueprint.appId, signal);
    doomed = temporarySecrets(app).map(({ keyId }) => keyId);
    const accepted = held && 'token' in (await askToken(world, tenantId, blueprint.appId, held.secretText, signal));
    if (app && doomed.length === 0 && !accepted) return;
    if (accepted && !doomed.includes(held.keyId)) doomed.push(held.keyId);
    if (world.now() > until)
      throw new TenantError(
        `The secret "${TEMPORARY}" of the blueprint ${blueprint.appId} still works or is still there after its removal.`,
        'Delete it by hand under Certificates & secrets of that blueprint; it ends by itself within an hour.',
      );
    await world.sleep(PAUSE_MS, signal);
  }
}

export const temporarySecrets = (app: Application | undefined) =>
  app?.passwordCredentials.filter(({ displayName }) => displayName === TEMPORARY) ?? [];

const TokenAnswer = v.object({ access_token: v.pipe(v.string(), v.nonEmpty()) });

/** A token of the blueprint itself for Graph (OAuth client credentials), or Entra's refusal. Throws when it says neither. */
async function askToken(
  world: World,
  tenantId: string,
  appId: string,
  secret: string,
  signal: AbortSignal,
): Promise<{ token: string } | { refused: EntraFailure }> {
  for (let attempt = 1; ; attempt++) {
    let problem: string;
    try {
      const response = await world.fetch(`${LOGIN}/${tenantId}/oauth2/v2.0/token`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({
          client_id: appId,
          client_secret: secret,
          scope: `${GRAPH}/.default`,
          grant_type: 'client_credentials',
        }).toString(),
        redirect: 'error',
        signal: AbortSignal.any([signal, AbortSignal.timeout(60_000)]),
      });
      const body = parseJson((await readText(response, MAX_ANSWER_BYTES)) ?? '');
      const token = v.safeParse(TokenAnswer, body);
      if (response.ok && token.success) return { token: token.output.access_token };
      const refused = parseFailure(body);
      if (refused && response.status < 500 && response.status !== 429) return { refused };
      problem = `it answers ${response.status}`;
    } catch (error) {
      signal.throwIfAborted();
      problem = networkReason(error);
    }
    if (attempt >= 5)
      throw new TenantError(`Entra gives no answer about the blueprint's token: ${problem}.`, 'Run this again later.');
    await world.sleep(1000 * 2 ** attempt, signal);
  }
}
