import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { ApprovalAnswer, ApprovalRequest } from '../../../src/agent/approvals.ts';
import { ReceiptLog, type Receipt } from '../../../src/agent/receipts.ts';
import { Session, type Interaction } from '../../../src/agent/session.ts';
import type { ToolCallState } from '../../../src/agent/toolCall.ts';
import type { TurnOutcome } from '../../../src/agent/turn.ts';
import { Turns } from '../../../src/agent/turns.ts';
import { parseWorld } from '../../../src/agent/world.ts';
import { AgentIdError } from '../../../src/base/errors.ts';
import { systemClock, type Clock } from '../../../src/base/clock.ts';
import { redactingLogger } from '../../../src/base/logger.ts';
import type { ChatModel } from '../../../src/gateway/llm.ts';
import type { SecretStore } from '../../../src/identity/types.ts';
import { McpServers, type StoredServer } from '../../../src/mcp/registry.ts';
import { planWorld } from '../../../src/views/planWorld.ts';
import { fillLoginPage, PUBLIC_CLIENT, type TestSandbox } from './sandbox.ts';

export function memorySecrets(): SecretStore & { values: Map<string, string> } {
  const values = new Map<string, string>();
  return {
    values,
    get: async key => values.get(key),
    set: async (key, value) => void values.set(key, value),
    delete: async key => void values.delete(key),
  };
}

/** The extension's core as `extension.ts` composes it, without an editor: the person is a form post and an answer. */
export async function startCore(
  sandbox: TestSandbox,
  options: {
    user?: string;
    secrets?: SecretStore;
    keyModel?: () => Promise<ChatModel>;
    /** In place of `answerWith`: decides when the person answers, too. */
    askApproval?: () => Promise<ApprovalAnswer>;
    /** What the person does when a turn asks for a sign-in; else they cancel it. */
    askSignIn?: (error: AgentIdError) => void;
    clock?: Clock;
  } = {},
) {
  const { clock = systemClock } = options;
  const directory = await mkdtemp(path.join(os.tmpdir(), 'agent-id-core-'));
  const log: string[] = [];
  const write = (message: string) => void log.push(message);
  const logger = redactingLogger({ debug: write, info: write, warn: write, error: write });
  const stored: StoredServer[] = [];
  const servers = new McpServers({
    store: { load: async () => stored, save: async next => void stored.splice(0, stored.length, ...next) },
    fetch: (input, init) => fetch(input, init),
    logger,
    clientVersion: '0.0.0',
  });
  const secrets = options.secrets ?? memorySecrets();
  const trusted = new Map<string, string[]>();
  const session = new Session({
    servers,
    secrets,
    memory: memorySecrets(),
    trust: { get: server => trusted.get(server), add: async (server, key) => void trusted.set(server, [key]) },
    overrides: () => ({
      authority: 'https://login.microsoftonline.com',
      clientId: PUBLIC_CLIENT,
      clientIdIsDefault: true,
    }),
    opened: () => {},
    fetch: (input, init) => fetch(input, init),
    logger,
    clock,
  });
  const approvals: ApprovalRequest[] = [];
  const never = new AbortController().signal;
  const questions: string[] = [];
  const open = new Set<AgentIdError>();
  let answer: ApprovalAnswer = { kind: 'once' };
  const receipts = new ReceiptLog(directory);
  const turns = new Turns({
    session,
    servers,
    receipts,
    keyModel: options.keyModel ?? (() => Promise.reject(new Error('no key here'))),
    systemPrompt: () => undefined,
    askApproval: async request => {
      approvals.push(request);
      return options.askApproval ? options.askApproval() : answer;
    },
    askSignIn: error => {
      questions.push(error.code);
      open.add(error);
      if (options.askSignIn) options.askSignIn(error);
      else void session.connection?.forceSignIn(() => Promise.reject(new AgentIdError('cancelled')), never);
      return { dispose: () => void open.delete(error) };
    },
    logger,
    clock,
  });
  const interaction: Interaction = {
    signIn: (signIn, signal) =>
      signIn.deviceCode({
        signal,
        onPrompt: prompt =>
          void fillLoginPage(sandbox.json, prompt.userCode, options.user === undefined ? {} : { user: options.user }),
      }),
    trust: async () => true,
  };
  type Observer = Parameters<Turns['run']>[1];
  const listen = async (
    turn: (observer: Observer, signal: AbortSignal) => Promise<TurnOutcome>,
    signal: AbortSignal = AbortSignal.timeout(60_000),
  ) => {
    let said = '';
    const states = new Map<string, ToolCallState>();
    const observer: Observer = {
      answerStarted: () => {},
      answerText: delta => void (said += delta),
      answerEnded: () => {},
      toolChanged: state => void states.set(state.callId, state),
    };
    const outcome = await turn(observer, signal);
    return { said, calls: [...states.values()], outcome };
  };
  const world = () => parseWorld(sandbox.json, 'sandbox');
  return {
    session,
    servers,
    turns,
    secrets,
    receipts,
    log,
    approvals,
    /** The codes of what turns asked a sign-in for, and the questions that are open. */
    questions,
    open,
    stored,
    interaction,
    answerWith: (next: ApprovalAnswer) => void (answer = next),
    plan: (deployment?: string) => {
      const plan = planWorld(world(), true, undefined);
      return deployment === undefined ? plan : { ...plan, deployment };
    },
    /** Connects with the sandbox's first agent, or another, signing in by the form. */
    connect: async (deployment?: string) => {
      const plan = planWorld(world(), true, undefined);
      const chosen = deployment === undefined ? plan : { ...plan, deployment };
      return session.connect(chosen, interaction, AbortSignal.timeout(60_000));
    },
    /** One turn: the text of the answers, the last state of each call, and how it ended. */
    say: (text: string, signal?: AbortSignal) => listen((observer, both) => turns.run(text, observer, both), signal),
    /** Takes up the turn that failed last. */
    retry: (signal?: AbortSignal) => listen((observer, both) => turns.retry(observer, both), signal),
    stop: async () => {
      session.dispose();
      servers.dispose();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The receipts that a core has written so far. */
export async function receipts(core: { receipts: ReceiptLog }): Promise<Receipt[]> {
  const lines = (await readFile(core.receipts.file, 'utf8')).trimEnd().split('\n');
  return lines.map(line => JSON.parse(line) as Receipt);
}
