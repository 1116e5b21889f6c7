import * as vscode from 'vscode';
import type { InteractiveSignIn, SignInRequest } from '../agent/personSignIn.ts';
import { AgentIdError } from '../base/errors.ts';
import type { Account, DeviceCodePrompt, SignIn, SignInWay, UserToken } from '../identity/signIn.ts';
import type { SignInMemory } from './memory.ts';
import { plainMessage } from './plainMessage.ts';
import { browserPort, signInChoices, waysHere, type Place, type SignInChoice } from './signInWays.ts';

const t = vscode.l10n.t;

type Take = (signIn: SignIn, signal: AbortSignal, request: SignInRequest) => Promise<UserToken>;

/** The window's sign-in: asks the person in the way that worked last, lets them choose, or takes the one they chose. */
export class SignInFlow {
  readonly #memory: SignInMemory;
  readonly #place: Place;

  constructor(memory: SignInMemory, place: Place) {
    this.#memory = memory;
    this.#place = place;
  }

  /** In the way that worked last with this authority and client, else with a device code. */
  readonly signIn: InteractiveSignIn = (signIn, signal, request = {}) => {
    const here = waysHere(signIn.ways, this.#place).map(({ id }) => id);
    const remembered = this.#memory.get(signIn.key);
    const way = here.find(id => id === remembered) ?? here[0] ?? 'deviceCode';
    return this.#take(way)(signIn, signal, request);
  };

  /** Anew and in this way, which is then the one that comes first. */
  by(way: SignInWay): InteractiveSignIn {
    return (signIn, signal, request) => this.#take(way)(signIn, signal, { ...request, anew: true });
  }

  #take(way: SignInWay): InteractiveSignIn {
    return async (signIn, signal, request = {}) => {
      const token = await TAKE[way](signIn, signal, request);
      await this.#memory.keep(signIn.key, way);
      return token;
    };
  }

