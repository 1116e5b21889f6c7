import * as v from 'valibot';
import { describe } from '../../src/base/errors.ts';
import { parseFailure, type EntraFailure } from '../../src/identity/entraError.ts';
import { networkReason, parseJson, readText } from '../../src/identity/http.ts';
import { GRAPH } from '../../src/identity/wellKnown.ts';
import type { Directory } from './directory.ts';
import { mayBeReplication, ServiceFailure, TenantError } from './errors.ts';
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
/** One whose making got no answer is watched for that long: it may be there and not show yet. */
const WATCH_MS = 60_000;
const MAX_ANSWER_BYTES = 256 * 1024;

/** AADSTS numbers: the secret is wrong, or has ended. */
const SECRET_REFUSED = [7000215, 7000222];
/** The token service does not know the secret, or the application, yet. */
const UNKNOWN_YET = [7000215, 700016];

interface HeldSecret extends v.InferOutput<typeof Secret> {
  /** Entra gave a token for it: when it refuses it after that, it is gone, and not merely new. */
  accepted: boolean;
}

interface Target {
  readonly graph: Graph;
  readonly directory: Directory;
  readonly tenantId: string;
  readonly blueprint: Application;
}

/**
 * Does something as the blueprint, which gets a new token each time that it asks for one. The secret that this takes is
 * made, used, removed whatever happens, and its removal is proved: the blueprint is read back without it, and Entra
 * refuses it. It is held in memory only. Neither its making nor the clean-up listens to Ctrl+C: one that is there and that
 * nobody holds could not be proved to be gone.
 */
export async function withBlueprintToken(
  world: World,
  target: Target,
  work: (token: () => Promise<string>) => Promise<void>,
): Promise<void> {
  const { graph, tenantId, blueprint } = target;
  let secret: HeldSecret | undefined;
  let unsure = false;
  world.say(
    '  Microsoft Graph wants the blueprint itself to create it: a temporary secret is made, and removed again.',
  );
  try {
    world.signal.throwIfAborted();
    const endDateTime = new Date(world.now() + LIFETIME_MS).toISOString();
    const request = addTemporarySecret(blueprint.id, endDateTime);
    try {
      const answer = await graph.send(request, new AbortController().signal);
      secret = { ...parse(Secret, answer, request.path), accepted: false };
    } catch (error) {
      unsure = !(error instanceof ServiceFailure && error.status < 500);
      throw error;
    }
    const held = secret;
    await work(async () => {
      const until = world.now() + PATIENCE_MS;
      for (;;) {
        const answer = await askToken(world, tenantId, blueprint.appId, held.secretText, world.signal);
        if ('token' in answer) {
          held.accepted = true;
          return answer.token;
        }
        if (!UNKNOWN_YET.includes(answer.refused.aadsts ?? 0) || world.now() > until)
          throw new TenantError(
            `Entra gives the blueprint no token: ${answer.refused.detail}`,
            'Run this again; nothing is made twice.',
          );
        await world.sleep(PAUSE_MS, world.signal);
      }
    });
  } finally {
    await removeTemporarySecrets(world, target, { held: secret, watchMs: unsure ? WATCH_MS : 0 });
    if (secret) world.say('  The temporary secret is removed: the blueprint is without it, and Entra refuses it.');
  }
}

/**
 * Removes every secret of this script's name from the blueprint, also that of a run that died, and proves it: the
 * blueprint is read back without them, and Entra refuses the one that we hold, because of the secret and nothing else. A
 * replica that has not heard of a new secret shows none and removes none, so a secret that Entra never accepted counts as
 * removed only when its removal succeeded. Whatever fails is tried again: to remove it twice is to remove it.
 */
export async function removeTemporarySecrets(
  world: World,
  target: Target,
  { held, watchMs = 0 }: { readonly held?: HeldSecret | undefined; readonly watchMs?: number } = {},
): Promise<void> {
  const { signal } = new AbortController(); // Ctrl+C does not leave a secret behind
  const watched = world.now() + watchMs;
  const until = world.now() + PATIENCE_MS;
  const doomed = new Set(held ? [held.keyId] : []);
  const removed = new Set<string>();
  for (;;) {
    let problem: string;
    try {
      problem = await removeOnce(world, target, { held, doomed, removed }, signal);
      if (!problem && world.now() >= watched) return;
    } catch (error) {
      problem = describe(error);
    }
    if (world.now() > until)
      throw new TenantError(
        `It is not proved that the secret "${TEMPORARY}" of the blueprint ${target.blueprint.appId} is gone: ${problem}.`,
        'Look under Certificates & secrets of that blueprint, and delete it there; it ends by itself within an hour.',
      );
    await world.sleep(PAUSE_MS, signal);
  }
}

/** What is not proved yet, or nothing. */
async function removeOnce(
  world: World,
  { graph, directory, tenantId, blueprint }: Target,
  { held, doomed, removed }: { held: HeldSecret | undefined; doomed: Set<string>; removed: Set<string> },
  signal: AbortSignal,
): Promise<string> {
  for (const keyId of doomed)
    try {
      await graph.send(removeSecret(blueprint.id, keyId), signal);
      removed.add(keyId);
    } catch (error) {
      if (!mayBeReplication(error)) throw error;
    }
  const app = await directory.application(blueprint.appId, signal);
  if (!app) return 'the blueprint can not be read';
  const left = temporarySecrets(app);
  for (const { keyId } of left) doomed.add(keyId);
  if (left.length > 0) return 'it is still there';
  if (!held) return '';
  const answer = await askToken(world, tenantId, blueprint.appId, held.secretText, signal);
  if ('token' in answer) {
    held.accepted = true;
    return 'Entra still accepts it';
  }
  if (!SECRET_REFUSED.includes(answer.refused.aadsts ?? 0)) return `Entra says: ${answer.refused.detail}`;
  return held.accepted || removed.has(held.keyId) ? '' : 'the directory does not know it yet';
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
