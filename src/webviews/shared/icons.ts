const SVG = 'http://www.w3.org/2000/svg';

/** Our own drawings: strokes on a 16 by 16 grid, in the colour of the text. */
const PATHS = {
  agent:
    'M4.5 5.5h7a1.5 1.5 0 0 1 1.5 1.5v4.5a1.5 1.5 0 0 1-1.5 1.5h-7A1.5 1.5 0 0 1 3 11.5V7a1.5 1.5 0 0 1 1.5-1.5zM8 5.5V3M6.2 8.6v1M9.8 8.6v1M1.2 8.5v2M14.8 8.5v2',
  send: 'M8 13V3.2M3.8 7.2 8 3l4.2 4.2',
  stop: 'M5 4.5h6a.5.5 0 0 1 .5.5v6a.5.5 0 0 1-.5.5H5a.5.5 0 0 1-.5-.5V5a.5.5 0 0 1 .5-.5z',
  chevron: 'M6 3.8 10.2 8 6 12.2',
  down: 'M8 3v9.6M4 8.8 8 12.8l4-4',
  copy: 'M6 5.5h6.5v8H6zM3.5 10.5v-8H10',
  check: 'M3.2 8.6 6.4 11.8 12.8 4.6',
  error: 'M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2zM6 6l4 4M10 6l-4 4',
  warning: 'M8 2.4 14.4 13.4H1.6zM8 6.6v3.2M8 11.4v.2',
  info: 'M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2zM8 7.4v3.8M8 4.9v.2',
  denied: 'M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2zM3.8 12.2l8.4-8.4',
  rejected: 'M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2zM5 8h6',
  waiting: 'M8 1.8 13 3.6v4c0 3.2-2.1 5.4-5 6.6-2.9-1.2-5-3.4-5-6.6v-4zM8 5v3.4M8 10.6v.2',
  running: 'M8 2a6 6 0 1 1-6 6',
  refresh: 'M13 8a5 5 0 1 1-1.5-3.6M13.2 2.2v3h-3',
  reveal: 'M1.6 8S4 3.8 8 3.8 14.4 8 14.4 8 12 12.2 8 12.2 1.6 8 1.6 8zM8 6.2a1.8 1.8 0 1 1 0 3.6 1.8 1.8 0 0 1 0-3.6z',
  hide: 'M2.5 2.5l11 11M6.4 4a6.9 6.9 0 0 1 1.6-.2c4 0 6.4 4.2 6.4 4.2a11 11 0 0 1-2 2.5M4 5.4A11 11 0 0 0 1.6 8S4 12.2 8 12.2c1 0 1.9-.3 2.7-.7',
  plug: 'M5.5 2v3M10.5 2v3M3.5 5h9v2.5a4 4 0 0 1-4 4h-1a4 4 0 0 1-4-4zM8 11.5V14',
  beaker: 'M6 2h4M6.8 2v4.4L3 12.6a1 1 0 0 0 .9 1.4h8.2a1 1 0 0 0 .9-1.4L9.2 6.4V2M5 10h6',
  key: 'M5.2 6.6a3.2 3.2 0 1 1 0 6.4 3.2 3.2 0 0 1 0-6.4zM7.6 7.4 13.4 2M10.4 4.8l2 2',
  clock: 'M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2zM8 4.8V8l2.2 1.6',
  absent: 'M4 8h8',
  unknown: 'M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2zM6.3 6.4A1.8 1.8 0 1 1 8.8 8c-.6.3-.8.6-.8 1.2M8 11.2v.2',
  added: 'M8 3.5v9M3.5 8h9',
  save: 'M8 2.5v7.2M4.8 6.8 8 10l3.2-3.2M3 13.2h10',
  changed: 'M3 6h9.2L9.7 3.5M13 10H3.8l2.5 2.5',
} as const;
export type IconName = keyof typeof PATHS;

/** A decoration: hidden from assistive technology, which reads the text beside it or the button's label. */
export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 16 16');
  svg.setAttribute('class', `icon icon-${name}`);
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', PATHS[name]);
  svg.append(path);
  return svg;
}
