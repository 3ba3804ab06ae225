// Requests to the Althing host with one key. Retries what the host says is worth retrying; every
// other refusal becomes a HostError that a person can read.

const ATTEMPTS_MAX = 8;
const REQUEST_MS_MAX = 60_000;
const HOST_WAIT_MS_MAX = 15_000;

/** A refusal by the host, or the lack of one. `status` is 0 if nothing answered. */
export class HostError extends Error {
  constructor(message, { status = 0, code = '' } = {}) {
    super(message);
    this.name = 'HostError';
    this.status = status;
    this.code = code;
  }
}

/** Resolves once something answers at `url`, whatever it answers. */
export async function waitForHost(url) {
  const deadline = Date.now() + HOST_WAIT_MS_MAX;
  for (;;) {
    try {
      await fetch(`${url}/v1/channels`, { signal: AbortSignal.timeout(2_000) });
      return;
    } catch {
      if (Date.now() > deadline) {
        throw new HostError(`no Althing host answers at ${url}. \`cargo xtask demo\` starts one; \`althing serve\` does it by hand.`);
      }
      await pause(200);
    }
  }
}

/**
 * A client for one key. `call(method, path, body?, options?)` gives the decoded answer.
 * Options: `idempotencyKey`; `type` when the body is bytes; `missing: true` gives null for a 404.
 */
export function connect(url, key) {
  return {
    url,
    /** The same host with another credential, such as a user's token. */
    as: (other) => connect(url, other),
    async call(method, path, body, options = {}) {
      for (let attempt = 1; ; attempt += 1) {
        const answer = await once(url, key, method, path, body, options);
        if (answer.ok) return answer.body;
        if (options.missing && answer.status === 404) return null;
        if (!answer.retryable || attempt >= ATTEMPTS_MAX) throw refusal(method, path, answer);
        await pause(answer.retryAfterMs ?? 100 * 2 ** attempt);
      }
    },
  };
}

async function once(url, key, method, path, body, { idempotencyKey, type }) {
  const headers = { authorization: `Bearer ${key}`, accept: 'application/json' };
  if (body !== undefined) headers['content-type'] = type ?? 'application/json';
  if (idempotencyKey) headers['idempotency-key'] = idempotencyKey;
  let response;
  try {
    response = await fetch(url + path, {
      method,
      headers,
      body: body === undefined || type ? body : JSON.stringify(body),
      signal: AbortSignal.timeout(REQUEST_MS_MAX),
    });
  } catch (error) {
    // Safe to repeat: every write here names itself, by an id or an idempotency key.
    return { ok: false, status: 0, retryable: true, body: { detail: error.cause?.message ?? error.message } };
  }
  const text = await response.text();
  const decoded = decode(text);
  const wait = decoded?.retry_after_ms ?? 1_000 * Number(response.headers.get('retry-after'));
  return {
    ok: response.ok,
    status: response.status,
    body: decoded,
    retryable: decoded?.retryable === true || [429, 502, 503, 504].includes(response.status),
    retryAfterMs: wait > 0 ? wait : undefined,
  };
}

function decode(text) {
  if (text === '') return null;
  try {
    return JSON.parse(text);
  } catch {
    return { detail: text.slice(0, 200) };
  }
}

function refusal(method, path, { status, body }) {
  if (status === 0) return new HostError(`the host went away at ${method} ${path}: ${body.detail}`);
  const fields = (body?.errors ?? []).map(({ field, message }) => `${field}: ${message}`);
  const words = [body?.detail ?? body?.title ?? 'no reason given', ...fields].join('; ');
  return new HostError(`${method} ${path} was refused with ${status} ${body?.code ?? ''}: ${words}`, { status, code: body?.code });
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
