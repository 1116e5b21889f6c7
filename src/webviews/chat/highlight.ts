import hljs from 'highlight.js/lib/core';
import bash from 'highlight.js/lib/languages/bash';
import csharp from 'highlight.js/lib/languages/csharp';
import json from 'highlight.js/lib/languages/json';
import python from 'highlight.js/lib/languages/python';
import typescript from 'highlight.js/lib/languages/typescript';
import yaml from 'highlight.js/lib/languages/yaml';

hljs.registerLanguage('bash', bash);
hljs.registerLanguage('csharp', csharp);
hljs.registerLanguage('json', json);
hljs.registerLanguage('python', python);
hljs.registerLanguage('typescript', typescript);
hljs.registerLanguage('yaml', yaml);
hljs.registerAliases(['javascript', 'js', 'jsx'], { languageName: 'typescript' });
hljs.registerAliases(['shell', 'console', 'powershell'], { languageName: 'bash' });

/** A longer block would hold up the page for longer than colours are worth. */
const MAX_LENGTH = 30_000;

/** The code as HTML of nested `<span class="hljs-…">`, or undefined for a language we don't know. */
export function highlight(code: string, language: string): string | undefined {
  if (code.length > MAX_LENGTH || !hljs.getLanguage(language)) return undefined;
  return hljs.highlight(code, { language, ignoreIllegals: true }).value;
}
