export const GRAPH = 'https://graph.microsoft.com';

/** Entra's token exchange, the audience of T1: as scopes name it in the worldwide cloud, and its application id. */
export const EXCHANGE = 'api://AzureADTokenExchange';
export const EXCHANGE_APP = 'fb60f99c-7a34-4190-8149-302f77469936';

/** Resources of Microsoft that agents use, by the URL in lower case without trailing slash, with their application ids. */
export const WELL_KNOWN_RESOURCES: ReadonlyMap<string, string> = new Map([
  ['https://cognitiveservices.azure.com', '7d312290-28c8-473c-a0ed-8e53749b6d6d'],
  [GRAPH, '00000003-0000-0000-c000-000000000000'],
  // One per cloud (AzureAD/microsoft-identity-web); that the id is the same in all of them is a guess.
  [EXCHANGE.toLowerCase(), EXCHANGE_APP],
  ['api://azureadtokenexchangeusgov', EXCHANGE_APP],
  ['api://azureadtokenexchangechina', EXCHANGE_APP],
]);

/** Names of Microsoft's own applications, and of directory roles, that turn up in these tokens. */
export const WELL_KNOWN_NAMES: ReadonlyMap<string, string> = new Map([
  ['7d312290-28c8-473c-a0ed-8e53749b6d6d', 'Microsoft Cognitive Services (Azure OpenAI)'],
  ['00000003-0000-0000-c000-000000000000', 'Microsoft Graph'],
  [EXCHANGE_APP, 'Microsoft Entra token exchange'],
  ['14d82eec-204b-4c2f-b7e8-296a70dab67e', 'Microsoft Graph Command Line Tools'],
  ['04b07795-8ddb-461a-bbee-02f9e1bf7b46', 'Microsoft Azure CLI'],
  // Microsoft Learn, "Microsoft Entra built-in roles": the two that can give themselves every other.
  ['62e90394-69f5-4237-9190-012177145e10', 'Directory role: Global Administrator'],
  ['e8611ab8-c189-46e8-94e1-60213ab1f814', 'Directory role: Privileged Role Administrator'],
]);
