import { TenantError } from './errors.ts';

/** What an item was found to be. `why` ends a sentence that begins with the title. */
export type Finding =
  { readonly state: 'ok'; readonly note?: string } | { readonly state: 'missing' | 'different'; readonly why: string };

/** One thing that has to be so in the tenant. */
export interface Item {
  readonly title: string;
  /** Its heading in docs/setup-tenant.md. */
  readonly anchor: string;
  /** True when an earlier run wrote its id down: it may be there and not show yet, so it is waited for before it is made. */
  remembered?(): boolean;
  look(): Promise<Finding>;
  /** Makes or mends it. May be called again when it does not show; throws what the service answers. */
  make(): Promise<void>;
}

export const OK: Finding = { state: 'ok' };
export const missing = (why: string): Finding => ({ state: 'missing', why });
export const different = (why: string): Finding => ({ state: 'different', why });

/** Nothing is switched on again by a script: whoever switched it off had a reason. */
export const DISABLED = different('it is disabled, so it gets no token');
export const switchedOff = (what: string): TenantError =>
  new TenantError(
    `${what} is disabled, so it gets no token.`,
    'Ask whoever disabled it; in the Entra admin center it is switched on again (Enterprise applications, or Agent ID).',
  );
