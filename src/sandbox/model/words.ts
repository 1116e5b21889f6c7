/** Words that choose no tool. */
const STOP = new Set(
  (
    'a about all am an and any are as at be by can could did do does find for from get give has have how i if in into is it its let ' +
    'look me my no not now of on one or our out please return returns see show so some tell that the their them there these ' +
    'they this to up us use using want was we what when where which who whole why will with would you your tool tools'
  ).split(' '),
);

/** Words that ask for something, whatever it is about. */
export const VERBS = new Set(['ask', 'check', 'compare', 'explain', 'query', 'say', 'search']);

/** Other words for what tools are usually called. */
const SAME: Readonly<Record<string, string>> = {
  documentation: 'docs',
  doc: 'docs',
  document: 'docs',
  internet: 'web',
  online: 'web',
  sum: 'add',
  plus: 'add',
  clock: 'time',
  crawl: 'crawling',
  read: 'fetch',
};

/** The meaningful words of a text, lower case, without plural endings. */
export function meaningful(text: string): string[] {
  return (text.toLowerCase().match(/[a-z0-9]+/g) ?? [])
    .filter(word => !STOP.has(word))
    .map(word => SAME[word] ?? word)
    .map(word => (word.length > 4 ? word.replace(/(?<!s)s$/, '') : word));
}

/** The words of an identifier such as `web_search`, `get-weather` or `numResults`. */
export function wordsOfName(name: string): string[] {
  return meaningful(name.replace(/([a-z0-9])([A-Z])/g, '$1 $2').replace(/[_-]/g, ' '));
}

/** Every http address in a text, without the punctuation that follows it. */
export function urlsIn(text: string): string[] {
  return (text.match(/https?:\/\/[^\s"'<>`)\]}]+/g) ?? []).map(url => url.replace(/[.,;:!?]+$/, ''));
}

/** What stands in quotes of any kind. */
export function quotedIn(text: string): string[] {
  return [...text.matchAll(/"([^"]+)"|“([^”]+)”|`([^`]+)`|(?<!\w)'([^']+)'(?!\w)/g)].map(
    match => match.slice(1).find(part => part !== undefined) ?? '',
  );
}

/** Numbers that stand alone. */
export function numbersIn(text: string): number[] {
  return [...text.matchAll(/(?<![\w.:/-])-?\d+(?:\.\d+)?(?![\w:/-])/g)].map(match => Number(match[0]));
}
