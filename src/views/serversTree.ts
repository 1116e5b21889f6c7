import * as vscode from 'vscode';
import { AgentIdError } from '../base/errors.ts';
import type { McpServer, McpServers, ToolInfo } from '../mcp/registry.ts';
import { groupByTarget } from '../mcp/names.ts';
import type { Failure } from '../protocol/common.ts';
import { asText } from '../protocol/fixers.ts';
import type { Row } from './tree.ts';

const t = vscode.l10n.t;

export interface ServerWords {
  say(error: unknown): Failure;
  /** Why the gateway's policy refuses every tool of a server, where it does. */
  refusedBecause(serverId: string): Failure | undefined;
  /** The tools that the policy names and refuses, with the clause that does it. */
  hidden(serverId: string): HiddenTool[];
}

interface HiddenTool {
  name: string;
  target?: string;
  reason: Failure;
}

/** What the rows come to: the tools that can be used, those that the policy refuses by name, the servers that failed. */
export function serversSummary(servers: McpServers, words: Pick<ServerWords, 'hidden'>): string | undefined {
  const list = servers.list().filter(({ enabled }) => enabled);
  const ready = list.flatMap(({ spec, state }) => (state.kind === 'ready' ? [{ spec, tools: state.tools }] : []));
  const tools = ready.reduce((sum, server) => sum + server.tools.length, 0);
  const denied = ready.reduce((sum, { spec }) => sum + (spec.kind === 'gateway' ? words.hidden(spec.id).length : 0), 0);
  const none = tools === 0 && ready.some(({ spec }) => spec.kind === 'gateway');
  const failed = list.filter(({ state }) => state.kind === 'failed' && !waitsForSignIn(state.error)).length;
  const parts = [
    ...(none ? [t('no tool allowed')] : ready.length > 0 ? [toolCount(tools)] : []),
    ...(denied > 0 && !none ? [t('{0} denied', denied)] : []),
    ...(failed > 0 ? [failed === 1 ? t('1 server failed') : t('{0} servers failed', failed)] : []),
  ];
  return parts.length > 0 ? parts.join(' · ') : undefined;
}

/** The first of the gateway's servers, where they all answered and none of them lists a tool. */
export function serverWithoutTools(servers: McpServers): string | undefined {
  const gateway = servers.list().filter(({ spec, enabled }) => enabled && spec.kind === 'gateway');
  const without = gateway.every(({ state }) => state.kind === 'ready' && state.tools.length === 0);
  return without ? gateway[0]?.spec.id : undefined;
}

/** Such a server has not failed. */
const waitsForSignIn = (error: unknown) =>
  AgentIdError.is(error, 'agent.gatewayNeedsSignIn') || AgentIdError.is(error, 'agent.signInNeeded');

const toolCount = (count: number) => (count === 1 ? t('1 tool') : t('{0} tools', count));

/** Servers, then targets where a gateway brings several together, then tools with their schema. */
export function serverRows(servers: McpServers, words: ServerWords): Row[] {
  return servers.list().map(server => serverRow(server, words));
}

function serverRow(server: McpServer, words: ServerWords): Row {
  const { spec, state, enabled } = server;
  const place = spec.kind === 'gateway' ? t('through the gateway') : t('direct: no gateway policy');
  const base = {
    id: `server:${spec.id}`,
    label: spec.label,
    contextValue: ['server', spec.kind, enabled ? 'enabled' : 'disabled'].join(';'),
  };
  switch (state.kind) {
    case 'disabled':
      return { ...base, description: `${t('disabled')} · ${place}`, icon: 'circle-slash', tooltip: spec.url };
    case 'connecting':
      return {
        ...base,
        description: `${t('connecting')} · ${place}`,
        icon: 'loading~spin',
        tooltip: spec.url,
        expanded: true,
        children: [],
      };
    case 'failed': {
      const failure = words.say(state.error);
      const sentence = AgentIdError.is(state.error, 'agent.signInNeeded')
        ? t('sign in to list its tools')
        : failure.sentence;
      const label = `${spec.label} `;
      const [action] = failure.actions;
      return {
        ...base,
        description: sentence.startsWith(label) ? sentence.slice(label.length) : sentence, // the row has the name already
        tooltip: [spec.url, place, asText(t, failure, '\n\n')].join('\n\n'),
        ...(failure.fix && { fix: failure.fix }),
        ...(waitsForSignIn(state.error) ? { icon: 'lock' } : { icon: 'error', color: 'testing.iconFailed' }),
        ...(action && { command: { command: action.id, title: action.label } }),
        accessibleLabel: `${spec.label}, ${sentence}`,
      };
    }
    case 'ready': {
      const { tools, info } = state;
      return {
        ...base,
        description: `${toolCount(tools.length)} · ${place}`,
        tooltip: `${spec.url}\n\n${info.name} ${info.version} · MCP ${info.protocolVersion}`,
        icon: spec.kind === 'gateway' ? 'shield' : 'plug',
        expanded: true,
        children: toolRows(server, tools, words),
      };
    }
  }
}

