/** Resources of Microsoft that agents use, by the URL without trailing slash, with their application ids. */
export const WELL_KNOWN_RESOURCES: ReadonlyMap<string, string> = new Map([
  ['https://cognitiveservices.azure.com', '7d312290-28c8-473c-a0ed-8e53749b6d6d'],
  ['https://graph.microsoft.com', '00000003-0000-0000-c000-000000000000'],
]);

/** Names of Microsoft's own applications that turn up in these tokens. */
export const WELL_KNOWN_APPS: ReadonlyMap<string, string> = new Map([
  ['7d312290-28c8-473c-a0ed-8e53749b6d6d', 'Microsoft Cognitive Services (Azure OpenAI)'],
  ['00000003-0000-0000-c000-000000000000', 'Microsoft Graph'],
  ['fb60f99c-7a34-4190-8149-302f77469936', 'Microsoft Entra token exchange'],
  ['14d82eec-204b-4c2f-b7e8-296a70dab67e', 'Microsoft Graph Command Line Tools'],
  ['04b07795-8ddb-461a-bbee-02f9e1bf7b46', 'Microsoft Azure CLI'],
]);
