import type { Mode } from '../../protocol/common.ts';
import { visible } from '../../protocol/visible.ts';
import { type Child, fill, h } from './dom.ts';
import { icon, type IconName } from './icons.ts';
import { t } from './l10n.ts';

/** The mode as a badge, and as whom: `SANDBOX  research-agent for ana@contoso.example`. */
export class ModeLine {
  readonly element = h('p', { class: 'mode' });
  #mode: Mode | undefined;

  show(mode: Mode): void {
    if (mode === this.#mode) return;
    this.#mode = mode;
    this.element.dataset.mode = mode.kind;
    fill(this.element, ...parts(mode));
  }
}

function parts(mode: Mode): Child[] {
  switch (mode.kind) {
    case 'disconnected':
      return [badge('plug', t('Not connected'))];
    case 'connecting':
      return [badge('running', t('Connecting')), rest(mode.step)];
    case 'connected':
      return [
        mode.user === undefined ? badge('plug', t('Not signed in')) : badge('agent', t('Connected')),
        h('strong', {}, visible(mode.agent)),
        rest(mode.user && t('for {0}', mode.user), mode.model, mode.place),
      ];
    case 'sandbox':
      return [
        badge('beaker', t('Sandbox')),
        h('strong', {}, visible(mode.agent)),
        rest(mode.user === undefined ? t('not signed in') : t('for {0}', mode.user), mode.model, mode.place),
      ];
    case 'apiKey':
      return [badge('key', t('API key')), h('strong', {}, visible(mode.model)), rest(t('no agent identity'))];
  }
}

function badge(name: IconName, text: string): HTMLElement {
  return h('span', { class: 'badge' }, icon(name), h('span', {}, text));
}

function rest(...parts: (string | undefined)[]): Child {
  const text = visible(parts.filter(part => part !== undefined).join(' · '));
  return text !== '' && h('span', { class: 'mode-rest', title: text }, text);
}
