import type { ActionId, Fixer } from '../../protocol/common.ts';

/** The editor's `l10n.t`, as an argument, so that the words can be checked without an editor. */
export type Translate = (message: string, ...args: (string | number)[]) => string;

/** What a person reads: what happened and why, in one sentence; the next step, and who can take it; commands that do. */
export interface Said {
  sentence: string;
  next: string;
  /** Absent where nothing is broken. */
  who?: Fixer;
  /** The exact change, where the next step alone would leave something to find out. */
  fix?: string;
  actions?: ActionId[];
}

/** The values of an error by name; one that is missing reads as an empty text. */
export type Value = (name: string) => string;

/** The end of a sentence that quotes the other side; a refusal may have an empty body. */
export const quoted =
  (t: Translate) =>
  (value: Value): string =>
    value('detail') || t('no reason given');

/** One entry per code: a missing one does not compile. */
export type Catalogue<Code extends string> = Record<Code, (value: Value) => Said>;

/** ` (AADSTS65001, correlation id …)`: what an administrator finds the attempt by, where Entra said it. */
export function trail(value: Value): string {
  const aadsts = value('aadsts');
  const correlation = value('correlationId');
  const parts = [aadsts && `AADSTS${aadsts}`, correlation && `correlation id ${correlation}`].filter(Boolean);
  return parts.length > 0 ? ` (${parts.join(', ')})` : '';
}
