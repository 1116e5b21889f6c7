import * as v from 'valibot';
import { isMap, isSeq, parse, parseDocument, type Document, type YAMLMap } from 'yaml';

/** Where the sandbox runs what the file names. */
export interface SandboxEndpoints {
  /** v1 issuer of the Entra sandbox, with its trailing slash. */
  issuer: string;
  /** Absolute path of a JWKS file. */
  jwksFile: string;
  /** Origin of the model, e.g. `http://127.0.0.1:1234`; an https origin keeps backendTLS. */
  model: string;
  /** Target name -> URL of its MCP endpoint; a target that is not here is an error. */
  mcpTargets: Readonly<Record<string, string>>;
  /** Listener port of the gateway. */
  port: number;
}

const manifestSchema = v.object({ data: v.object({ 'config.yaml': v.string() }) });

/**
 * The text of `config.yaml` for the sandbox: the file of the ConfigMap manifest with its `${VAR}` filled in, and with
 * hosts, issuers and JWKS replaced. Everything else, comments included, stays as it is in the cluster; stock
 * AgentGateway 1.4.1 loads the result unmodified. Throws when a variable or a target has no value.
 */
export function renderGatewayFile(
  manifestText: string,
  values: Readonly<Record<string, string>>,
  endpoints: SandboxEndpoints,
): string {
  const filled = manifestText.replace(/\$\{(\w+)\}/g, (_all, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`the gateway's file needs a value for ${name}`);
    return value;
  });
  const document = parseDocument(v.parse(manifestSchema, parse(filled)).data['config.yaml']);
  document.setIn(['gateways', 'default', 'port'], endpoints.port);
  for (const route of maps(document.get('routes'))) redirectRoute(document, route, endpoints);
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}

function redirectRoute(document: Document, route: YAMLMap, endpoints: SandboxEndpoints): void {
  for (const policy of ['jwtAuth', 'mcpAuthentication']) {
    if (!route.hasIn(['policies', policy])) continue;
    route.setIn(['policies', policy, 'issuer'], endpoints.issuer);
    route.setIn(['policies', policy, 'jwks'], document.createNode({ file: endpoints.jwksFile }));
  }
  const model = new URL(endpoints.model);
  for (const backend of maps(route.get('backends'))) {
    if (backend.hasIn(['ai', 'hostOverride'])) {
      const port = model.port || (model.protocol === 'https:' ? '443' : '80');
      backend.setIn(['ai', 'hostOverride'], `${model.hostname}:${port}`);
      if (model.protocol === 'http:') route.deleteIn(['policies', 'backendTLS']);
    }
    for (const target of maps(backend.getIn(['mcp', 'targets']))) {
      const name = String(target.get('name'));
      const url = endpoints.mcpTargets[name];
      if (url === undefined) throw new Error(`the sandbox has no MCP server for the target ${name}`);
      target.set('mcp', document.createNode({ host: url }));
    }
  }
}

/** The maps of a YAML sequence. */
function maps(node: unknown): YAMLMap[] {
  return isSeq(node) ? node.items.filter(isMap) : [];
}
