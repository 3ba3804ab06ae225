// One WebSocket from its first frame to its last: the handshake, requests and their replies, pings.
// It never comes back; connection.mjs makes the next one.

import { AlthingError, disconnected, timedOut } from './errors.mjs';

const HANDSHAKE_MS_MAX = 10_000;
const REQUEST_MS_MAX = 15_000;
const OPEN = 1;

/**
 * Opens a socket and authenticates it.
 * @param {object} options
 * @param {string} options.url `ws://…/v1/socket`
 * @param {string} options.token
 * @param {typeof WebSocket} options.WebSocket
 * @param {(event: import('./types.mjs').ChannelEvent) => void} options.onEvent
 * @param {(end: { code: number, reason: string }) => void} options.onClose Called once, whatever ended it.
 * @returns {{ ready: Promise<{ user: import('./types.mjs').User }>, request: Function, close: () => void }}
 */
export function openSocket({ url, token, WebSocket, onEvent, onClose }) {
  const socket = new WebSocket(url);
  const waiting = new Map();
  let lastId = 0;
  let pinging;
  let ended = false;

  const ready = new Promise((resolve, reject) => {
    socket.addEventListener('open', () => {
      request('connect', { token }, HANDSHAKE_MS_MAX).then((hello) => {
        keepAlive(hello.ping_interval_ms);
        resolve(hello);
      }, (error) => {
        reject(error);
        end(closeCodeOf(error), error.message);
      });
    });
    socket.addEventListener('close', ({ code, reason }) => {
      reject(disconnected());
      end(code, reason);
    });
  });
  ready.catch(() => {}); // Whoever waits hears of it; nobody has to wait.

  socket.addEventListener('message', ({ data }) => {
    const frame = JSON.parse(data);
    if (frame.event !== undefined) {
      if (!ended) onEvent(frame);
      return;
    }
    const request = waiting.get(frame.id);
    if (!request) return;
    waiting.delete(frame.id);
    clearTimeout(request.timer);
    if (frame.error) request.reject(fault(frame.error));
    else request.resolve(frame.result);
  });

  function request(method, params = {}, ms = REQUEST_MS_MAX) {
    if (socket.readyState !== OPEN) return Promise.reject(disconnected());
    return new Promise((resolve, reject) => {
      lastId += 1;
      const id = lastId;
      const timer = setTimeout(() => {
        waiting.delete(id);
        reject(timedOut(ms));
      }, ms);
      waiting.set(id, { resolve, reject, timer });
      socket.send(JSON.stringify({ id, method, params }));
    });
  }

  // A network that went away says nothing: only an unanswered ping shows it.
  function keepAlive(intervalMs) {
    if (!intervalMs) return;
    pinging = setInterval(() => {
      request('ping', {}, intervalMs).catch(({ code }) => {
        if (code === 'timeout') end(3400, 'The host stopped answering.');
      });
    }, intervalMs);
  }

  function end(code, reason) {
    if (ended) return;
    ended = true;
    clearInterval(pinging);
    for (const { reject, timer } of waiting.values()) {
      clearTimeout(timer);
      reject(disconnected());
    }
    waiting.clear();
    if (socket.readyState <= OPEN) socket.close(1000);
    onClose({ code, reason });
  }

  return { ready, request, close: () => end(1000, '') };
}

/** The code with which the host would have closed; it may not come to that before we do. */
function closeCodeOf({ code, retryable }) {
  if (code === 'token_expired') return 3003;
  return retryable ? 3400 : 3501;
}

function fault({ code, detail, retryable, appealable, retry_after_ms: retryAfterMs }) {
  return new AlthingError({ code, detail: detail ?? code, retryable, appealable, retryAfterMs });
}
