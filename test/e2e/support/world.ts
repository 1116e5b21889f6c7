import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'node:test';
import type { Page } from 'playwright-core';
import { startHost } from '../../../scripts/host/host.ts';
import { temporaryDirectory } from '../../../scripts/host/processes.ts';
import { startSandboxChild } from '../../../scripts/host/sandbox.ts';
import { changeSettings } from '../../../scripts/host/server.ts';
import { openBrowser } from '../../../scripts/host/browser.ts';
import { type Connection, parseConnection, readConnection } from './connection.ts';
import { logIn } from './login.ts';
import { Workbench } from './workbench.ts';

/** What the theme picker calls them, and the class of a workbench that wears them. */
const THEMES = {
  dark: ['Dark Modern', 'vs-dark'],
  light: ['Light Modern', 'vs'],
  highContrast: ['Dark High Contrast', 'hc-black'],
  highContrastLight: ['Light High Contrast', 'hc-light'],
} as const;

export interface WorldOptions {
  /** Names the screenshots of failures. */
  name: string;
  /**
   * `untold`: the endpoints run, and the extension is not told of them. False: nothing is started beside VS Code either, as
   * on a person's first day.
   */
  connect?: boolean | 'untold';
  /** Further arguments of the sandbox, e.g. `['--token-lifetime', '120']`. */
  sandbox?: string[];
  /** The user's settings. */
  settings?: Record<string, unknown>;
  /** Environment of the VS Code server, and so of the extension host. */
  env?: NodeJS.ProcessEnv;
  /** Folders of further extensions. */
  extensions?: string[];
}

/** Real VS Code with the packed extension in a browser page, and the endpoints that the extension talks to. */
export interface World {
  readonly page: Page;
  readonly workbench: Workbench;
  /** The endpoints; throws when the world was started with `connect: false`. */
  readonly connection: Connection;
  /** True when they are not our sandbox but those of a `--world` file. */
  readonly foreign: boolean;
  /** The folder that is open. */
  readonly workspace: string;
  /** VS Code's own folder on disk: settings, logs, global storage. No token may ever be in it. */
  readonly data: string;
  /**
   * Wraps one test of a story: a failure leaves a screenshot and the extension's log, and lets the rest of the story
   * fail at once instead of waiting for what can't come.
   */
  step(run: (context: TestContext) => Promise<void>): (context: TestContext) => Promise<void>;
  /** Calls the sandbox's control endpoint (GET without a body); a foreign world may have none: check `controlUrl`. */
  control(path: string, body?: unknown): Promise<unknown>;
  /** Types a user code on the login page, in a second browser page; without a login page, asks the person to do it. */
  logIn(userCode: string, upn?: string): Promise<void>;
  /** Changes user settings and reloads the window, because a bare server does not watch them; undefined removes one. */
  settings(changes: Record<string, unknown>): Promise<void>;
  theme(theme: keyof typeof THEMES): Promise<void>;
  /** The extension's log as it is on disk. */
  log(): string;
  /** Errors in the browser's console that are not the workbench's own noise, e.g. a refused script of a webview. */
  readonly consoleErrors: () => string[];
  /** Addresses outside this machine that the page asked for. */
  readonly outsideRequests: () => string[];
  readonly close: () => Promise<void>;
}

/** What endpoints may do without; `llm` and `mcp` are direct addresses, `llmModel` and `mcpAppId` the gateway's routes. */
export type Capability = 'controlUrl' | 'llm' | 'mcp' | 'llmModel' | 'mcpAppId' | 'secondAgent';

/**
 * The reason to skip tests in a `--world` run whose endpoints lack something that they need; false in any other run.
 * For the `skip` of a `describe` or a test.
 */
export function lacks(...needs: Capability[]): string | false {
  const file = process.env.AGENT_ID_WORLD;
  if (!file) return false;
  const { controlUrl, direct, mcpAppId, llmModel, agents } = readConnection(file);
  const has = { controlUrl, llm: direct?.llm, mcp: direct?.mcp, mcpAppId, llmModel, secondAgent: agents[1] };
  const missing = needs.filter(need => !has[need]);
  return missing.length > 0 && `these endpoints have no ${missing.join(', ')}`;
}

