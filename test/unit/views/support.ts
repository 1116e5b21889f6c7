import type { Translate } from '../../../src/views/messages/catalogue.ts';

/** What the editor's `l10n.t` does in English: `{n}` becomes the n-th argument, in one pass, and stays where there is none. */
export const translate: Translate = (message, ...args) =>
  args.length === 0
    ? message
    : message.replace(/\{(\d+)\}/g, (placeholder, index: string) => String(args[Number(index)] ?? placeholder));
