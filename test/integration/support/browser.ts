// A browser without scripts: it follows the forms and redirects of a sign-in as a person would.

export interface Visit {
  status: number;
  text: string;
  /** Where the page is. */
  url: string;
}

const unescape = (text: string): string =>
  text.replace(/&#(\d+);/g, (_all, code: string) => String.fromCharCode(Number(code)));

/** Posts the one form of a page: its hidden fields, and what the person puts in. */
export function submitForm(page: Visit, fields: Record<string, string> = {}): Promise<Visit> {
  const form = new URLSearchParams(fields);
  for (const [, name = '', value = ''] of page.text.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g))
    form.set(unescape(name), unescape(value));
  const action = /<form method="post"(?: action="([^"]+)")?>/.exec(page.text)?.[1];
  return visit(action ? unescape(action) : page.url, { method: 'POST', body: form });
}

export async function visit(url: string, init?: RequestInit): Promise<Visit> {
  const response = await fetch(url, init);
  return { status: response.status, text: await response.text(), url: response.url };
}

/** The whole sign-in: the page, a user, the answer to the redirect URI. Resolves with the page on which it ends. */
export async function signInOnPage(address: string, user: string, action = 'consent'): Promise<Visit> {
  const answer = await submitForm(await visit(address), { user, action });
  return answer.text.includes('<form') ? submitForm(answer) : answer; // form_post: the browser's script presses it
}
