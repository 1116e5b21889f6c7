import { GatewayRules } from '../agent/gatewayRules.ts';
import { AgentIdError } from '../base/errors.ts';
import { openTunnel, type Tunnel } from '../cluster/tunnel.ts';
import { createGatewayModel } from '../gateway/llm.ts';
import { decodeToken } from '../identity/claims.ts';
import { McpConnection } from '../mcp/connection.ts';
import type { Chain, Look } from './chain.ts';
import type { ClusterNodes } from './clusterChecks.ts';
import type { DoctorDeps } from './doctor.ts';
import type { IdentityNodes } from './identityChecks.ts';
import { readyPod } from './podTrouble.ts';
import { reach } from './sidecarChecks.ts';

/** All that the model is sent: it costs a handful of tokens, and the answer is not read to its end. */
const PROBE = 'Reply with the word OK.';
const ANSWER_TIMEOUT_MS = 60_000;

/** What the gateway's file says, and what it really answers on the way to the model and to the tools. */
export function gatewayChecks(
  chain: Chain,
  { subject }: ClusterNodes,
  { userToken, llmToken, mcpToken, tokens: judged, broker }: IdentityNodes,
  deps: DoctorDeps,
  own: (item: Tunnel | McpConnection) => void,
): void {
  const file = chain.add('gatewayFile', {
    needs: [subject],
    look: async (look, [{ agent, gateway, gatewayProblem, configuration }]) => {
      if (gatewayProblem) throw gatewayProblem;
      look.fact('file', gateway?.configText?.source);
      const { gatewayFile, routesProblem } = configuration;
      if (routesProblem) throw routesProblem;
      if (!gatewayFile) throw new AgentIdError('agent.noGateway', { namespace: agent.namespace });
      look.fact('routes', gatewayFile.routes.map(({ name }) => name).join(', '));
      return gatewayFile;
    },
  });
  const tunnel = chain.add('gatewayTunnel', {
    needs: [subject],
    look: async (look, [{ api, agent, gateway, gatewayProblem }]) => {
      if (!gateway) throw gatewayProblem ?? new AgentIdError('agent.noGateway', { namespace: agent.namespace });
      const { namespace, selector, port } = gateway;
      const { logger } = deps;
      await readyPod(api, gateway, look.signal);
      const opened = await openTunnel({ api, name: 'gateway', namespace, selector, port, connections: 4, logger });
      own(opened);
      await reach(opened, look.signal);
      look.fact('pod', opened.state.pod);
      return opened;
    },
  });
  chain.add('preflight', {
    needs: [subject, file, userToken],
    after: [llmToken, mcpToken, judged], // the last has seen the tenant's keys, which the gateway goes by
    look: async (look, [{ configuration }, , { signingKeys }], [llm, mcp]) => {
      if (!llm && !mcp) return void (look.missing = [llmToken, mcpToken]);
      const nothing = { broker: { peek: () => undefined }, servers: { list: () => [] } };
      const rules = new GatewayRules({ ...nothing, configuration, signingKeys, clock: deps.clock });
      for (const [api, token] of [
        ['llm', llm],
        ['mcp', mcp],
      ] as const)
        if (!token) look.finding({ kind: 'noToken', token: api });
        else
          for (const verdict of rules.preflight(api, decodeToken(token.raw))) look.finding({ kind: 'route', verdict });
      const refused = look.found.findings.find(each => each.kind === 'route' && each.verdict.outcome === 'refused');
      if (refused?.kind === 'route') {
        const { path, answer } = refused.verdict;
        throw new AgentIdError('doctor.refusedByFile', {
          ...{ path, status: answer?.status ?? '', answer: answer?.text ?? '' },
        });
      }
    },
  });
  chain.add('model', {
    needs: [subject, tunnel, llmToken, broker],
    look: async (look, [{ configuration }, opened, , tokens]) => {
      const { llmPath, llmDeployment, llmApiVersion, llmApi } = configuration;
      look.fact('sent', PROBE);
      const model = await createGatewayModel({
        fetch: opened.fetch,
        baseUrl: `${opened.origin}${llmPath.value}`,
        deployment: llmDeployment.value,
        apiVersion: llmApiVersion.value,
        token: async options => (await tokens.get(llmApi.value, options)).raw,
        logger: deps.logger,
      });
      const signal = AbortSignal.any([look.signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]);
      const messages = [{ role: 'user' as const, content: PROBE }];
      const answer = model.stream({ messages, tools: [], signal })[Symbol.asyncIterator]();
      await answer.next(); // the first sign of an answer is all that is wanted
      look.fact('answered', model.label);
      await answer.return?.();
    },
  });
  const sessions = chain.add('mcp', {
    needs: [subject, tunnel, mcpToken, broker],
    look: async (look, [{ configuration }, opened, , tokens]) => {
      const { routes, mcpApi } = configuration;
      const connections = routes.map(({ path, targets }) => {
        const label = `AgentGateway ${path}`;
        return new McpConnection(
          { id: path, label, kind: 'gateway', url: `${opened.origin}${path}`, targets },
          {
            fetch: opened.fetch,
            token: async options => (await tokens.get(mcpApi.value, options)).raw,
            logger: deps.logger,
            clientVersion: deps.clientVersion,
          },
        );
      });
      for (const connection of connections) own(connection);
      await Promise.all(connections.map(connection => connection.connect(look.signal)));
      for (const { info } of connections) {
        look.fact('mcpServer', [info?.name, info?.version].filter(Boolean).join(' '));
        look.fact('protocol', info?.protocolVersion);
      }
      return connections;
    },
  });
  chain.add('tools', {
    needs: [sessions],
    look: async (look, [connections]) => {
      for (const connection of connections) await listTools(look, connection);
    },
  });
}

async function listTools(look: Look, connection: McpConnection): Promise<void> {
  const tools = await connection.listTools(look.signal);
  look.fact('tools', tools.map(({ name }) => name).join(', '));
  if (tools.length === 0) throw new AgentIdError('doctor.noTools', { path: connection.spec.id });
}
