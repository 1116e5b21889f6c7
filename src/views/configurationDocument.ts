import * as vscode from 'vscode';
import { worldSource } from '../agent/configuration.ts';
import type { Session } from '../agent/session.ts';
import type { Sourced } from '../cluster/discovery.ts';
import type { McpServers } from '../mcp/registry.ts';
import type { Settings } from '../settings.ts';

const t = vscode.l10n.t;
const SCHEME = 'agent-id';

/** *Show Configuration*: a read-only document with each value and its source; no secret is ever in it. */
export class ConfigurationDocument implements vscode.TextDocumentContentProvider, vscode.Disposable {
  readonly #session: Session;
  readonly #servers: McpServers;
  readonly #settings: () => Settings;
  readonly #changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.#changed.event;
  readonly #uri = vscode.Uri.from({ scheme: SCHEME, path: '/Agent ID configuration.txt' });
  readonly #registration: vscode.Disposable;

  constructor(session: Session, servers: McpServers, settings: () => Settings) {
    this.#session = session;
    this.#servers = servers;
    this.#settings = settings;
    this.#registration = vscode.workspace.registerTextDocumentContentProvider(SCHEME, this);
  }

  async show(): Promise<void> {
    this.#changed.fire(this.#uri);
    const document = await vscode.workspace.openTextDocument(this.#uri);
    await vscode.window.showTextDocument(document, { preview: true });
  }

  provideTextDocumentContent(): string {
    const rows = [...this.#modeRows(), ...this.#serverRows()].map(
      ([name, value, source]) => [name, short(value), source] as const,
    );
    const width = (index: 0 | 1) => Math.max(...rows.map(row => row[index].length));
    const pad = [width(0), width(1)] as const;
    const lines = rows.map(([name, value, source]) =>
      `${name.padEnd(pad[0])}  ${value.padEnd(pad[1])}  ${source}`.trimEnd(),
    );
    const prompt = this.#session.connection?.configuration.systemPrompt.value;
    if (prompt) lines.push('', t('SYSTEM PROMPT'), '', prompt);
    return `${lines.join('\n')}\n`;
  }

  dispose(): void {
    this.#registration.dispose();
    this.#changed.dispose();
  }

  #modeRows(): [string, string, string][] {
    const head: [string, string, string] = [t('SETTING'), t('VALUE'), t('SOURCE')];
    const { connection, mode, plan } = this.#session;
    const settings = this.#settings();
    if (mode === 'apiKey') {
      const { kind, endpoint, model, apiVersion } = settings.apiKey;
      return [
        head,
        ['mode', 'API key (testing: no agent identity)', ''],
        ['kind', kind, 'setting agentId.apiKey.kind'],
        ['endpoint', endpoint, 'setting agentId.apiKey.endpoint'],
        ['model', model, 'setting agentId.apiKey.model'],
        ...(kind === 'azure'
          ? [['API version', apiVersion ?? '', 'setting agentId.apiKey.apiVersion'] as [string, string, string]]
          : []),
        ['key', t('(kept in secret storage)'), 'Agent ID: Set API Key…'],
      ];
    }
    if (!connection || !plan) return [head, ['mode', t('not connected'), '']];
    const c = connection.configuration;
    const row = (name: string, sourced: Sourced<string>): [string, string, string] => [
      name,
      sourced.value,
      sourced.source,
    ];
    const kubeconfig = plan.kubeconfig ?? t('KUBECONFIG or ~/.kube/config');
    const world = worldSource(plan);
    const place = world ?? (settings.kubeconfig ? 'setting agentId.kubeconfig' : t('default'));
    const chosen = world ?? t('your choice');
    return [
      head,
      ['mode', plan.mode === 'sandbox' ? 'SANDBOX' : 'connected', ''],
      ['kubeconfig', kubeconfig, place],
      ['context', plan.context, chosen],
      ['API server', connection.server, `kubeconfig`],
      ['namespace', plan.namespace, chosen],
      ['agent (Deployment)', plan.deployment, t('your choice')],
      row('ServiceAccount', c.serviceAccount),
      row('tenant', c.tenantId),
      row('authority', c.authority),
      row('sign-in client', c.clientId),
      row('scope', c.scope),
      row('blueprint', c.blueprintAppId),
      row('agent identity', c.agentAppId),
      ['user', connection.account?.username ?? t('not signed in'), t('sign-in')],
      row('sidecar API for the LLM', c.llmApi),
      row('sidecar API for MCP', c.mcpApi),
      ...Object.entries(c.audiences).map(([api, audiences]): [string, string, string] => [
        `audience of ${api}`,
        audiences.join(' '),
        connection.agent.apis.find(known => known.name === api)?.source ?? '',
      ]),
      row('LLM path', c.llmPath),
      row('LLM deployment', c.llmDeployment),
      row('LLM API version', c.llmApiVersion),
      row('system prompt', c.systemPrompt),
      ['MCP routes', c.routes.map(route => route.path).join(' '), c.routesSource],
    ];
  }

  #serverRows(): [string, string, string][] {
    return this.#servers
      .list()
      .map(server => [
        `MCP server ${server.spec.label}`,
        server.spec.url,
        server.spec.kind === 'gateway' ? 'gateway' : t('added by you'),
      ]);
  }
}

/** A value on one line that leaves room for its source; the only long one, the system prompt, stands below in full. */
function short(value: string): string {
  const line = value.replace(/\s+/g, ' ');
  return line.length > 72 ? `${line.slice(0, 71)}…` : line;
}
