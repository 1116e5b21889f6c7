import { randomBytes } from 'node:crypto';
import { build } from 'esbuild';
import { type Browser, chromium, type Page } from 'playwright-core';
import { findChromium } from '../../../scripts/host/chromium.ts';
import { webviewHtml } from '../../../src/protocol/html.ts';
import { type ThemeName, themes } from './themes.ts';

export type View = 'chat' | 'inspector' | 'doctor';

const ORIGIN = 'https://webview.test';

/** Style that VS Code puts under every webview's own, as far as it could show through. */
const EDITOR_STYLE = `@layer vscode-default {
  body { padding: 0 20px; color: var(--vscode-editor-foreground); background: transparent; }
  code { color: var(--vscode-textPreformat-foreground); background: var(--vscode-textPreformat-background); }
  blockquote { background: var(--vscode-textBlockQuote-background); }
}`;

/** What the page gets from the editor, here recorded instead of acted on. */
const EDITOR = `
  globalThis.posted = [];
  globalThis.acquireVsCodeApi = () => {
    delete globalThis.acquireVsCodeApi;
    return {
      postMessage: message => globalThis.posted.push(structuredClone(message)),
      getState: () => JSON.parse(sessionStorage.getItem('state') ?? 'null') ?? undefined,
      setState: state => sessionStorage.setItem('state', JSON.stringify(state)),
    };
  };
  globalThis.setTheme = ({ kind, variables, background }) => {
    document.documentElement.removeAttribute('style');
    for (const [name, value] of Object.entries(variables)) document.documentElement.style.setProperty(name, value);
    document.documentElement.style.background = background;
    document.body.className = kind;
  };
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(${JSON.stringify(EDITOR_STYLE)});
  document.adoptedStyleSheets = [sheet];
`;

/** A view in a real browser, under its real content security policy, with a stand-in for the editor around it. */
export class Webview {
  readonly page: Page;
  readonly view: View;
  /** Everything that the page complained of: errors, and what its policy blocked. */
  readonly complaints: string[] = [];

  constructor(page: Page, view: View) {
    this.page = page;
    this.view = view;
    page.on('pageerror', error => this.complaints.push(String(error)));
    page.on('console', message => {
      if (message.type() === 'error') this.complaints.push(message.text());
    });
  }

  /** Sends messages as the host would, and waits until they are drawn. */
  async send(...messages: unknown[]): Promise<void> {
    await this.page.evaluate(`(async messages => {
      for (const message of messages) window.postMessage(message, '*');
      for (let n = 0; n < 3; n++) await new Promise(done => requestAnimationFrame(done));
    })(${JSON.stringify(messages)})`);
  }

  /** What the page has posted to the host since the last call. */
  async posted(): Promise<unknown[]> {
    return this.page.evaluate('globalThis.posted.splice(0)');
  }

  /** What the page has asked the editor to keep. */
  async saved(): Promise<string> {
    return this.page.evaluate("sessionStorage.getItem('state') ?? ''");
  }

  close(): Promise<void> {
    return this.page.context().close();
  }

  async theme(name: ThemeName): Promise<void> {
    const { kind, variables } = themes[name];
    const background = variables[this.view === 'chat' ? '--vscode-sideBar-background' : '--vscode-editor-background'];
    await this.page.evaluate(`setTheme(${JSON.stringify({ kind, variables, background })})`);
  }
}

/** Builds both pages once and opens them in one headless Chromium. */
export async function openStudio() {
  const built = await build({
    entryPoints: {
      chat: 'src/webviews/chat/main.ts',
      inspector: 'src/webviews/inspector/main.ts',
      doctor: 'src/webviews/doctor/main.ts',
      'chat-style': 'media/chat.css',
      'doctor-style': 'media/doctor.css',
      'inspector-style': 'media/inspector.css',
    },
    bundle: true,
    minify: true,
    keepNames: true,
    format: 'iife',
    platform: 'browser',
    target: 'chrome138',
    outdir: 'out',
    write: false,
    logLevel: 'warning',
    absWorkingDir: new URL('../../..', import.meta.url).pathname,
  });
  const files = new Map(built.outputFiles.map(file => [file.path.split(/[\\/]/).at(-1), file.text]));
  const browser: Browser = await chromium.launch({
    executablePath: await findChromium(line => console.log(line)),
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--disable-sync'],
  });
  return {
    files,
    async open(
      view: View,
      options: {
        width?: number;
        height?: number;
        theme?: ThemeName;
        /** Device pixels per pixel. */
        scale?: number;
        strings?: Record<string, string>;
      } = {},
    ): Promise<Webview> {
      const context = await browser.newContext({
        viewport: { width: options.width ?? 400, height: options.height ?? 800 },
        deviceScaleFactor: options.scale ?? 1,
        reducedMotion: 'reduce',
      });
      const page = await context.newPage();
      const nonce = randomBytes(16).toString('base64');
      await page.route(`${ORIGIN}/**`, route => {
        const name = new URL(route.request().url()).pathname.slice(1);
        if (name === '')
          return route.fulfill({
            contentType: 'text/html',
            body: webviewHtml({
              view,
              nonce,
              cspSource: ORIGIN,
              scriptUri: `${ORIGIN}/${view}.js`,
              styleUri: `${ORIGIN}/${view}-style.css`,
              lang: 'en',
              title: 'Agent ID',
              strings: options.strings,
            }),
          });
        const body = files.get(name);
        return body === undefined
          ? route.fulfill({ status: 404 })
          : route.fulfill({ contentType: name.endsWith('.js') ? 'text/javascript' : 'text/css', body });
      });
      await page.addInitScript(EDITOR);
      const webview = new Webview(page, view);
      await page.goto(`${ORIGIN}/`);
      await webview.theme(options.theme ?? 'dark');
      return webview;
    },
    close: () => browser.close(),
  };
}
