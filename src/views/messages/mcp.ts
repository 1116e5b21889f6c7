import type { McpErrorCode } from '../../mcp/errors.ts';
import { quoted, type Catalogue, type Translate } from './catalogue.ts';
import { ClusterFixes } from './fixes/cluster.ts';
import type { Place } from './place.ts';

/** Words for what goes wrong with an MCP server. */
export function mcpMessages(t: Translate, place: Place): Catalogue<McpErrorCode> {
  const fixes = new ClusterFixes(t, place);
  const refresh = t('Refresh the server.');
  const detail = quoted(t);
  return {
    'mcp.unknownTool': v => ({
      sentence: t(
        '{0} answers “Unknown tool” for {1}: it does not exist, or the policy hides it.',
        v('server'),
        v('tool'),
      ),
      next: t('The gateway never says which; look at the claims of the MCP token.'),
      who: 'clusterAdmin',
      actions: ['agentId.showTokens'],
    }),
    'mcp.rejected': v => ({
      sentence: t('{0} refused the call ({1}): {2}', v('server'), v('code'), detail(v)),
      next: t('Check the arguments on the card.'),
      who: 'you',
    }),
    'mcp.upstreamFailed': v => ({
      sentence: t('{0} could not reach the server behind it: {1}', v('server'), detail(v)),
      next: t('Try again; if it stays, look at this target in the gateway’s file.'),
      who: 'clusterAdmin',
      fix: fixes.gatewayLog(),
      actions: ['agentId.refreshMcpServers'],
    }),
    'mcp.sessionLost': v => ({
      sentence: t('{0} does not know our session any more, and a new one did not help: {1}', v('server'), detail(v)),
      next: refresh,
      who: 'you',
      actions: ['agentId.refreshMcpServers'],
    }),
    'mcp.notMcp': v => ({
      sentence: t('What answers as {0} is not an MCP server: {1}', v('server'), detail(v)),
      next: t('Check the URL; it often ends in /mcp.'),
      who: 'you',
    }),
    'mcp.signInNeeded': v => ({
      sentence: t('{0} wants a sign-in, and a server of yours gets no token.', v('server')),
      next: t('Reach it through the gateway instead, or use a server without sign-in.'),
      who: 'you',
    }),
    'mcp.forbidden': v => ({
      sentence: t('{0} says no: {1}', v('server'), detail(v)),
      next: t('Ask whoever runs it.'),
      who: 'serverOwner',
    }),
    'mcp.unreachable': v => ({
      sentence: t('{0} can’t be reached: {1}', v('server'), detail(v)),
      next: t('Start it, or check the URL, then refresh.'),
      who: 'you',
      actions: ['agentId.refreshMcpServers'],
    }),
    'mcp.timeout': v => ({
      sentence: t('{0} did not answer within {1} seconds.', v('server'), v('seconds')),
      next: refresh,
      who: 'you',
      actions: ['agentId.refreshMcpServers'],
    }),
    'mcp.interrupted': v => ({
      sentence: t('The connection to {0} broke before the answer was there.', v('server')),
      next: t('It may have done its work: check before you repeat what changes something.'),
      who: 'you',
      actions: ['agentId.refreshMcpServers'],
    }),
    'mcp.httpFailed': v => ({
      sentence: t('{0} answered with status {1}: {2}', v('server'), v('status'), detail(v)),
      next: refresh,
      who: 'serverOwner',
      actions: ['agentId.refreshMcpServers'],
    }),
    'mcp.redirected': v => ({
      sentence: t('{0} sends us elsewhere, which is not followed: {1}', v('server'), detail(v)),
      next: t('Add the other address, if you trust it.'),
      who: 'you',
    }),
    'mcp.tooLarge': v => ({
      sentence: t('{0} sent more than {1} MB, which is not read.', v('server'), v('megabytes')),
      next: t('Ask for less at a time.'),
      who: 'you',
    }),
    'mcp.protocolVersion': v => ({
      sentence: t('{0} speaks another version of MCP: {1}', v('server'), detail(v)),
      next: t('Update the server or this extension.'),
      who: 'serverOwner',
    }),
    'mcp.malformed': v => ({
      sentence: t('{0} speaks MCP wrongly: {1}', v('server'), detail(v)),
      next: t('The log has more for whoever wrote the server.'),
      who: 'serverOwner',
      actions: ['agentId.showLog'],
    }),
    'mcp.notConnected': v => ({
      sentence: t('{0} is not connected.', v('server')),
      next: t('Enable or refresh it.'),
      who: 'you',
      actions: ['agentId.refreshMcpServers'],
    }),
    'mcp.urlInvalid': () => ({
      sentence: t('That is not an http or https URL.'),
      next: t('Example: https://example.com/mcp'),
      who: 'you',
    }),
    'mcp.urlNotHttps': v => ({
      sentence: t('{0} is another machine, so https is needed.', v('host')),
      next: t('Plain http is for this machine only.'),
      who: 'you',
    }),
    'mcp.urlCredentials': () => ({
      sentence: t('A URL with a user name or password is not kept.'),
      next: t('Remove them from the URL.'),
      who: 'you',
    }),
    'mcp.duplicate': v => ({
      sentence: t('This URL is there already, as {0}.', v('server')),
      next: t('Remove or refresh that one.'),
      who: 'you',
    }),
    'mcp.noServer': () => ({ sentence: t('That server is not there any more.'), next: t('Refresh the view.') }),
  };
}
