import * as vscode from 'vscode';
import { sameAgent } from '../agent/approvals.ts';
import type { ConnectionPlan } from '../agent/configuration.ts';
import type { Connection } from '../agent/connection.ts';
import type { InteractiveSignIn } from '../agent/personSignIn.ts';
import type { Session } from '../agent/session.ts';
import type { Turns } from '../agent/turns.ts';
import { readWorld } from '../agent/world.ts';
import { AgentIdError, isCancellation } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { SecretStore } from '../identity/signIn.ts';
import type { McpServers } from '../mcp/registry.ts';
import type { Failure } from '../protocol/common.ts';
import type { Settings } from '../settings.ts';
import { setApiKey } from './apiKeyFlow.ts';
import type { ChatController } from './chatController.ts';
import type { ChatView } from './chatView.ts';
import type { CommandHandlers } from './commands.ts';
import type { ConnectionNotice } from './connectionNotice.ts';
import type { ConfigurationDocument } from './configurationDocument.ts';
import { confirmTrust } from './confirmTrust.ts';
import { planWorld } from './planWorld.ts';
import type { TokenClipboard } from './copyToken.ts';
import type { DoctorPanel } from './doctorPanel.ts';
import type { InspectorPanel } from './inspectorPanel.ts';
import type { Remembered } from './memory.ts';
import { askForToken } from './pasteToken.ts';
import type { SandboxProcess } from './sandboxProcess.ts';
import { addServer, removeServer, serverIdOfRow } from './serverCommands.ts';
import { copyFix, showFailure } from './showFailure.ts';
import { showPlugin } from './showPlugin.ts';
import { SignInCommands } from './signInCommands.ts';
import type { SignInFlow } from './signInFlow.ts';
import { showStatusMenu } from './statusMenu.ts';

const t = vscode.l10n.t;

export interface ActionDeps {
  session: Session;
  turns: Turns;
  servers: McpServers;
  chat: ChatController;
  chatView: ChatView;
  inspector: InspectorPanel;
  doctor: DoctorPanel;
  tokenClipboard: TokenClipboard;
  notice: ConnectionNotice;
  configuration: ConfigurationDocument;
  sandbox: SandboxProcess;
  remembered: Remembered;
  signIn: SignInFlow;
  secrets: SecretStore;
  settings: () => Settings;
  say: (error: unknown) => Failure;
  revealServer(id: string): Promise<void>;
  logger: Logger;
  showLog(): void;
}

/** What the commands do: each starts a flow of the session and says how it ended, once. */
export class Actions {
  readonly #deps: ActionDeps;
  readonly #signIns: SignInCommands;
  #connecting: AbortController | undefined;