  /** Lets the person choose user and way, where there is a choice. `current`: who acts now, and so is no choice. */
  choose(current: Account | undefined): InteractiveSignIn {
    return async (signIn, signal, request = {}) => {
      const choices = signInChoices(t, await signIn.accounts(), current, waysHere(signIn.ways, this.#place));
      const choice = choices.length > 1 ? await pickChoice(choices, signal) : choices[0];
      if (!choice) throw new AgentIdError('cancelled');
      if (choice.kind === 'way') return this.by(choice.way)(signIn, signal, request);
      return this.#switchTo(choice.account, signIn, signal);
    };
  }

  /** Without a question where the user's refresh token is still good. */
  async #switchTo(account: Account, signIn: SignIn, signal: AbortSignal): Promise<UserToken> {
    let claims: unknown;
    try {
      const token = await signIn.switchTo(account, signal);
      if (token) return token;
    } catch (error) {
      if (!AgentIdError.is(error, 'signIn.interactionRequired') && !AgentIdError.is(error, 'signIn.sessionEnded'))
        throw error;
      ({ claims } = error.args);
    }
    return this.signIn(signIn, signal, { account, anew: true, ...(typeof claims === 'string' && { claims }) });
  }
}

/** Where this window runs. */
export function signInPlace(): Place {
  return { desktop: vscode.env.uiKind === vscode.UIKind.Desktop, server: vscode.env.remoteName };
}

const TAKE: Record<SignInWay, Take> = {
  deviceCode: (signIn, signal, { claims }) =>
    inProgress(signal, (report, both, cancel) => {
      report(t('asking for a code…'));
      const onPrompt = (prompt: DeviceCodePrompt) => {
        report(t('enter the code {0} at {1}', prompt.userCode, prompt.verificationUri));
        void showCode(prompt).then(go => {
          if (!go) cancel();
        });
      };
      return signIn.deviceCode({ onPrompt, ...(claims && { claims }), signal: both });
    }),
  browser: (signIn, signal, { claims, account }) =>
    inProgress(signal, (report, both) => {
      report(t('opening the browser…'));
      return signIn.browser({
        open: async address => {
          report(t('go on in the browser, at {0}', new URL(address).host));
          await openAddress(address);
        },
        reach: async port => {
          const own = vscode.Uri.parse(`http://localhost:${port}/`);
          return browserPort((await vscode.env.asExternalUri(own)).toString(true), port);
        },
        closing: { text: t('You can close this page: the editor goes on from here.'), language: vscode.env.language },
        ...(account && { account }),
        ...(claims && { claims }),
        signal: both,
      });
    }),
  editorAccount: (signIn, signal, { claims, account, anew = false }) =>
    inProgress(signal, (report, both) => {
      report(t('with the editor’s Microsoft account'));
      return signIn.editorAccount({ ...(account && { account }), ...(claims && { claims }), anew, signal: both });
    }),
};

/** A notification that stays until the sign-in has ended; rejects with `cancelled` as soon as the person cancels there. */
async function inProgress(
  signal: AbortSignal,
  work: (report: (message: string) => void, signal: AbortSignal, cancel: () => void) => Promise<UserToken>,
): Promise<UserToken> {
  const options = {
    location: vscode.ProgressLocation.Notification,
    cancellable: true,
    title: t('Agent ID: signing in'),
  };
  const left = new AbortController();
  const cancel = () => left.abort(new AgentIdError('cancelled'));
  return vscode.window.withProgress(options, (progress, token) => {
    token.onCancellationRequested(cancel);
    return work(
      message => progress.report({ message: plainMessage(message) }),
      AbortSignal.any([signal, left.signal]),
      cancel,
    );
  });
}

/** The address as text: a `Uri` loses the escapes in it, and with them a `#` in a guest's name (microsoft/vscode#85930). */
async function openAddress(address: string): Promise<void> {
  await vscode.env.openExternal(address as unknown as vscode.Uri);
}

/** True when the person went on to the page. */
async function showCode(prompt: DeviceCodePrompt): Promise<boolean> {
  const go = t('Copy Code and Open Browser');
  const picked = await vscode.window.showInformationMessage(
    t('Your code: {0}', prompt.userCode),
    {
      modal: true,
      detail: t(
        'Enter it at {0}. You asked for this code just now, in this window: never enter a code that somebody sent you.',
        prompt.verificationUri,
      ),
    },
    go,
  );
  if (picked !== go) return false;
  await vscode.env.clipboard.writeText(prompt.userCode);
  await vscode.env.openExternal(vscode.Uri.parse(prompt.verificationUri));
  return true;
}

async function pickChoice(choices: readonly SignInChoice[], signal: AbortSignal): Promise<SignInChoice | undefined> {
  const separator = (label: string) => ({ label, kind: vscode.QuickPickItemKind.Separator });
  const icon = (name: string) => new vscode.ThemeIcon(name); // in the label it would be read out
  const items = choices.map(choice =>
    choice.kind === 'account'
      ? { label: choice.account.username, description: choice.account.name, iconPath: icon('account'), choice }
      : { label: choice.label, detail: choice.detail, iconPath: icon(choice.icon), choice },
  );
  const accounts = items.filter(({ choice }) => choice.kind === 'account');
  const ways = items.filter(({ choice }) => choice.kind === 'way');
  const rows: (vscode.QuickPickItem & { choice?: SignInChoice })[] =
    accounts.length > 0
      ? // first what needs no change of user: that is what Sign In Again says
        [separator(t('sign in again, or as somebody else')), ...ways, separator(t('signed in here')), ...accounts]
      : ways;
  const cancellation = new vscode.CancellationTokenSource();
  const end = () => cancellation.cancel();
  signal.addEventListener('abort', end, { once: true });
  try {
    const options = {
      title: t('Sign In Again or Switch Account'),
      placeHolder: t('How do you want to sign in?'),
      ignoreFocusOut: true,
    };
    return (await vscode.window.showQuickPick(rows, options, cancellation.token))?.choice;
  } finally {
    signal.removeEventListener('abort', end);
    cancellation.dispose();
  }
}
