import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { findChromium } from './chromium.ts';

const WAIT_MS = 20_000;
const FLAGS = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  ...['--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'],
];

/** What the workbench of a bare server says about itself, whatever extension is in it. */
const NOISE = [
  /Failed to load resource.*404/,
  /bad HTTP response code \(404\)/,
  /^%c\s+ERR(?!.*agent-id)/s, // the workbench's own log
];

export interface BrowserWindow {
  readonly context: BrowserContext;
  readonly page: Page;
  /** Errors in the console that are not the workbench's own noise, e.g. a refused script of a webview. */
  readonly consoleErrors: () => string[];
  /** Addresses outside this machine that the page asked for. */
  readonly outsideRequests: () => string[];
  readonly close: () => Promise<void>;
}

/** A browser with one window and a profile of its own; every wait in it ends after 20 s. */
export async function openBrowser(log: (line: string) => void): Promise<BrowserWindow> {
  const browser = await chromium.launch({ executablePath: await findChromium(log), args: FLAGS });
  const context = await browser.newContext({
    viewport: { width: 1400, height: 900 },
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  context.setDefaultTimeout(WAIT_MS);
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('console', message => void (message.type() === 'error' && errors.push(message.text())));
  const outside: string[] = [];
  page.on('request', request => {
    const { protocol, hostname } = new URL(request.url());
    // a webview's own files have a made-up address, which its service worker answers
    const local = hostname === '127.0.0.1' || hostname.endsWith('.vscode-cdn.net');
    if (/^(http|ws)s?:$/.test(protocol) && !local) outside.push(request.url());
  });
  return {
    context,
    page,
    consoleErrors: () => errors.filter(text => !NOISE.some(noise => noise.test(text))),
    outsideRequests: () => [...outside],
    close: () => browser.close(),
  };
}
