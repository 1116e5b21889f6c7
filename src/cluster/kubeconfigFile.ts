import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import * as v from 'valibot';
import { LineCounter, parseDocument } from 'yaml';
import { AgentIdError } from '../base/errors.ts';

const optionalText = v.nullish(v.string());

const clusterSchema = v.looseObject({
  server: optionalText,
  'certificate-authority': optionalText,
  'certificate-authority-data': optionalText,
  'insecure-skip-tls-verify': v.nullish(v.boolean()),
  'tls-server-name': optionalText,
  'proxy-url': optionalText,
  extensions: v.nullish(v.array(v.looseObject({ name: optionalText, extension: v.optional(v.unknown()) }))),
});

const execSchema = v.looseObject({
  apiVersion: v.string(),
  command: v.pipe(v.string(), v.nonEmpty()),
  args: v.nullish(v.array(v.string()), []),
  env: v.nullish(v.array(v.object({ name: v.string(), value: v.string() })), []),
  installHint: optionalText,
  provideClusterInfo: v.nullish(v.boolean()),
  interactiveMode: v.nullish(v.picklist(['Never', 'IfAvailable', 'Always'])),
});

const userSchema = v.looseObject({
  'client-certificate': optionalText,
  'client-key': optionalText,
  token: optionalText,
  tokenFile: optionalText,
  exec: v.nullish(execSchema),
  'auth-provider': v.nullish(
    v.looseObject({ name: v.string(), config: v.nullish(v.looseObject({ 'id-token': optionalText })) }),
  ),
});

const contextSchema = v.looseObject({ cluster: optionalText, user: optionalText, namespace: optionalText });

const name = v.pipe(v.string(), v.nonEmpty());
const fileSchema = v.nullish(
  v.looseObject({
    'current-context': optionalText,
    clusters: v.nullish(v.array(v.looseObject({ name, cluster: v.nullish(clusterSchema) })), []),
    users: v.nullish(v.array(v.looseObject({ name, user: v.nullish(userSchema) })), []),
    contexts: v.nullish(v.array(v.looseObject({ name, context: v.nullish(contextSchema) })), []),
  }),
);

export type ClusterEntry = v.InferOutput<typeof clusterSchema>;
export type UserEntry = v.InferOutput<typeof userSchema>;
export type ContextEntry = v.InferOutput<typeof contextSchema>;
export type ExecEntry = v.InferOutput<typeof execSchema>;

/** All kubeconfig files as one, with every path in them made absolute. */
export interface KubeconfigDocument {
  files: string[];
  currentContext?: string;
  clusters: Map<string, ClusterEntry>;
  users: Map<string, UserEntry>;
  /** Each with the file that defines it. */
  contexts: Map<string, ContextEntry & { file: string }>;
}

/**
 * Reads and merges kubeconfig files by kubectl's rules: `explicit` alone and it must exist; else every file of
 * `$KUBECONFIG`, where missing ones do not count; else `~/.kube/config`. The first file that defines a name wins.
 * Source: "Organizing Cluster Access Using kubeconfig Files", kubernetes.io/docs/concepts/configuration.
 * @throws kubeconfig.notFound, kubeconfig.unreadable, kubeconfig.invalid
 */
export async function readKubeconfig(
  explicit: string | undefined,
  env: NodeJS.ProcessEnv = process.env,
): Promise<KubeconfigDocument> {
  const candidates = placesToLook(explicit, env);
  const merged: KubeconfigDocument = { files: [], clusters: new Map(), users: new Map(), contexts: new Map() };
  for (const file of candidates) {
    const text = await readIfThere(file);
    if (text === undefined) continue;
    merged.files.push(file);
    mergeFile(merged, file, parseFile(file, text));
  }
  if (merged.files.length === 0)
    throw new AgentIdError('kubeconfig.notFound', { path: candidates.join(path.delimiter) });
  return merged;
}

function placesToLook(explicit: string | undefined, env: NodeJS.ProcessEnv): string[] {
  if (explicit) return [path.resolve(explicit.replace(/^~(?=[/\\]|$)/, homedir()))];
  const listed = (env['KUBECONFIG'] ?? '').split(path.delimiter).filter(Boolean);
  return listed.length > 0
    ? [...new Set(listed.map(file => path.resolve(file)))]
    : [path.join(homedir(), '.kube', 'config')];
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'error';
    if (reason === 'ENOENT') return undefined;
    throw new AgentIdError('kubeconfig.unreadable', { path: file, reason }, { cause: error });
  }
}

/** The parsers quote the source in their messages, and the source holds credentials: only position and field are kept. */
function parseFile(file: string, text: string) {
  const lines = new LineCounter();
  const document = parseDocument(text, { prettyErrors: false, lineCounter: lines });
  const [syntax] = document.errors;
  if (syntax)
    throw new AgentIdError('kubeconfig.invalid', {
      path: file,
      reason: `${syntax.code} at line ${lines.linePos(syntax.pos[0]).line}`,
    });
  const result = v.safeParse(fileSchema, toPlain(document, file));
  if (!result.success) {
    const field = v.getDotPath(result.issues[0]) ?? 'the document';
    throw new AgentIdError('kubeconfig.invalid', { path: file, reason: `${field}: ${result.issues[0].type}` });
  }
  return result.output;
}

function toPlain(document: { toJS(): unknown }, file: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    throw new AgentIdError('kubeconfig.invalid', { path: file, reason: 'too many aliases' }, { cause: error });
  }
}

function mergeFile(into: KubeconfigDocument, file: string, parsed: ReturnType<typeof parseFile>): void {
  if (!parsed) return;
  const absolute = (value: string) => path.resolve(path.dirname(file), value);
  if (parsed['current-context']) into.currentContext ??= parsed['current-context'];
  for (const { name, cluster } of parsed.clusters)
    if (cluster && !into.clusters.has(name))
      into.clusters.set(name, resolvePaths(cluster, ['certificate-authority'], absolute));
  for (const { name, user } of parsed.users)
    if (!into.users.has(name)) into.users.set(name, resolveUser(user ?? {}, absolute));
  for (const { name, context } of parsed.contexts)
    if (context && !into.contexts.has(name)) into.contexts.set(name, { ...context, file });
}

function resolveUser(user: UserEntry, absolute: (value: string) => string): UserEntry {
  const resolved = resolvePaths(user, ['client-certificate', 'client-key', 'tokenFile'], absolute);
  if (!resolved.exec || !/[/\\]/.test(resolved.exec.command)) return resolved;
  return { ...resolved, exec: { ...resolved.exec, command: absolute(resolved.exec.command) } };
}

function resolvePaths<T extends Record<string, unknown>>(
  entry: T,
  keys: readonly (keyof T)[],
  absolute: (value: string) => string,
): T {
  const copy = { ...entry };
  for (const key of keys) {
    const value = copy[key];
    if (typeof value === 'string' && value) copy[key] = absolute(value) as T[keyof T];
  }
  return copy;
}
