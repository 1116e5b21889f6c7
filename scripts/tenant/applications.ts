import { APPLICATIONS, displayName, findApplication, mustFind, type Context, type Kind } from './context.ts';
import { parse } from './graph.ts';
import { different, DISABLED, missing, OK, switchedOff, type Item } from './item.ts';
import * as requests from './requests.ts';
import { Application } from './schemas.ts';
import { removeTemporarySecrets, temporarySecrets } from './temporarySecret.ts';

/** Names of an application as messages have them: first letter in upper case, without the article. */
const titled = (kind: Kind) => APPLICATIONS[kind].called.replace(/^the (.)/, (_, first: string) => first.toUpperCase());

export function application(context: Context, kind: Kind, anchor: string): Item {
  const { options, graph, world, made } = context;
  const name = displayName(options, kind);
  const { variable } = APPLICATIONS[kind];
  return {
    title: `${titled(kind)} "${name}"`,
    anchor,
    remembered: () => options.env.get(variable) !== undefined,
    look: async () => ((await findApplication(context, kind)) ? OK : missing('there is none')),
    async make() {
      if (made.has(variable)) return;
      const request =
        kind === 'blueprint'
          ? requests.createBlueprint(name, options.sponsor ?? context.me)
          : requests.createApplication(name);
      const app = parse(Application, await graph.send(request, world.signal), request.path);
      made.add(variable);
      options.env.set(variable, app.appId);
    },
  };
}

/** The service principal: without it the application is not known to the token service (AADSTS700016). */
export function principal(context: Context, kind: Kind, anchor: string): Item {
  const { directory, graph, world } = context;
  return {
    title: `${titled(kind)}: its principal`,
    anchor,
    async look() {
      const app = await findApplication(context, kind);
      if (!app) return missing(`it needs ${APPLICATIONS[kind].called}`);
      const found = await directory.principal(app.appId, world.signal);
      if (!found) return missing('there is none');
      return found.accountEnabled === false ? DISABLED : OK;
    },
    async make() {
      const { appId } = await mustFind(context, kind);
      const held = await directory.principal(appId, world.signal);
      if (held?.accountEnabled === false) throw switchedOff(`The principal of ${APPLICATIONS[kind].called}`);
      const request = kind === 'blueprint' ? requests.createBlueprintPrincipal(appId) : requests.createPrincipal(appId);
      await graph.send(request, world.signal);
    },
  };
}

export function exposed(context: Context, kind: 'blueprint' | 'mcp', anchor: string): Item {
  const { graph, world } = context;
  // A blueprint's tokens are version 2 by default and go to the sidecar, which takes both. The gateway reads version 1.
  const wrongVersion = (app: Application) => kind === 'mcp' && app.api?.requestedAccessTokenVersion === 2;
  return {
    title: `${titled(kind)}: address and scope ${requests.SCOPE}`,
    anchor,
    async look() {
      const app = await findApplication(context, kind);
      if (!app) return missing(`it needs ${APPLICATIONS[kind].called}`);
      if (!app.identifierUris.includes(`api://${app.appId}`)) return missing(`it has no address api://${app.appId}`);
      if (scopeOf(app) === undefined) return missing(`it offers no scope ${requests.SCOPE}, or a disabled one`);
      if (wrongVersion(app))
        return different('its tokens are version 2.0, and the rules of the gateway read version 1.0');
      return OK;
    },
    async make() {
      const app = await mustFind(context, kind);
      await graph.send(requests.expose(app, requests.SCOPE_WORDS[kind], wrongVersion(app)), world.signal);
    },
  };
}

/** Id of the scope that users sign in for; undefined when it is not offered. */
export function scopeOf(app: Application): string | undefined {
  return app.api?.oauth2PermissionScopes.find(({ value, isEnabled }) => value === requests.SCOPE && isEnabled)?.id;
}

export function agentClaims(context: Context): Item {
  const { graph, world } = context;
  return {
    title: 'Application of the MCP servers: the agent claims in its tokens',
    anchor: 'mcp-application',
    async look() {
      const app = await findApplication(context, 'mcp');
      if (!app) return missing('it needs the application of the MCP servers');
      const held = app.optionalClaims?.accessToken ?? [];
      const lacking = requests.AGENT_CLAIMS.filter(name => !held.some(claim => claim.name === name));
      return lacking.length === 0 ? OK : missing(`its access tokens lack ${lacking.join(', ')}`);
    },
    make: async () => void (await graph.send(requests.emitAgentClaims(await mustFind(context, 'mcp')), world.signal)),
  };
}

/** Which cluster and ServiceAccount may speak for the blueprint. */
export function federation(context: Context): Item {
  const { options, directory, graph, world } = context;
  const { issuer, subject } = options;
  const held = async (objectId: string) =>
    (await directory.federatedCredentials(objectId, world.signal)).find(
      candidate => candidate.issuer === issuer && candidate.subject === subject,
    );
  return {
    title: `Federated credential for ${subject}`,
    anchor: 'federated-credential',
    async look() {
      if (issuer === undefined) return missing('nobody said the issuer of the cluster (--issuer)');
      const blueprint = await findApplication(context, 'blueprint');
      if (!blueprint) return missing('it needs the blueprint');
      const credential = await held(blueprint.id);
      if (!credential) return missing(`the blueprint does not trust ${issuer}`);
      return credential.audiences.join() === requests.AUDIENCE
        ? OK
        : different(`its audience is ${credential.audiences.join(', ')} and not ${requests.AUDIENCE}`);
    },
    async make() {
      if (issuer === undefined) throw new Error('No issuer to trust.');
      const { id } = await mustFind(context, 'blueprint');
      const credential = await held(id);
      const request = credential
        ? requests.mendFederation(id, credential.id)
        : requests.federate(id, { issuer, subject });
      await graph.send(request, world.signal);
    },
  };
}

/** Nothing of an earlier run that died. Other secrets are somebody's, and only named. */
export function noSecret(context: Context): Item {
  return {
    title: 'Blueprint: no secret',
    anchor: 'agent-identities',
    async look() {
      const blueprint = await findApplication(context, 'blueprint');
      if (temporarySecrets(blueprint).length > 0)
        return different('a temporary secret of an earlier run is still there');
      const others = blueprint?.passwordCredentials.length ?? 0;
      return others === 0 ? OK : { state: 'ok', note: `it has ${others} of others, which nothing here needs` };
    },
    async make() {
      const blueprint = await mustFind(context, 'blueprint');
      await removeTemporarySecrets(context.world, { ...context, blueprint });
    },
  };
}
