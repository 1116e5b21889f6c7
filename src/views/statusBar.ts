import * as vscode from 'vscode';
import type { Session } from '../agent/session.ts';
import { brokenTunnel } from './mode.ts';
import { tunnelLabel } from './words.ts';

const t = vscode.l10n.t;

/** The one status bar item: which mode, which agent, which user. It opens the menu of what can be done now. */
export class StatusBar implements vscode.Disposable {
  readonly #item = vscode.window.createStatusBarItem('agentId.status', vscode.StatusBarAlignment.Left, 10);

  constructor() {
    this.#item.name = 'Agent ID';
    this.#item.command = 'agentId.openStatusMenu';
    this.#item.show();
  }

  update(session: Session): void {
    const { text, detail, warning = false } = describe(session);
    this.#item.text = text;
    this.#item.tooltip = detail;
    this.#item.backgroundColor = warning ? new vscode.ThemeColor('statusBarItem.warningBackground') : undefined;
    this.#item.accessibilityInformation = { label: `Agent ID: ${detail}` };
  }

  dispose(): void {
    this.#item.dispose();
  }
}

/** What the item says. `warning`: a tunnel is lost. */
export function describe(session: Session): { text: string; detail: string; warning?: boolean } {
  const { connection } = session;
  const agent = connection?.agent.deployment ?? '';
  const user = connection?.account?.username;
  switch (session.mode) {
    case 'disconnected':
      return { text: `$(shield) ${t('Agent ID')}`, detail: t('not connected') };
    case 'connecting':
      return session.plan?.mode === 'sandbox'
        ? { text: `$(loading~spin) ${t('SANDBOX')} · ${t('connecting')}`, detail: t('sandbox: {0}', t('connecting')) }
        : { text: `$(loading~spin) ${t('Agent ID')}`, detail: t('connecting') };
    case 'apiKey':
      return { text: `$(key) ${t('API key')}`, detail: t('API key: testing, no agent identity') };
    case 'sandbox':
    case 'connected': {
      const sandbox = session.mode === 'sandbox';
      const broken = connection && brokenTunnel(connection);
      const name = user ? t('{0} for {1}', agent, user) : t('{0}, not signed in', agent);
      const who = broken ? `${name} · ${tunnelLabel(broken.state)}` : name;
      const icon = broken ? 'warning' : sandbox ? 'beaker' : user ? 'verified' : 'account';
      return {
        text: `$(${icon}) ${sandbox ? `${t('SANDBOX')} · ` : ''}${who}`,
        ...(broken && { warning: true }),
        detail: sandbox ? t('sandbox: {0}', who) : t('connected: {0}', who),
      };
    }
  }
}
