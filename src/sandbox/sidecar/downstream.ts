import type { Overrides } from './query.ts';

/** Answer of `POST /DownstreamApi/{name}`. */
export interface DownstreamResult {
  readonly statusCode: number;
  /** The content headers of the answer only. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
  /** Null unless the answer declared its length, as that of a stream does not. */
  readonly content: string | null;
}

const CONTENT_HEADERS = /^(content-|allow$|expires$|last-modified$)/i;

/** Calls a configured API with a token, as the sidecar does; throws when it has no base URL or cannot be reached. */
export async function callDownstream(call: {
  baseUrl: URL | undefined;
  overrides: Overrides;
  authorization: string;
  contentType: string | undefined;
  body: string;
  followRedirects: boolean;
}): Promise<DownstreamResult> {
  const { overrides } = call;
  if (!call.baseUrl) throw new Error('The downstream API has no base URL');
  const url = new URL(call.baseUrl);
  const relative = overrides.relativePath?.replace(/^\//, '');
  if (relative) url.href = `${url.href.replace(/\/$/, '')}/${relative}`;
  for (const [name, value] of overrides.extraQuery) url.searchParams.set(name, value);
  const method = overrides.httpMethod?.toUpperCase() ?? 'GET';
  const hasBody = call.contentType !== undefined && method !== 'GET' && method !== 'HEAD';
  const response = await fetch(url, {
    method,
    redirect: call.followRedirects ? 'follow' : 'manual',
    headers: {
      Accept: overrides.acceptHeader ?? 'application/json',
      ...(hasBody && { 'Content-Type': call.contentType }),
      ...Object.fromEntries(overrides.extraHeaders),
      Authorization: call.authorization,
    },
    ...(hasBody && { body: call.body }),
  });
  const text = await response.text();
  const declared = Number(response.headers.get('content-length') ?? 0) > 0;
  const headers: Record<string, string[]> = {};
  for (const [name, value] of response.headers)
    if (CONTENT_HEADERS.test(name)) headers[name.replace(/\b[a-z]/g, letter => letter.toUpperCase())] = [value];
  return { statusCode: response.status, headers, content: declared ? text : null };
}
