import { visible } from '../../protocol/visible.ts';
import { h } from '../shared/dom.ts';
import { lineOffset, openBlock } from './blocks.ts';
import { dressCodeBlocks, wrapTables } from './codeBlock.ts';
import { type Environment, parse, render, type Token } from './markdown.ts';

const LINK_DEFINITION = /^ {0,3}\[[^\]]+\]:/m;

/**
 * Markdown that grows. What is settled is rendered once and stays, so that a selection or a focused button in it
 * survives; only the block at the end is parsed and rendered again.
 */
export class MarkdownView {
  readonly element = h('div', { class: 'markdown', dir: 'auto' });
  readonly #copy: (text: string) => void;
  #text = '';
  #complete = false;
  /** Where the open block begins in `#text`. */
  #settled = 0;
  #settledNodes = 0;
  #open: Node[] = [];
  #environment: Environment = {};

  constructor(copy: (text: string) => void) {
    this.#copy = copy;
  }

  /** Shows `text`; returns what has been finished by it, as plain text for a screen reader. */
  update(raw: string, complete: boolean): string {
    const text = visible(raw);
    if (text === this.#text && complete === this.#complete) return '';
    // A link may be defined after its use, which only a look at the whole text can join.
    const again = !text.startsWith(this.#text) || this.#complete || (complete && LINK_DEFINITION.test(text));
    const known = this.#settledNodes;
    if (again) this.#reset();
    this.#text = text;
    this.#complete = complete;

    const tail = text.slice(this.#settled);
    const tokens = parse(tail, this.#environment);
    const open = complete ? { token: tokens.length, line: Infinity } : openBlock(tokens, tail.split('\n').length - 1);
    for (const node of this.#open) node.parentNode?.removeChild(node);
    const finished = this.#append(tokens.slice(0, open.token), true);
    this.#open = this.#append(tokens.slice(open.token), false);
    this.#settled += complete ? tail.length : lineOffset(tail, open.line);
    this.#settledNodes += finished.length;
    return finished
      .slice(again ? known : 0)
      .map(node => node.textContent)
      .join('\n');
  }

  #append(tokens: Token[], complete: boolean): Node[] {
    if (tokens.length === 0) return [];
    const fragment = render(tokens, this.#environment);
    dressCodeBlocks(fragment, complete, this.#copy);
    wrapTables(fragment);
    const nodes = [...fragment.childNodes];
    this.element.append(fragment);
    return nodes;
  }

  #reset(): void {
    this.element.replaceChildren();
    this.#settled = 0;
    this.#settledNodes = 0;
    this.#open = [];
    this.#environment = {};
  }
}
