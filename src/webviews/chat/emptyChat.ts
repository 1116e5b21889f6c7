import type { ChatState } from '../../protocol/chat.ts';
import type { ActionId } from '../../protocol/common.ts';
import { visible } from '../../protocol/visible.ts';
import { fill, h } from '../shared/dom.ts';
import { icon, type IconName } from '../shared/icons.ts';
import { t } from '../shared/l10n.ts';
import { roving } from '../shared/roving.ts';
import type { Actions } from './actions.ts';

/** What an empty chat shows: how to begin without a connection, or what could be asked with one. */
export class EmptyChat {
  readonly element = h('section', { class: 'empty', 'aria-label': t('Start') });
  readonly #actions: Actions;
  #key = '';

  constructor(actions: Actions) {
    this.#actions = actions;
  }

  show(state: ChatState): void {
    this.element.hidden = state.items.length > 0 || state.mode.kind === 'connecting';
    const key = JSON.stringify([state.mode.kind, state.prompts]);
    if (key === this.#key) return; // nothing new: leave focus and scroll alone
    this.#key = key;
    fill(this.element, ...(state.mode.kind === 'disconnected' ? this.#welcome() : this.#suggestions(state)));
  }

  #welcome(): HTMLElement[] {
    const way = (id: ActionId, name: IconName, title: string, detail: string, look: string) =>
      h(
        'li',
        {},
        h(
          'button',
          { type: 'button', class: `way ${look}`, onclick: () => this.#actions.run(id) },
          icon(name),
          h('span', { class: 'way-title' }, title),
          h('span', { class: 'way-detail' }, detail),
        ),
      );
    return [
      h('div', { class: 'emblem' }, icon('agent')),
      h('h2', {}, t('Chat as an agent with its own identity')),
      h(
        'p',
        {},
        t('Every call carries a token that says: this agent, on behalf of you. You see each token and each tool.'),
      ),
      h(
        'ul',
        { class: 'ways' },
        way('agentId.connect', 'plug', t('Connect to a Cluster'), t('Your agent, your tenant'), 'way-first'),
        way('agentId.startSandbox', 'beaker', t('Start the Sandbox'), t('Simulated, on this machine'), ''),
        way('agentId.setApiKey', 'key', t('Use an API Key'), t('For testing: no agent identity'), ''),
      ),
    ];
  }

  #suggestions(state: ChatState): HTMLElement[] {
    const buttons = state.prompts.map(prompt =>
      h(
        'button',
        { type: 'button', class: 'prompt', dir: 'auto', onclick: () => this.#actions.send(prompt) },
        visible(prompt),
      ),
    );
    roving(buttons);
    return [
      h('div', { class: 'emblem' }, icon('agent')),
      h('h2', {}, t('What should the agent do?')),
      h('p', {}, t('Every tool call asks you first and leaves a receipt.')),
      h('div', { class: 'prompts', role: 'group', 'aria-label': t('Suggested prompts') }, ...buttons),
    ];
  }
}
