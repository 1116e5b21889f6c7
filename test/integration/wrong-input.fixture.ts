import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, afterEach, before } from 'node:test';
import type { Connection } from '../../src/agent/connection.ts';
import { STEPS } from '../../src/agent/steps.ts';
import { AgentIdError } from '../../src/base/errors.ts';
import type { Failure } from '../../src/protocol/common.ts';
import { startGateway, type GatewayOptions } from '../../src/sandbox/gateway/gateway.ts';
import { sayer } from '../../src/views/messages/index.ts';
import { memorySecrets, startCore } from './support/core.ts';
import { startSandbox, type TestSandbox } from './support/sandbox.ts';

export type Core = Awaited<ReturnType<typeof startCore>>;

export const say = sayer((message, ...args) =>
  args.length === 0
    ? message
    : message.replace(/\{(\d+)\}/g, (all, index: string) => String(args[Number(index)] ?? all)),
);

/** Checks that the error is of this code and is said as one clear sentence with a next step; what a person reads. */
export function said(error: unknown, code: string): Failure {
  assert.ok(AgentIdError.is(error), `not an error of ours: ${error instanceof Error ? error.stack : String(error)}`);
  assert.equal(error.code, code, error.message);
  const failure = say(error);
  const { sentence, nextStep = '' } = failure;
  assert.match(sentence, /^\S.*[^.\s][.!?…]$/s, sentence);
  assert.notEqual(nextStep, '');
  for (const text of [sentence, nextStep]) {
    assert.doesNotMatch(text, /\{\d\}|undefined|null|NaN|\[object|\(\)|“”|[:,] ?\.|\s\s|\n/, text);
    assert.doesNotMatch(text, /eyJ|Bearer \S{8}/, text);
  }
  return failure;
}

/** What a promise was rejected with. */
export async function thrown(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    value => assert.fail(`it worked: ${JSON.stringify(value)}`),
    (error: unknown) => error,
  );
}

/** Every step and how it ended: `done`, or the code of what went wrong. */
export function steps(connection: Connection): Record<string, string> {
  return Object.fromEntries(
    STEPS.map(step => {
      const state = connection.step(step);
      const code = state.kind === 'failed' && AgentIdError.is(state.error) ? state.error.code : state.kind;
      return [step, code];
    }),
  );
}
export const ALL_DONE = { signIn: 'done', sidecar: 'done', llmToken: 'done', mcpToken: 'done', tools: 'done' };

/** The core connects, and answers with a tool's result. */
export async function works(core: Core): Promise<void> {
  assert.deepEqual(steps(await core.connect()), ALL_DONE);
  await answers(core);
}

export async function answers(core: Core): Promise<void> {
  const { said: text, calls, outcome } = await core.say('Search the docs for workload identity federation.');
  assert.equal(outcome, 'done');
  assert.deepEqual(
    calls.map(call => call.status),
    ['done'],
  );
  assert.notEqual(text, '');
}

/** An HTTP server that stands in for a part of the world and misbehaves as the test wants. */
export async function standIn(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<{ origin: string; address: string; requests: IncomingMessage[]; close(): void }> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    handle(request, response);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { origin: `http://${address}`, address, requests, close };
}

/**
 * A sandbox for the tests of a file, one sign-in for all of them, and a core that is signed in and not connected. After
 * each test the faults are gone, and nothing was rejected that nobody heard of.
 */
export function world(args: string[] = []) {
  let sandbox: TestSandbox;
  const secrets = memorySecrets();
  const cores: Core[] = [];
  const unheard: unknown[] = [];
  const hear = (error: unknown) => void unheard.push(error);
  const quick = () => sandbox.control('/entra', { deviceCodeInterval: 1 });

  before(async () => {
    process.on('unhandledRejection', hear);
    sandbox = await startSandbox(args);
    await quick();
    const first = await startCore(sandbox, { secrets });
    await first.connect();
    await first.stop();
  });
  afterEach(async () => {
    for (const core of cores.splice(0)) {
      assert.doesNotMatch(core.log.join('\n'), /eyJ[\w-]{8,}\./, 'a token is in the log');
      await core.stop();
    }
    await sandbox.control('/reset', {});
    await quick();
    assert.deepEqual(unheard.splice(0), []);
  });
  after(async () => {
    await sandbox.stop();
    process.off('unhandledRejection', hear);
  });

  return {
    get sandbox() {
      return sandbox;
    },
    control: (panel: string, body?: unknown) => sandbox.control(`/${panel}`, body),
    kube: (call: string, ...callArgs: unknown[]) => sandbox.kube(call, ...callArgs),
    /** A core of its own; `fresh` has nobody signed in. */
    core: async (options: Parameters<typeof startCore>[1] & { fresh?: boolean } = {}): Promise<Core> => {
      const core = await startCore(sandbox, { ...(!options.fresh && { secrets }), ...options });
      cores.push(core);
      return core;
    },
    /** Puts something else in the place of a Deployment's port, until the returned function is called. */
    replace: async (
      deployment: 'research-agent' | 'agentgateway',
      address: string,
    ): Promise<() => Promise<unknown>> => {
      const sidecar = deployment === 'research-agent';
      const { direct } = sandbox.json;
      const put = (to: string) => sandbox.kube('setBackend', deployment, sidecar ? 5000 : 3000, to);
      await put(address);
      return () => put(new URL(sidecar ? direct.sidecar : direct.gateway).host);
    },
    /** Runs a gateway on an edited copy of the sandbox's file, in the place of the sandbox's own, while `work` runs. */
    withGateway: async (
      edit: (file: string) => string,
      options: Pick<GatewayOptions, 'clock'>,
      work: () => Promise<void>,
    ): Promise<void> => {
      const directory = await mkdtemp(path.join(os.tmpdir(), 'agent-id-gateway-'));
      const text = await readFile(sandbox.json.gatewayConfigFile, 'utf8');
      const edited = edit(text);
      const file = path.join(directory, 'config.yaml');
      await writeFile(file, edited);
      const gateway = await startGateway({ ...options, file, port: 0 });
      const put = (to: string) => sandbox.kube('setBackend', 'agentgateway', 3000, new URL(to).host);
      try {
        await put(gateway.origin);
        await work();
      } finally {
        await put(sandbox.json.direct.gateway);
        await gateway.close();
        // A runtime keeps a tunnel for a second after the pod's side has closed: what is sent meanwhile is lost.
        await sandbox.kube('cutTunnels');
        await rm(directory, { recursive: true });
      }
    },
  };
}
