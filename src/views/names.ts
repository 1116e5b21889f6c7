import type { Connection } from '../agent/connection.ts';

const WELL_KNOWN: readonly (readonly [string, string])[] = [
  ['14d82eec-204b-4c2f-b7e8-296a70dab67e', 'Microsoft Graph Command Line Tools'],
  ['00000003-0000-0000-c000-000000000000', 'Microsoft Graph'],
  ['7d312290-28c8-473c-a0ed-8e53749b6d6d', 'Azure Cognitive Services'],
  ['fb60f99c-7a34-4190-8149-302f77469936', 'Entra token exchange'],
];

/** Friendly names for the GUIDs that this connection knows, by GUID in lower case. */
export function knownNames(connection: Connection): ReadonlyMap<string, string> {
  const { configuration, account, agent } = connection;
  const names = new Map(WELL_KNOWN);
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
