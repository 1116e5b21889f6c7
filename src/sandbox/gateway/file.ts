import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { parseDocument } from 'yaml';
import { gatewayFileSchema, type GatewayFile } from './schema.ts';

/**
 * The text with `$VAR`, `${VAR}` and `${VAR:-default}` expanded from the environment, as AgentGateway does before it
 * parses (`shellexpand::full`, crates/agentgateway/src/types/local.rs): also inside comments, except the schema line.
 * Throws on an undefined variable.
 */
export function expand(text: string, environment: Readonly<Record<string, string | undefined>>): string {
  const source = text.replaceAll('# yaml-language-server: $schema', '#');
  return source.replace(
    /\$(?:\$|\{([A-Za-z_]\w*)(?::-([^}]*))?\}|([A-Za-z_]\w*))/g,
    (all, braced: string | undefined, fallback: string | undefined, bare: string | undefined) => {
      const name = braced ?? bare;
      if (name === undefined) return all === '$$' ? '$' : all;
      const value = environment[name] ?? fallback;
      if (value === undefined) throw new Error(`error looking key '${name}' up: environment variable not found`);
      return value;
    },
  );
}

/**
 * Parses the text of an AgentGateway file. Throws an Error whose lines name the path of every field that is wrong or
 * that this gateway does not implement, e.g. `routes[0].policies.timeout: not implemented by the sandbox's gateway`.
 */
export function parseGatewayFile(
  text: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): GatewayFile {
  const document = parseDocument(expand(text, environment), { uniqueKeys: true });
  const [bad] = document.errors;
  if (bad) throw new Error(`not YAML: ${bad.message}`);
  const result = v.safeParse(gatewayFileSchema, document.toJS());
  if (!result.success) throw new Error(result.issues.map(sentence).join('\n'));
  for (const [index, route] of result.output.routes.entries()) {
    const { jwtAuth, mcpAuthentication, mcpAuthorization, urlRewrite } = route.policies;
    const [backend] = route.backends;
    const at = `routes[${index}].policies`;
    if (jwtAuth && mcpAuthentication)
      throw new Error(`${at}: jwtAuth and mcpAuthentication fill the same slot; set one`);
    if (backend && 'ai' in backend && (mcpAuthentication || mcpAuthorization))
      throw new Error(`${at}: an AI backend takes no MCP policy`);
    if (urlRewrite && 'prefix' in urlRewrite.path && route.matches.some(match => !('pathPrefix' in match.path)))
      throw new Error(`${at}.urlRewrite.path.prefix: needs a pathPrefix match`);
  }
  return result.output;
}

/** Reads and parses a file; the errors of `parseGatewayFile` carry the file's path. */
export async function loadGatewayFile(file: string): Promise<GatewayFile> {
  const text = await readFile(file, 'utf8');
  try {
    return parseGatewayFile(text);
  } catch (error) {
    throw new Error(`${file}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

function sentence(issue: v.BaseIssue<unknown>): string {
  const at = (issue.path ?? [])
    .map(({ key }) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '');
  const unknown = issue.kind === 'schema' && issue.expected === 'never';
  return `${at || 'file'}: ${unknown ? "not implemented by the sandbox's gateway" : issue.message}`;
}