function toolRows(server: McpServer, tools: ToolInfo[], words: ServerWords): Row[] {
  const prefix = server.spec.id;
  if (tools.length === 0) {
    const gateway = server.spec.kind === 'gateway';
    const reason = gateway ? words.refusedBecause(prefix) : undefined;
    const description = reason?.sentence ?? (gateway ? t('the gateway hides what its policy denies') : undefined);
    return [
      {
        id: `none:${prefix}`,
        label: gateway ? t('No tool is allowed') : t('The server lists no tools'),
        ...(description && { description, tooltip: description }),
        ...(reason && withFix(reason)),
        icon: 'info',
      },
    ];
  }
  const targets = server.spec.targets ?? [];
  const hidden = server.spec.kind === 'gateway' ? words.hidden(prefix) : [];
  if (targets.length < 2) {
    return [...tools.map(tool => toolRow(prefix, tool.name, tool)), ...hidden.map(tool => hiddenRow(prefix, tool))];
  }
  const groups = groupByTarget(tools, targets);
  const elsewhere = hidden.filter(tool => !groups.some(group => group.target === tool.target));
  return [
    ...groups.map(group => ({
      id: `target:${prefix}:${group.target}`,
      label: group.target,
      description: toolCount(group.tools.length),
      icon: 'folder',
      expanded: true,
      children: [
        ...group.tools.map(({ name, tool }) => toolRow(prefix, name, tool)),
        ...hidden.filter(tool => tool.target === group.target).map(tool => hiddenRow(prefix, tool)),
      ],
    })),
    ...elsewhere.map(tool => hiddenRow(prefix, tool)), // refused on every target: which of them has it, nobody says
  ];
}

/** A tool that the gateway does not list, known from its rules. */
function hiddenRow(serverId: string, tool: HiddenTool): Row {
  return {
    id: `hidden:${serverId}:${tool.target ?? ''}:${tool.name}`,
    label: tool.name,
    description: t('denied by policy'),
    ...withFix(tool.reason),
    icon: 'lock',
    color: 'disabledForeground',
    accessibleLabel: t('{0}, denied by policy: {1}', tool.name, tool.reason.sentence),
  };
}

/** The whole of a failure where the row is pointed at, and its fix to copy. */
function withFix(failure: Failure): Pick<Row, 'tooltip' | 'fix'> {
  return { tooltip: asText(t, failure, '\n\n'), ...(failure.fix && { fix: failure.fix }) };
}

function toolRow(serverId: string, name: string, tool: ToolInfo): Row {
  const tooltip = new vscode.MarkdownString();
  tooltip.appendText(tool.description);
  tooltip.appendCodeblock(JSON.stringify(tool.inputSchema, undefined, 2).slice(0, 4_000), 'json');
  return {
    id: `tool:${serverId}:${tool.name}`,
    label: name,
    description: tool.description.replace(/\s+/g, ' ').slice(0, 160),
    tooltip,
    icon: 'tools',
    contextValue: 'tool',
    children: schemaRows(`${serverId}:${tool.name}`, tool.inputSchema),
  };
}

/** The parameters of a tool, one row each: what a person wants to know of a schema. */
function schemaRows(id: string, schema: Record<string, unknown>): Row[] {
  const properties = record(schema['properties']);
  const required = Array.isArray(schema['required']) ? schema['required'] : [];
  const rows = Object.entries(properties).map(([name, value]): Row => {
    const parameter = record(value);
    const type = typeof parameter['type'] === 'string' ? parameter['type'] : t('any');
    const about = typeof parameter['description'] === 'string' ? ` · ${parameter['description']}` : '';
    return {
      id: `parameter:${id}:${name}`,
      label: name,
      description: `${required.includes(name) ? type : t('{0}, optional', type)}${about}`,
      icon: 'symbol-parameter',
    };
  });
  return rows.length > 0 ? rows : [{ id: `parameter:${id}:`, label: t('no parameters'), icon: 'symbol-parameter' }];
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
