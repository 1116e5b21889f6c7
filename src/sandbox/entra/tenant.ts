import type { World } from '../world.ts';
import { issuers, type Addresses } from './discovery.ts';
import { Sessions } from './sessions.ts';
import { registerSwitches, type EntraSwitches } from './switches.ts';

/** What every endpoint of the simulated Entra works on. */
export interface Tenant {
  readonly world: World;
  readonly sessions: Sessions;
  readonly switches: EntraSwitches;
  /** `https://127.0.0.1:<port>` */
  readonly origin: string;
  readonly issuerV1: string;
  readonly issuerV2: string;
  /** `http://127.0.0.1:<port>` of the pages for people. */
  readonly loginOrigin: string;
  /** URL of the device-code page. */
  readonly loginUrl: string;
}

/** The tenant of a world; its addresses are known only when its servers listen. */
export function createTenant(world: World, addresses: Addresses): Tenant {
  const sessions = new Sessions();
  const switches = registerSwitches(world, sessions);
  return {
    world,
    sessions,
    switches,
    get origin() {
      return addresses.origin;
    },
    get issuerV1() {
      return issuers(addresses.origin, world.tenantId).v1;
    },
    get issuerV2() {
      return issuers(addresses.origin, world.tenantId).v2;
    },
    get loginOrigin() {
      return addresses.loginOrigin;
    },
    get loginUrl() {
      return `${addresses.loginOrigin}/devicelogin`;
    },
  };
}
