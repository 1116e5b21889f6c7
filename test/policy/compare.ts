import { parseGatewayConfig } from '../../src/gateway/config.ts';
import { preflight } from '../../src/gateway/preflight.ts';
import { TARGETS, type Matrix, type PolicyCase } from './matrix.ts';

export interface Comparison {
  cases: number;
  /** Cases in which our answer was, as a whole or for a tool, that we do not know. */
  unknown: { case: PolicyCase; reason: string }[];
  differences: { case: PolicyCase; what: string; expected: string; actual: string }[];
}

const TOOLS = Object.entries(TARGETS).flatMap(([target, names]) => names.map(name => ({ target, name })));
const listedAs = ({ target, name }: { target: string; name: string }) => `${target}_${name}`;

/** Puts every case to the gateway at `origin` and compares what it does with what the preflight says. */
export async function compare(matrix: Matrix, origin: string, now = Date.now): Promise<Comparison> {
  const config = parseGatewayConfig(matrix.file);
  const result: Comparison = { cases: matrix.cases.length, unknown: [], differences: [] };
  const waiting = [...matrix.cases];
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await one(next);
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return result;

  async function one(item: PolicyCase): Promise<void> {
    const { kind, path } = item.route;
    const verdict = preflight(config, { path }, item.token.presented, now(), { tools: TOOLS });
    const differs = (what: string, expected: unknown, actual: unknown) => {
      const [wanted, seen] = [JSON.stringify(expected), JSON.stringify(actual)] as [string, string];
      if (wanted !== seen) result.differences.push({ case: item, what, expected: wanted, actual: seen });
    };
    const open = verdict.checks.find(check => check.outcome === 'unknown')?.reason;
    // Refused without a known answer: something before the refusal is open.
    if (open || (verdict.outcome === 'refused' && !verdict.answer)) {
      const reason = open?.code === 'rule' ? open.denial.clause : (open?.code ?? '');
      return void result.unknown.push({ case: item, reason });
    }
    const url = origin.replace('//127.0.0.1:', '//localhost:') + path; // the host that the extension's tunnels say
    if (kind === 'ai') {
      const { status, body } = await send(url, item.token.raw, {
        model: 'm',
        messages: [{ role: 'user', content: 'hi' }],
      });
      if (verdict.outcome === 'admitted') return differs('answer', 200, status);
      return differs('answer', verdict.answer, { status, text: body });
    }
    const opened = await send(url, item.token.raw, initialize);
    if (verdict.answer && verdict.answer.status !== 200)
      return differs('initialize', verdict.answer, { status: opened.status, text: opened.body });
    differs('initialize', 200, opened.status);
    const session = opened.session;
    if (session === undefined) return differs('session', 'one', 'none');
    const list = await send(url, item.token.raw, { id: 2, method: 'tools/list', params: {} }, session);
    const names = (list.message as { result?: { tools?: { name: string }[] } }).result?.tools?.map(({ name }) => name);
    for (const tool of TOOLS) {
      const said = verdict.tools.find(({ name, target }) => name === tool.name && target === tool.target);
      if (said?.outcome === 'unknown') result.unknown.push({ case: item, reason: said.reason?.clause ?? '' });
      else differs(`listed ${listedAs(tool)}`, said?.outcome === 'allowed', names?.includes(listedAs(tool)));
    }
    if (verdict.outcome === 'refused') differs('tools', [], names);
    // A call for one that is listed and one that is not: the rest are the same to the gateway.
    for (const listed of [true, false]) {
      const tool = TOOLS.find(candidate => names?.includes(listedAs(candidate)) === listed);
      if (!tool) continue;
      const params = { name: listedAs(tool), arguments: {} };
      const called = await send(url, item.token.raw, { id: 3, method: 'tools/call', params }, session);
      const { result: content, error } = called.message as {
        result?: object;
        error?: { code: number; message: string };
      };
      const actual = content
        ? { status: called.status }
        : { status: called.status, code: error?.code, message: error?.message };
      const refused = { status: 400, code: -32602, message: `Unknown tool: ${listedAs(tool)}` };
      differs(`call of ${listedAs(tool)}`, listed ? { status: 200 } : refused, actual);
    }
  }
}

const initialize = {
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'policy', version: '0' } },
};

interface Answer {
  status: number;
  body: string;
  session?: string;
  /** The JSON-RPC message in the body, as JSON or as the only server-sent event; `{}` where there is none. */
  message: object;
}

async function send(url: string, token: string | undefined, body: object, session?: string): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    redirect: 'manual',
    headers: {
      ...{ 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(session !== undefined && { 'mcp-session-id': session, 'mcp-protocol-version': '2025-06-18' }),
    },
    body: JSON.stringify('method' in body ? { jsonrpc: '2.0', ...body } : body),
    signal: AbortSignal.timeout(30_000),
  });
  const text = await response.text();
  const given = response.headers.get('mcp-session-id');
  return { status: response.status, body: text, message: messageIn(text), ...(given !== null && { session: given }) };
}

function messageIn(text: string): object {
  const json = /^data: (.*)$/m.exec(text)?.[1] ?? text;
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
