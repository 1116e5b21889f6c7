import * as vscode from 'vscode';
import type { McpServer, McpServers } from '../mcp/registry.ts';
import { parseServerUrl } from '../mcp/address.ts';
import { AgentIdError } from '../base/errors.ts';
import type { Failure } from '../protocol/common.ts';
import { whoCan } from '../protocol/fixers.ts';
import { visible } from '../protocol/visible.ts';
import { ask } from './pick.ts';
import { plainMessage } from './plainMessage.ts';

const t = vscode.l10n.t;

/**
 * Adds a server of the person's own: validated, tried, shown, kept. One that can't be reached is kept only on request.
 * The id of the new server; undefined when the person left.
 */
export async function addServer(servers: McpServers, say: (error: unknown) => Failure): Promise<string | undefined> {
  const title = t('Add MCP server');
  const problem = (value: string) => {
    try {
      parseServerUrl(value);
      return undefined;
    } catch (error) {
      return say(error).sentence;
    }
  };
  const prompt = t('URL of the server (streamable HTTP). It gets no token, and no gateway policy applies to it.');
  const url = await ask(title, prompt, problem, { placeHolder: 'https://example.com/mcp' });
  if (!url) return undefined;
  const found = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: t('Trying {0}', url), cancellable: true },
    async (_progress, token) => {
      const abort = new AbortController();
      token.onCancellationRequested(() => abort.abort(new AgentIdError('cancelled')));
      try {
        return await servers.probe(url, abort.signal);
      } catch (error) {
        return { error };
      }
    },
  );
  if ('error' in found) {
    if (AgentIdError.is(found.error, 'cancelled')) return undefined;
    const failure = say(found.error);
    const keep = t('Keep It Anyway');
    const detail = [
      failure.nextStep,
      whoCan(t, failure),
      t('You can keep it; it is tried again at each start and on Refresh.'),
    ]
      .filter(Boolean)
      .join('\n\n');
    if ((await vscode.window.showWarningMessage(failure.sentence, { modal: true, detail }, keep)) !== keep)
      return undefined;
  }
  const suggested = 'error' in found ? new URL(url).host : found.info.name;
  const label = await ask(title, t('Name to show'), value => (value ? undefined : t('A name is needed')), {
    value: suggested,
  });
  if (!label) return undefined;
  const { spec } = await servers.addDirect(url, label);
  if ('error' in found) return spec.id;
  const { info, tools } = found;
  const count = tools.length === 1 ? t('1 tool') : t('{0} tools', tools.length);
  void vscode.window.showInformationMessage(
    plainMessage(
      t(
        'Added {0}: {1} {2}, MCP {3}, {4}. Direct: no gateway policy.',
        label,
        visible(info.name),
        visible(info.version),
        info.protocolVersion,
        count,
      ),
    ),
  );
  return spec.id;
}

/** Removes one of the person's own servers, after a yes. */
export async function removeServer(servers: McpServers, serverId: string | undefined): Promise<void> {
  const own = servers.list().filter(server => server.spec.kind === 'direct');
  if (own.length === 0) {
    void vscode.window.showInformationMessage(
      t('There is no MCP server of yours to remove: the gateway’s servers come from the cluster.'),
    );
    return;
  }
  const server = serverId
    ? own.find(candidate => candidate.spec.id === serverId)
    : await chooseServer(own, t('Remove MCP server'));
  if (!server) return;
  const remove = t('Remove');
  const question = t('Remove the MCP server {0}?', server.spec.label);
  const picked = await vscode.window.showWarningMessage(question, { modal: true, detail: server.spec.url }, remove);
  if (picked === remove) await servers.remove(server.spec.id);
}

async function chooseServer(own: McpServer[], title: string): Promise<McpServer | undefined> {
  const choices = own.map(server => ({ label: server.spec.label, description: server.spec.url, value: server }));
  const picked = await vscode.window.showQuickPick(choices, { title });
  return picked?.value;
}

/** The server that a tree row stands for. */
export function serverIdOfRow(row: unknown): string | undefined {
  const id = typeof row === 'object' && row !== null && 'id' in row ? row.id : undefined;
  return typeof id === 'string' && id.startsWith('server:') ? id.slice('server:'.length) : undefined;
}
