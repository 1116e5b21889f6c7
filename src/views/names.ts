import type { Connection } from '../agent/connection.ts';
import { WELL_KNOWN_NAMES } from '../identity/wellKnown.ts';

/** Friendly names for GUIDs, by GUID in lower case: of Microsoft's own applications, and what this connection knows. */
export function knownNames(connection: Connection | undefined): ReadonlyMap<string, string> {
  if (!connection) return WELL_KNOWN_NAMES;
  const { configuration, account, agent } = connection;
  const names = new Map(WELL_KNOWN_NAMES);
  const add = (guid: string | undefined, name: string) => {
    if (guid && !names.has(guid.toLowerCase())) names.set(guid.toLowerCase(), name);
  };
  add(configuration.agentAppId.value, agent.deployment);
  add(configuration.blueprintAppId.value, `blueprint of ${agent.serviceAccount}`);
  add(configuration.tenantId.value, 'tenant');
  add(configuration.clientId.value, 'sign-in client');
  add(account?.oid, account?.username ?? '');
  for (const [api, audiences] of Object.entries(configuration.audiences)) {
    for (const audience of audiences) add(/^api:\/\/([0-9a-f-]{36})$/i.exec(audience)?.[1], `API "${api}"`);
  }
  return names;
}
