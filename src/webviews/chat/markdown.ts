import DOMPurify from 'dompurify';
import MarkdownIt from 'markdown-it';
import { safeHref } from '../../protocol/links.ts';

/** Model output is hostile: no HTML, no images (an image address is a way out for data), https and mailto links only. */
const markdown = new MarkdownIt({ html: false, linkify: true, typographer: false });
markdown.disable(['image']);
markdown.validateLink = href => safeHref(href) !== undefined;
markdown.linkify.set({ fuzzyLink: false, fuzzyEmail: false });
markdown.core.ruler.push('fit-into-chat', state => {
  for (const token of state.tokens) {
    if (token.type === 'heading_open' || token.type === 'heading_close') token.tag = below(token.tag);
    const align = /text-align:(\w+)/.exec(String(token.attrGet('style')))?.[1];
    if (align) token.attrs = [['class', `align-${align}`]]; // inline styles are refused by the page's policy
  }
});

export type Token = ReturnType<typeof markdown.parse>[number];
export type Environment = Parameters<typeof markdown.parse>[1];

/** The blocks of a text; `environment` carries link definitions from one part of a text to the next. */
export function parse(text: string, environment: Environment): Token[] {
  return markdown.parse(text, environment);
}

/** Blocks as DOM, after a second, independent guard in case the first has a hole. */
export function render(tokens: Token[], environment: Environment): DocumentFragment {
  return purify(markdown.renderer.render(tokens, markdown.options, environment));
}

DOMPurify.setConfig({
  ALLOWED_TAGS: 'p br hr strong em s code pre blockquote ul ol li h3 h4 h5 h6 table thead tbody tr th td a span'.split(
    ' ',
  ),
  ALLOWED_ATTR: ['href', 'start', 'class'],
  ALLOW_ARIA_ATTR: false,
  ALLOW_DATA_ATTR: false,
  ALLOWED_URI_REGEXP: /^(?:https|mailto):/i,
  RETURN_DOM_FRAGMENT: true,
});

/** HTML as DOM, with nothing left in it that could run, load or restyle. */
export function purify(html: string): DocumentFragment {
  return DOMPurify.sanitize(html, { RETURN_DOM_FRAGMENT: true }); // the argument is for the types: the configuration is set
}

/** A page has a title and each message a heading, so a heading inside a message starts at the third level. */
function below(tag: string): string {
  return `h${Math.min(6, Number(tag.slice(1)) + 2)}`;
}
