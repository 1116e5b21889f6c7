const STYLE = `
:root { color-scheme: light dark; --back: light-dark(#f0f2f5, #16191f); --card: light-dark(#fff, #22262e);
  --line: light-dark(#c8ced8, #454c59); --text: light-dark(#1b1f27, #e8ebf0); --accent: light-dark(#0b5cad, #6cb2f7); }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; background: var(--back); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
.banner { background: #ffb900; color: #1b1f27; padding: .5rem 1rem; text-align: center; font-weight: 600; }
main { max-width: 27rem; margin: 8vh auto 0; padding: 2rem; background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
h1 { margin: 0 0 .5rem; font-size: 1.4rem; font-weight: 600; }
label { display: block; margin: 1rem 0 .25rem; font-weight: 600; }
input, select, button { width: 100%; padding: .55rem .7rem; font: inherit; color: inherit; background: var(--back);
  border: 1px solid var(--line); border-radius: 4px; }
#code { font-family: ui-monospace, monospace; letter-spacing: .15em; text-transform: uppercase; }
.buttons { display: flex; flex-direction: row-reverse; gap: .75rem; margin-top: 1.5rem; }
button { cursor: pointer; background: var(--accent); border-color: transparent; color: light-dark(#fff, #10131a); font-weight: 600; }
button.secondary { background: transparent; border-color: var(--line); color: inherit; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.problem { padding: .5rem .75rem; border-left: 4px solid #d13438; background: light-dark(#fdeceb, #3a2224); }
`;

/** Frame of the sandbox's pages: marked as SANDBOX, no script, nothing from outside. */
export const page = {
  headers: {
    'Content-Type': 'text/html; charset=utf-8',
    'Cache-Control': 'no-store',
    'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    'Referrer-Policy': 'no-referrer',
  },
  render: (title: string, body: string): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>SANDBOX: ${escape(title)}</title><style>${STYLE}</style></head>
<body><div class="banner">SANDBOX: this is not Microsoft Entra. Type no real password here.</div>
<main>${body}</main></body></html>
`,
};

/** Text for HTML content and for quoted attributes. */
export function escape(text: string): string {
  return text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`);
}
