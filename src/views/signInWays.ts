import type { AgentIdError } from '../base/errors.ts';
import { isLoopback } from '../base/loopback.ts';
import type { Account, SignInWay } from '../identity/signIn.ts';
import type { ActionId } from '../protocol/common.ts';
import type { Translate } from './messages/catalogue.ts';

/** Where the extension runs, as far as a sign-in depends on it. */
export interface Place {
  /** The workbench is the desktop application; else it is a page in a browser. */
  desktop: boolean;
  /** What a browser calls the server behind the workbench, e.g. `127.0.0.1:8080`; undefined when there is none. */
  server: string | undefined;
}

interface Way {
  id: SignInWay;
  /** The button that takes it. */
  command: ActionId;
  icon: string;
  worksIn: (place: Place) => boolean;
  label: (t: Translate) => string;
  detail: (t: Translate) => string;
}

/**
 * How a person can sign in, the default first. Which of them authority and client allow, `SignIn.ways` says. The
 * browser's answer comes to a port of the machine that the extension runs on: a desktop workbench reaches it even when
 * that machine is remote, because the editor forwards the port; a page in a browser only on the same machine, because
 * Entra takes no address but `http://localhost` for it.
 */
export const SIGN_IN_WAYS: readonly Way[] = [
  {
    id: 'deviceCode',
    command: 'agentId.signInWithDeviceCode',
    icon: 'device-mobile',
    worksIn: () => true,
    label: t => t('With a device code'),
    detail: t => t('Needs no browser on this machine; many tenants block it.'),
  },
  {
    id: 'browser',
    command: 'agentId.signInInBrowser',
    icon: 'globe',
    worksIn: ({ desktop, server }) =>
      desktop || (server !== undefined && isLoopback(URL.parse(`http://${server}`)?.hostname ?? '')),
    label: t => t('In the browser'),
    detail: t => t('Fits policies that ask for a managed device.'),
  },
  {
    id: 'editorAccount',
    command: 'agentId.signInWithEditorAccount',
    icon: 'account',
    worksIn: () => true,
    label: t => t('With the editor’s Microsoft account'),
    detail: t => t('The editor keeps the sign-in and asks you once whether Agent ID may use it.'),
  },
];

/** The ways that can be taken: those of the client that work in this place. */
export function waysHere(allowed: readonly SignInWay[], place: Place): readonly Way[] {
  return SIGN_IN_WAYS.filter(way => allowed.includes(way.id) && way.worksIn(place));
}

/** May a button of this error be shown? One that signs in another way, only where that way exists and did not just fail. */
export function helps(action: ActionId, error: AgentIdError, here: readonly Way[]): boolean {
  const way = SIGN_IN_WAYS.find(({ command }) => command === action);
  return way === undefined || (here.includes(way) && way.id !== failedWay(error));
}

/**
 * The way that would fail again: not that of a code which only ran out. A renewal that an authentication flows policy
 * refuses (530036) is one of a session that a device code began.
 */
function failedWay({ code, args }: AgentIdError): unknown {
  if (code === 'signIn.deviceCodeExpired') return undefined;
  return args.way ?? (args.aadsts === 530036 ? 'deviceCode' : undefined);
}

/** What can be chosen when a person signs in anew: another user of this machine, or a way to sign in. */
export type SignInChoice =
  { kind: 'account'; account: Account } | { kind: 'way'; way: SignInWay; label: string; detail: string; icon: string };

/** The choices, in the order in which they are shown; one that is alone needs no question. */
export function signInChoices(
  t: Translate,
  accounts: readonly Account[],
  current: Account | undefined,
  here: readonly Way[],
): SignInChoice[] {
  return [
    ...accounts.filter(({ id }) => id !== current?.id).map(account => ({ kind: 'account' as const, account })),
    ...here.map(({ id, label, detail, icon }) => {
      return { kind: 'way' as const, way: id, label: label(t), detail: detail(t), icon };
    }),
  ];
}

/**
 * The port of the browser's machine that leads to `port` here, from what the editor made of `http://localhost:<port>`.
 * An address that Entra would not take (another host, a path) means that there is no forwarding to go through.
 */
export function browserPort(external: string, port: number): number {
  const url = URL.parse(external);
  return url?.protocol === 'http:' && isLoopback(url.hostname) && url.pathname === '/' ? Number(url.port || 80) : port;
}
