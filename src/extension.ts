import * as vscode from 'vscode';
import { ReceiptLog } from './agent/receipts.ts';
import { Session } from './agent/session.ts';
import { Turns } from './agent/turns.ts';
import { systemClock } from './base/clock.ts';
import { redactingLogger } from './base/logger.ts';
import { keepRecent } from './base/recentLog.ts';
import { McpServers } from './mcp/registry.ts';
import { readSettings } from './settings.ts';
import { Actions } from './views/actions.ts';
import { apiKeyOf, keyModel } from './views/apiKeyFlow.ts';
import { ChatController } from './views/chatController.ts';
import { ChatView, CHAT_VIEW } from './views/chatView.ts';
import { registerCommands } from './views/commands.ts';
import { editorAccounts } from './views/editorAccounts.ts';
import { ConnectionNotice } from './views/connectionNotice.ts';
import { confirmTrust } from './views/confirmTrust.ts';
import { ConfigurationDocument } from './views/configurationDocument.ts';
import { identityRows, identitySummary, tokenEnds } from './views/identityTree.ts';
import { DoctorPanel } from './views/doctorPanel.ts';
import { TokenClipboard } from './views/copyToken.ts';
import { INSPECTOR_PANEL, InspectorPanel } from './views/inspectorPanel.ts';
import { openLink } from './views/links.ts';
import { remember, serverStore, signInMemory, trustStore } from './views/memory.ts';
import { sayDenial, sayHidden, sayWithoutTools } from './views/messages/denial.ts';
import type { Occasion } from './views/messages/index.ts';
import { placeOf, remoteOf } from './views/place.ts';
import { modeLine, noTokensBecause, suggestedPrompts } from './views/mode.ts';
import { loadSayer } from './views/say.ts';
import { SandboxProcess } from './views/sandboxProcess.ts';
import { editorSecrets, memorySecrets } from './views/secrets.ts';
import { serverRows, serversSummary, serverWithoutTools } from './views/serversTree.ts';
import { showPlugin } from './views/showPlugin.ts';
import { SignInFlow, signInPlace } from './views/signInFlow.ts';
import { helps, waysHere } from './views/signInWays.ts';
import { StatusBar } from './views/statusBar.ts';
import { TokenTimer } from './views/tokenTimer.ts';
import { heldTokens, offerBundle, supportFacts } from './views/support.ts';
import { RowTree } from './views/tree.ts';
import { openUnsaved } from './views/unsavedDocument.ts';
import { actorSentence, signInQuestion, tokenLabel } from './views/words.ts';

/** As many lines of the log a support bundle has. */
const LOG_LINES_KEPT = 200;

/** What must end well before the window does: calls with their receipts, a token in the clipboard. */
let closing: { turns: Turns; tokenClipboard: TokenClipboard } | undefined;