  constructor(deps: ActionDeps) {
    this.#deps = deps;
    const { session, sandbox, signIn } = deps;
    this.#signIns = new SignInCommands({
      session,
      usual: signIn.signIn,
      connect: (plan, interactive) => this.#run(plan, interactive),
      begin: () => (sandbox.world ? this.#startSandbox() : this.#connect()),
      use: work => this.#use(work),
    });
  }

  handlers(): CommandHandlers {
    const { chat, notice, servers, inspector, doctor, session, configuration, tokenClipboard, signIn } = this.#deps;
    return {
      'agentId.signIn': () => this.#signIns.signIn(),
      'agentId.forceSignIn': () => this.#signIns.anew(signIn.choose(session.connection?.account)),
      'agentId.signInWithDeviceCode': () => this.#signIns.anew(signIn.by('deviceCode')),
      'agentId.signInInBrowser': () => this.#signIns.anew(signIn.by('browser')),
      'agentId.signInWithEditorAccount': () => this.#signIns.anew(signIn.by('editorAccount')),
      'agentId.signOut': () => this.#signOut(),
      'agentId.connect': () => this.#connect(),
      'agentId.disconnect': () => this.#disconnect(),
      'agentId.selectAgent': () => this.#selectAgent(),
      'agentId.runDoctor': () => doctor.run(),
      'agentId.showTokens': () => inspector.show(),
      'agentId.copyRawToken': row => tokenClipboard.copy(row),
      'agentId.inspectPastedToken': async () => {
        const pasted = await askForToken();
        if (pasted) await inspector.paste(pasted);
      },
      'agentId.addMcpServer': async () => {
        const added = await addServer(servers, this.#deps.say);
        if (added) await this.#deps.revealServer(added);
      },
      'agentId.removeMcpServer': row => removeServer(servers, serverIdOfRow(row)),
      'agentId.refreshMcpServers': row => servers.refresh(serverIdOfRow(row)),
      'agentId.enableMcpServer': row => this.#setEnabled(row, true),
      'agentId.disableMcpServer': row => this.#setEnabled(row, false),
      'agentId.newChat': () => {
        chat.newChat();
        notice.emptied();
        return vscode.commands.executeCommand('agentId.chat.focus');
      },
      'agentId.clearConversation': () => {
        chat.clear();
        notice.emptied();
      },
      'agentId.showConfiguration': () => configuration.show(),
      'agentId.startSandbox': () => this.#startSandbox(),
      'agentId.stopSandbox': () => this.#stopSandbox(),
      'agentId.setApiKey': () => this.#useApiKey(),
      'agentId.copyFix': row => copyFix(row),
      'agentId.showLog': () => this.#deps.showLog(),
      'agentId.openSettings': () => vscode.commands.executeCommand('workbench.action.openSettings', 'agentId.'),
      'agentId.openStatusMenu': () => showStatusMenu(session),
    };
  }

  /** Goes on where the last window stopped, asking nobody: with the connection file, else the last plan, else not at all. */
  async resume(): Promise<void> {
    const { remembered, session, settings } = this.#deps;
    if (!settings().connectionFile && remembered.mode === 'apiKey') return session.useApiKey();
    const again = await this.#lastPlan();
    if (again && !remembered.plan) void vscode.commands.executeCommand('agentId.chat.focus'); // the first look at it
    if (again) await this.#run(again, undefined);
  }

  /** A plan has led to a connection, which takes the place of what was on. */
  opened(plan: ConnectionPlan): void {
    const { session, turns, chat, remembered } = this.#deps;
    chat.stop(); // its model and its tools belong to the connection that ends now
    if (!sameAgent(session.plan, plan)) turns.approvals.clear();
    void remembered.keep(plan);
  }

  /** Shows an error where the person is, with the buttons that help; a cancellation shows nothing. */
  report(error: unknown): void {
    if (isCancellation(error)) return;
    this.#deps.logger.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
    void showFailure(this.#deps.say(error));
  }

  /** Asks the person to sign in, for the Doctor: a connection that waits for a sign-in goes on with this one. */
  readonly signInBeside: InteractiveSignIn = async (...request) => {
    const token = await this.#deps.signIn.signIn(...request);
    void this.#signIns.takeUp().catch((error: unknown) => this.report(error));
    return token;
  };

  /** What is connected, or would be without a question. */
  async planAtHand(): Promise<ConnectionPlan | undefined> {
    return this.#deps.session.plan ?? this.#lastPlan();
  }

  /** Asks which context, namespace and agent; in a connection file's world only which agent. Undefined when the person left. */
  async choosePlan(signal: AbortSignal): Promise<ConnectionPlan | undefined> {
    const { session, remembered, settings, say } = this.#deps;
    const base = await this.#configuredWorld(remembered.plan);
    const { planCluster, planOtherAgent } = await import('./connectFlow.ts'); // the Kubernetes client comes with it
    return base
      ? planOtherAgent(base, session.plan?.deployment === base.deployment, this.#access(), say, signal)
      : planCluster({ ...this.#access(), path: settings().kubeconfig }, remembered.lastCluster, say, signal);
  }

  async #connect(): Promise<void> {
    const plan = await this.choosePlan(this.#newAttempt().signal);
    if (plan) await this.#run(plan, this.#deps.signIn.signIn);
  }

  async #selectAgent(): Promise<void> {
    const { session, say } = this.#deps;
    if (!session.plan) throw new AgentIdError('agent.notConnected');
    const { planOtherAgent } = await import('./connectFlow.ts');
    const plan = await planOtherAgent(session.plan, true, this.#access(), say, this.#newAttempt().signal);
    if (plan) await this.#run(plan, this.#deps.signIn.signIn);
  }

  async #startSandbox(): Promise<void> {
    const { sandbox, remembered } = this.#deps;
    const attempt = this.#newAttempt();
    const options = {
      location: vscode.ProgressLocation.Notification,
      cancellable: true,
      title: t('Agent ID: starting the sandbox'),
    };
    const world = await vscode.window.withProgress(options, (_progress, token) => {
      token.onCancellationRequested(() => attempt.abort(new AgentIdError('cancelled')));
      return sandbox.start(attempt.signal);
    });
    await this.#run(planWorld(world, false, remembered.plan), this.#deps.signIn.signIn);
  }

  #stopSandbox(): void {
    const { session, sandbox, turns, chat } = this.#deps;
    if (sandbox.world && session.plan?.world?.keepSignIn === false) {
      this.#newAttempt();
      chat.stop();
      turns.approvals.clear();
    }
    sandbox.stop(); // its end disconnects
  }

  /**
   * Connects and runs the steps; the first that failed is said, the others stand in the Identity view. Without `signIn`
   * nobody is asked for anything.
   */
  async #run(plan: ConnectionPlan, signIn: InteractiveSignIn | undefined): Promise<void> {
    const { session, inspector, chat, say } = this.#deps;
    const { signal } = this.#newAttempt();
    if (signIn) void vscode.commands.executeCommand('agentId.identity.focus', { preserveFocus: true });
    const connection = await this.#signIns.follow(signIn, asked => {
      const interaction = asked && { signIn: asked, trust: confirmTrust };
      const work = session.connect(plan, interaction, signal);
      return Promise.resolve(vscode.window.withProgress({ location: { viewId: 'agentId.identity' } }, () => work));
    });
    chat.clearNotice('connection');
    void inspector.reload();
    const failure = connection.firstFailure;
    if (!failure) {
      if (signIn) this.#deps.chatView.reveal();
      return;
    }
    if (signIn) this.report(failure.error);
    else if (failure.step !== 'signIn')
      // that one, the chat says by itself
      chat.notice('warning', say(failure.error), 'connection');
  }

  async #use(work: (connection: Connection, signal: AbortSignal) => Promise<void>): Promise<void> {
    const { session, inspector, chat } = this.#deps;
    const { connection } = session;
    if (!connection) throw new AgentIdError('agent.notConnected');
    const { asking } = connection; // then the turn says how it ended
    await work(connection, this.#newAttempt().signal);
    chat.clearNotice('connection');
    void inspector.reload();
    if (connection.firstFailure && !asking) this.report(connection.firstFailure.error);
  }

  async #signOut(): Promise<void> {
    const { session, turns, inspector, chat } = this.#deps;
    const { connection } = session;
    if (!connection) throw new AgentIdError('agent.notConnected');
    chat.stop();
    this.#newAttempt();
    turns.approvals.clear();
    await connection.signOut();
    void inspector.reload();
  }

  async #disconnect(): Promise<void> {
    const { session, turns, chat, remembered, inspector } = this.#deps;
    this.#newAttempt();
    chat.stop();
    turns.approvals.clear();
    await remembered.forget(); // first: who sees that it is over may close the window
    session.disconnect();
    void inspector.reload();
  }

  async #useApiKey(): Promise<void> {
    const { session, secrets, settings, remembered, inspector } = this.#deps;
    if (!(await setApiKey(secrets, settings()))) return;
    this.#newAttempt();
    session.useApiKey();
    await remembered.keepApiKey();
    void inspector.reload();
    this.#deps.chatView.reveal();
  }

  async #setEnabled(row: unknown, on: boolean): Promise<void> {
    const id = serverIdOfRow(row);
    if (id) await this.#deps.servers.setEnabled(id, on);
  }

  #access() {
    return { proxy: this.#deps.settings().proxy, logger: this.#deps.logger, watch: showPlugin };
  }

  async #configuredWorld(last: ConnectionPlan | undefined): Promise<ConnectionPlan | undefined> {
    const path = this.#deps.settings().connectionFile;
    return path ? planWorld(await readWorld(path), true, last) : undefined;
  }

  /** What a new window goes on with: the connection file's, else the last one of a cluster. */
  async #lastPlan(): Promise<ConnectionPlan | undefined> {
    const { plan } = this.#deps.remembered;
    return (await this.#configuredWorld(plan)) ?? (plan?.mode === 'connected' ? plan : undefined);
  }

  /** One connection attempt at a time: a newer one ends the one before. */
  #newAttempt(): AbortController {
    this.#connecting?.abort(new AgentIdError('cancelled'));
    return (this.#connecting = new AbortController());
  }
}
