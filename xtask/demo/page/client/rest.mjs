// Requests to the REST API with the user's token. A token that has run out is replaced once.

import { AlthingError, timedOut } from './errors.mjs';

const REQUEST_MS_MAX = 20_000;
const UPLOAD_MS_MAX = 10 * 60_000;

/**
 * @param {{ url: string, tokens: import('./tokens.mjs').Tokens, fetch: typeof fetch }} options
 * @returns {(method: string, path: string, body?: object|Blob) => Promise<any>} A Blob goes as it is, all
 *   else as JSON. Rejects with AlthingError.
 */
export function createRest({ url, tokens, fetch }) {
  return async function rest(method, path, body) {
    const token = await tokens.get();
    const first = await attempt(method, path, body, token);
    if (first.status !== 401) return settle(first);
    return settle(await attempt(method, path, body, await tokens.renew(token)));
  };

  async function attempt(method, path, body, token) {
    const headers = { authorization: `Bearer ${token}`, accept: 'application/json' };
    const isFile = body instanceof Blob;
    const ms = isFile ? UPLOAD_MS_MAX : REQUEST_MS_MAX;
    if (isFile) headers['content-type'] = body.type || 'application/octet-stream';
    else if (body !== undefined) headers['content-type'] = 'application/json';
    try {
      const response = await fetch(url + path, {
        method,
        headers,
        body: isFile || body === undefined ? body : JSON.stringify(body),
        signal: AbortSignal.timeout(ms),
      });
      return { status: response.status, wait: response.headers.get('retry-after'), body: await decode(response) };
    } catch (error) {
      if (error.name === 'TimeoutError') throw timedOut(ms);
      throw new AlthingError({ code: 'disconnected', detail: 'The host could not be reached.', retryable: true });
    }
  }
}

async function decode(response) {
  const text = await response.text();
  try {
    return text === '' ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

function settle({ status, wait, body }) {
  if (status >= 200 && status < 300) return body;
  throw new AlthingError({
    code: body?.code ?? `http_${status}`,
    detail: explain(body) ?? `The host answered ${status}.`,
    status,
    appealable: body?.appealable,
    retryable: body?.retryable ?? (status === 429 || status >= 500),
    retryAfterMs: body?.retry_after_ms ?? (Number(wait) > 0 ? Number(wait) * 1_000 : undefined),
  });
}

function explain(problem) {
  const fields = (problem?.errors ?? []).map(({ field, message }) => `${field}: ${message}`).join('; ');
  return [problem?.detail ?? problem?.title, fields].filter(Boolean).join(' ') || undefined;
}
