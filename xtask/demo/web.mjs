// The demo's web server: the page, what the page must know, and what an app's backend does for its
// signed-in users: `POST /session` gives a token, `/review` is the review queue for those who decide.
// Here nobody signs in: it listens on a loopback address and takes anybody there for any of the demo's
// users.

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { answerReview } from './review.mjs';
import { PEOPLE, REVIEWERS } from './world.mjs';

const PAGE = fileURLToPath(new URL('./page/', import.meta.url));
const BODY_BYTES_MAX = 4_096;
const SESSION_S = 3_600;
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Listens, and resolves once it does. `close` ends open connections too. */
export async function serve({ app, settings }) {
  const server = createServer((request, response) => {
    answer({ app, settings, request, response }).catch((error) => {
      const status = error.status >= 400 && error.status < 500 ? error.status : 502;
      reply(response, status, { detail: error.message });
    });
  });
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(settings.port, settings.address, resolve);
  });
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections?.();
      }),
  };
}

async function answer({ app, settings, request, response }) {
  // A page elsewhere whose name resolves to this address must not get sessions.
  if (!hosts(settings).includes(request.headers.host)) return reply(response, 421, { detail: 'not this host' });
  const { pathname } = new URL(request.url, settings.origin);
  if (request.method === 'POST' && pathname === '/session') return session({ app, settings, request, response });
  if (pathname === '/review' || pathname.startsWith('/review/')) return review({ app, settings, request, response });
  if (request.method !== 'GET' && request.method !== 'HEAD') return reply(response, 405, { detail: 'GET only' });
  if (pathname === '/demo.json') return reply(response, 200, { host_url: settings.hostUrl, people: PEOPLE, reviewers: REVIEWERS });
  return file({ settings, pathname, response });
}

async function session({ app, settings, request, response }) {
  if (!isFromPage(settings, request)) return reply(response, 403, { detail: 'not from this page' });
  const body = await readJson(request);
  if (!PEOPLE.some(({ id }) => id === body?.user)) return reply(response, 422, { detail: 'user: none of the demo\'s people' });
  const { token, expires_at } = await app.call('POST', '/v1/sessions', { user_id: body.user, expires_in_s: SESSION_S });
  return reply(response, 200, { token, expires_at });
}

async function review({ app, settings, request, response }) {
  if (!isFromPage(settings, request)) return reply(response, 403, { detail: 'not from this page' });
  const { pathname, searchParams } = new URL(request.url, settings.origin);
  if (!REVIEWERS.includes(searchParams.get('user'))) return reply(response, 403, { detail: 'Only reviewers see what waits.' });
  const body = request.method === 'POST' ? await readJson(request) : undefined;
  const { status, answer } = await answerReview(app, { method: request.method, pathname, body });
  return reply(response, status, answer);
}

async function file({ settings, pathname, response }) {
  const path = normalize(join(PAGE, pathname === '/' ? 'index.html' : pathname));
  const type = TYPES[extname(path)];
  if (!path.startsWith(PAGE.endsWith(sep) ? PAGE : PAGE + sep) || !type) return reply(response, 404, { detail: 'no such page' });
  let bytes;
  try {
    bytes = await readFile(path);
  } catch {
    return reply(response, 404, { detail: 'no such page' });
  }
  response.writeHead(200, headers(settings, type));
  response.end(bytes);
}

function headers({ hostUrl }, type) {
  const common = { 'content-type': type, 'cache-control': 'no-cache', 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' };
  if (!type.startsWith('text/html')) return common;
  return {
    ...common,
    // Images in messages may come from anywhere over TLS, films and sounds from the chat host; everything else is ours or the chat host's.
    'content-security-policy': `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data: ${hostUrl}; media-src ${hostUrl}; connect-src 'self' ${hostUrl} ${hostUrl.replace(/^http/, 'ws')}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  };
}

function hosts({ address, port }) {
  return [`${address}:${port}`, `localhost:${port}`];
}

/** Browsers name the page that a request is from, unless it only reads what is of its own origin. */
function isFromPage(settings, { headers: { origin } }) {
  return !origin || hosts(settings).includes(origin.replace(/^http:\/\//, ''));
}

function reply(response, status, body) {
  if (response.headersSent) return response.end();
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
  return response.end(JSON.stringify(body));
}

async function readJson(request) {
  let text = '';
  for await (const chunk of request) {
    text += chunk;
    if (text.length > BODY_BYTES_MAX) return null;
  }
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
