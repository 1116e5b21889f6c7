import * as v from 'valibot';
import { isReachable } from '../../src/doctor/federation.ts';
import { networkReason, parseJson, readText } from '../../src/identity/http.ts';
import type { Context } from './context.ts';
import { TenantError } from './errors.ts';
import { different, OK, type Finding, type Item } from './item.ts';
import { plain } from './schemas.ts';

const TIMEOUT_MS = 15_000;
const MAX_BYTES = 256 * 1024;
const Discovery = v.object({ issuer: v.string() });

/**
 * The cluster's issuer as it was said here: Entra compares it letter by letter with what the tokens say, and reads the
 * keys from it over the internet. A slash too few is found here, and not days later as AADSTS700211.
 */
export function issuer({ world }: Context, said: string): Item {
  const look = async (): Promise<Finding> => {
    if (!isReachable(said, false))
      return different('it is an address inside the cluster, where Entra can not read its keys');
    const url = `${said.replace(/\/$/, '')}/.well-known/openid-configuration`;
    let reason: string;
    try {
      const response = await world.fetch(url, {
        headers: { Accept: 'application/json' },
        redirect: 'error', // Entra follows none either
        signal: AbortSignal.any([world.signal, AbortSignal.timeout(TIMEOUT_MS)]),
      });
      const body = v.safeParse(Discovery, parseJson((await readText(response, MAX_BYTES)) ?? ''));
      if (response.ok && body.success) {
        const { issuer: published } = body.output;
        if (published === said) return OK;
        return different(`the cluster calls itself ${plain(published).slice(0, 200)}, which is not the same to Entra`);
      }
      reason = response.ok ? 'no such document' : `status ${response.status}`;
    } catch (error) {
      world.signal.throwIfAborted();
      reason = networkReason(error);
    }
    return { state: 'ok', note: `${url} can not be read from here (${plain(reason).slice(0, 200)}); Entra has to` };
  };
  return {
    title: `Issuer of the cluster ${said}`,
    anchor: 'federated-credential',
    look,
    async make() {
      const found = await look();
      if (found.state === 'ok') return;
      throw new TenantError(
        `The issuer ${said} can not be right: ${found.why}.`,
        'Give the one that the tokens of the cluster have, with --issuer; docs/setup-cluster.md says how to publish it.',
      );
    },
  };
}
