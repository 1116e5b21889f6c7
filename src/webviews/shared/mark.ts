import { h } from './dom.ts';
import { icon, type IconName } from './icons.ts';

/** How an outcome is coloured, which only repeats its sign and its word. */
export type Tone = 'good' | 'bad' | 'careful' | 'open';

/** An outcome as a sign with its word. */
export function mark(name: IconName, text: string, tone?: Tone): HTMLElement {
  return h('span', { class: 'mark', 'data-tone': tone }, icon(name), h('span', {}, text));
}