/** Starts everything; `close` it in `after`. About 10 s. */
export async function startWorld(options: WorldOptions): Promise<World> {
  const undo: (() => Promise<void> | void)[] = [];
  const close = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    return await build(options, undo, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function build(
  options: WorldOptions,
  undo: (() => Promise<void> | void)[],
  close: () => Promise<void>,
): Promise<World> {
  const say = (line: string) => console.error(line);
  const directory = temporaryDirectory('world');
  undo.push(directory.remove);
  const workspace = path.join(directory.path, 'workspace');
  mkdirSync(workspace);
  writeFileSync(path.join(workspace, 'notes.md'), '# Notes\n');

  const settings: Record<string, unknown> = {
    'workbench.colorTheme': THEMES.dark[0],
    'workbench.hover.delay': 600_000, // the pointer stays where the last click was, and its tooltip would cover the rest
    ...options.settings,
  };
  const file = process.env.AGENT_ID_WORLD;
  let connection: Connection | undefined;
  if (options.connect !== false) {
    const connectionFile = file ?? path.join(directory.path, 'connection.json');
    if (file) {
      connection = readConnection(file);
      if (connection.controlUrl !== null) await control(connection, '/reset', {}); // other files had it before
    } else {
      const sandbox = await startSandboxChild(options.sandbox);
      undo.push(sandbox.stop);
      connection = parseConnection(sandbox.json);
      writeFileSync(connectionFile, sandbox.json, { mode: 0o600 });
    }
    if (options.connect !== 'untold') settings['agentId.connectionFile'] = connectionFile;
  }

  const host = await startHost({
    vsix: await packedExtension(),
    extensions: options.extensions,
    settings,
    env: options.env,
    log: say,
  });
  undo.push(host.stop);
  const browser = await openBrowser(say);
  undo.push(browser.close);
  const { page } = browser;
  const workbench = new Workbench(page);
  await page.goto(
    host.front.url(workspace, [
      ['skipWelcome', 'true'],
      ['skipReleaseNotes', 'true'],
    ]),
  );
  await workbench.ready();

  let broken: string | undefined;
  const log = () =>
    globSync('data/logs/**/exthost*/*/*.log', { cwd: host.folders.data })
      .filter(name => name.includes('agent-id'))
      .sort()
      .map(name => readFileSync(path.join(host.folders.data, name), 'utf8'))
      .join('');
  const known = () => {
    if (!connection) throw new Error('This world was started without endpoints.');
    return connection;
  };
  return {
    page,
    workbench,
    get connection() {
      return known();
    },
    foreign: file !== undefined,
    workspace,
    data: host.folders.data,
    step: run => async test => {
      if (broken !== undefined) {
        const error = new Error(`Not tried: "${broken}" failed before it.`);
        error.stack = error.message;
        throw error;
      }
      try {
        await run(test);
      } catch (error) {
        broken = test.name;
        const picture = await workbench.screenshot(`failed ${options.name} ${test.name}`).catch(() => 'none');
        test.diagnostic(`screenshot: ${picture}\nlog of the extension:\n${log().slice(-4000) || '(empty)'}`);
        throw error;
      }
    },
    control: (where, body) => control(known(), where, body),
    logIn: (userCode, upn = known().users[0]?.upn ?? '') => logIn(browser.context, known().login, userCode, upn),
    async settings(changes) {
      changeSettings(host.folders, changes);
      await workbench.reload();
    },
    async theme(theme) {
      const [label, kind] = THEMES[theme];
      await workbench.command('Preferences: Color Theme');
      await workbench.quickInput.field.fill(label);
      await workbench.quickInput.pick(label);
      await page.locator(`.monaco-workbench.${kind}`).waitFor();
    },
    log,
    consoleErrors: browser.consoleErrors,
    outsideRequests: browser.outsideRequests,
    close,
  };
}

async function control({ controlUrl, controlToken }: Connection, where: string, body?: unknown): Promise<unknown> {
  if (controlUrl === null) throw new Error('These endpoints can’t be controlled.');
  const response = await fetch(new URL(where, controlUrl), {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${controlToken}`, 'content-type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`control ${where}: ${response.status} ${text}`);
  return text ? (JSON.parse(text) as unknown) : undefined;
}

/** The package that the test run made for all suites, or a fresh one of what was built. */
async function packedExtension(): Promise<string> {
  if (process.env.AGENT_ID_VSIX) return process.env.AGENT_ID_VSIX;
  const { pack } = await import('../../../scripts/package.ts');
  return pack();
}