/** The table of contents: makes each part once, gives it what it needs, and registers it. */
export function activate(context: vscode.ExtensionContext): void {
  const { subscriptions, extensionUri, globalState } = context;
  const t = vscode.l10n.t;
  const channel = vscode.window.createOutputChannel('Agent ID', { log: true });
  const recent = keepRecent(channel, LOG_LINES_KEPT);
  const logger = redactingLogger(recent);
  const place = signInPlace();
  const helpsHere: Occasion['helps'] = (action, error) =>
    helps(action, error, waysHere(session.connection?.signInWays ?? [], place));
  const { extensionKind } = context.extension;
  const remote = remoteOf(vscode.env.remoteName, extensionKind === vscode.ExtensionKind.Workspace);
  const { say, loaded } = loadSayer(t, {
    known: () => placeOf(session, remote),
    helps: helpsHere,
  });
  const secrets = editorSecrets(context);
  const memory = memorySecrets();
  const remembered = remember(globalState);
  const { version } = context.extension.packageJSON as { version: string };
  logger.info(`Agent ID ${version}, extension kind ${extensionKind}, remote ${vscode.env.remoteName ?? 'none'}`);

  const sandbox: SandboxProcess = new SandboxProcess(extensionUri, logger, () => {
    if (session.plan?.world?.keepSignIn === false) session.disconnect();
    contextKeys();
  });
  const servers = new McpServers({
    store: serverStore(globalState),
    fetch: (input, init) => fetch(input, init),
    logger,
    clientVersion: version,
  });
  const common = {
    secrets,
    memory,
    editorAccounts: editorAccounts(subscriptions),
    trust: trustStore(globalState),
    overrides: readSettings,
    watchPlugin: showPlugin,
    fetch: (input: string | URL | Request, init?: RequestInit) => fetch(input, init),
    logger,
    clock: systemClock,
  };
  const session: Session = new Session({ ...common, servers, opened: plan => actions.opened(plan) });
  const turns: Turns = new Turns({
    session,
    servers,
    receipts: new ReceiptLog(context.globalStorageUri.fsPath),
    keyModel: () => keyModel(secrets, readSettings(), logger),
    systemPrompt: () => readSettings().systemPrompt,
    askApproval: (request, signal) => chat.askApproval(request, signal),
    askSignIn: error => {
      const row = chat.askSignIn(signInQuestion(say(error), error));
      notice.update(); // one row for it is enough
      return {
        dispose: () => {
          row.dispose();
          notice.update();
        },
      };
    },
    logger,
    clock: systemClock,
  });
  const tokenClipboard = new TokenClipboard(session);
  closing = { turns, tokenClipboard };
  const chat: ChatController = new ChatController({
    turns: () => turns,
    say,
    log: error => logger.error(`A turn failed: ${String(error)}`),
    sayDenial: state => sayDenial(t, state, placeOf(session)),
    sayIdentity: ({ user }) => t('as {0} for {1}', session.connection?.agent.deployment ?? '', user),
    sayDirect: () => t('direct: no token, no gateway policy'),
    sayCut: (shown, all) =>
      t('Only {0} of {1} characters are shown here. Reject the call if you need to see all.', shown, all),
    sayActor: () => actorSentence(session),
    attention: () => chatView.reveal(),
    copied: text => void vscode.env.clipboard.writeText(text),
    openLink,
    runAction: id => void vscode.commands.executeCommand(id),
  });
  const chatView = new ChatView(extensionUri, chat, message => logger.warn(message));
  const refusedBecause = (serverId: string) => {
    const denial = session.connection?.explainDenial(serverId);
    return denial && sayHidden(t, denial, undefined, placeOf(session));
  };
  const notice = new ConnectionNotice(session, chat, {
    say,
    withoutTools: () => {
      const server = serverWithoutTools(servers);
      const agent = session.connection?.agent.deployment ?? '';
      return server === undefined ? undefined : sayWithoutTools(t, agent, refusedBecause(server));
    },
  });
  const apiModel = () => readSettings().apiKey.model;
  const inspector = new InspectorPanel(extensionUri, {
    session,
    t,
    label: tokenLabel,
    say,
    known: () => placeOf(session),
    mode: () => ({ mode: modeLine(session, apiModel()), explanation: noTokensBecause(session) }),
    copyRaw: id => void vscode.commands.executeCommand('agentId.copyRawToken', id),
    copyText: text => void vscode.env.clipboard.writeText(text),
    openSource: openLink,
    openDocument: json => void openUnsaved(json, 'json').catch((error: unknown) => actions.report(error)),
    report: error => actions.report(error),
    askForToken: () => void vscode.commands.executeCommand('agentId.inspectPastedToken'),
    runAction: id => void vscode.commands.executeCommand(id),
    log: message => logger.warn(message),
  });
  const signIn = new SignInFlow(signInMemory(globalState), place);
  const doctor: DoctorPanel = new DoctorPanel(extensionUri, {
    t,
    prepare: async () => ({
      ...common,
      plan: await actions.planAtHand(),
      choose: signal => actions.choosePlan(signal),
      settings: readSettings(),
      interaction: { signIn: actions.signInBeside, trust: confirmTrust },
      account: () => session.connection?.account,
      clientVersion: version,
    }),
    helps: helpsHere,
    remote,
    support: async () => ({
      ...supportFacts(context),
      log: recent.lines(),
      secrets: [...heldTokens(session.connection), ...(await apiKeyOf(secrets))],
    }),
    offerBundle,
    runAction: id => void vscode.commands.executeCommand(id),
    copyText: text => void vscode.env.clipboard.writeText(text),
    report: error => actions.report(error),
    log: message => logger.warn(message),
  });
  const configuration = new ConfigurationDocument(session, servers, readSettings);
  const identity = new RowTree(
    'agentId.identity',
    () => identityRows(session, apiModel(), say),
    () => identitySummary(session),
  );
  const hidden = (serverId: string) =>
    (session.connection?.hiddenTools(serverId) ?? []).map(tool => ({
      ...tool,
      reason: sayHidden(t, tool.reason, tool.name, placeOf(session)),
    }));
  const tools = new RowTree(
    'agentId.servers',
    () => serverRows(servers, { say, refusedBecause, hidden }),
    () => serversSummary(servers, { hidden }),
  );
  const statusBar = new StatusBar();
  const actions = new Actions({
    session,
    turns,
    servers,
    chat,
    chatView,
    inspector,
    doctor,
    tokenClipboard,
    notice,
    configuration,
    sandbox,
    remembered,
    signIn,
    secrets,
    settings: readSettings,
    say,
    revealServer: id => tools.reveal(`server:${id}`),
    logger,
    showLog: () => channel.show(),
  });

  const contextKeys = () => {
    const set = (key: string, value: boolean) =>
      void vscode.commands.executeCommand('setContext', `agentId.${key}`, value);
    set('active', session.mode !== 'disconnected');
    set('connected', session.connection !== undefined);
    set('signedIn', session.connection?.account !== undefined);
    set('hasServers', servers.list().length > 0);
    set('sandboxRunning', sandbox.world !== undefined);
  };
  const tokenTimer = new TokenTimer({
    ends: () => tokenEnds(session),
    draw: () => identity.refresh(),
    clock: systemClock,
  });
  const refresh = () => {
    identity.refresh();
    tokenTimer.update();
    statusBar.update(session);
    chat.setMode(modeLine(session, apiModel()), suggestedPrompts(session, servers));
    notice.update();
    contextKeys();
  };
  subscriptions.push(
    channel,
    sandbox,
    servers,
    session,
    inspector,
    doctor,
    configuration,
    identity,
    tools,
    statusBar,
    tokenTimer,
    session.onDidChange(refresh),
    servers.onDidChange(() => {
      tools.refresh();
      refresh();
    }),
    vscode.window.registerWebviewViewProvider(CHAT_VIEW, chatView),
    vscode.window.registerWebviewPanelSerializer(INSPECTOR_PANEL, inspector),
    registerCommands(actions.handlers(), error => actions.report(error)),
  );
  refresh();
  void loaded.then(() => servers.start()).catch((error: unknown) => actions.report(error));
  void loaded.then(() => actions.resume()).catch((error: unknown) => actions.report(error));
}

/** A tool call that was made must not be without its receipt, and no token stays in the clipboard. */
export async function deactivate(): Promise<void> {
  await Promise.allSettled([closing?.turns.close(), closing?.tokenClipboard.clear()]);
}
