import { agents } from './agents.ts';
import { agentClaims, application, exposed, federation, noSecret, principal } from './applications.ts';
import type { Context } from './context.ts';
import type { Item } from './item.ts';
import { issuer } from './issuer.ts';
import { agentConsent, client, cognitiveServices, preAuthorization, role, signInConsent } from './permissions.ts';

/** Everything that has to be so, in the order in which one builds on the other. */
export function items(context: Context): Item[] {
  const { options, azure } = context;
  return [
    ...(options.issuer !== undefined ? [issuer(context, options.issuer)] : []),
    application(context, 'blueprint', 'blueprint'),
    principal(context, 'blueprint', 'blueprint'),
    exposed(context, 'blueprint', 'blueprint'),
    ...(options.issuer !== undefined || options.command === 'check' ? [federation(context)] : []),
    agents(context),
    noSecret(context),
    application(context, 'mcp', 'mcp-application'),
    principal(context, 'mcp', 'mcp-application'),
    exposed(context, 'mcp', 'mcp-application'),
    agentClaims(context),
    application(context, 'client', 'sign-in-client'),
    principal(context, 'client', 'sign-in-client'),
    client(context),
    preAuthorization(context),
    signInConsent(context),
    cognitiveServices(context),
    ...options.agents.flatMap(agent => [agentConsent(context, agent, 'mcp'), agentConsent(context, agent, 'model')]),
    ...(azure
      ? [
          ...options.agents.map(agent => role(context, { agent })),
          ...users(context).map(user => role(context, { user })),
        ]
      : []),
  ];
}

/** Who may use the model: those who were named, else whoever signed in. */
export function users({ options, me }: Pick<Context, 'options' | 'me'>): readonly string[] {
  return options.users.length > 0 ? options.users : [me];
}
