// The connection as its user sees it: it is kept up until disconnect(), through as many sockets as it
// takes. Close codes from 3500 to 3999 mean "don't come back", except that a token which isn't good any
// more is worth one try with a new one.

import { backoff } from './backoff.mjs';
import { disconnected } from './errors.mjs';
import { openSocket } from './socket.mjs';

const EXPIRED = 3003;
const UNAUTHENTICATED = 3501;

/**
 * @param {object} options
 * @param {string} options.url `ws://…/v1/socket`
 * @param {import('./tokens.mjs').Tokens} options.tokens
 * @param {typeof WebSocket} options.WebSocket
 * @param {(event: import('./types.mjs').ChannelEvent) => void} options.onEvent
 * @param {(state: import('./types.mjs').ConnectionState, hello?: object) => void} options.onState
 */
export function createConnection({ url, tokens, WebSocket, onEvent, onState }) {
  let state = { name: 'offline' };
  let socket;
  let timer;
  let attempt = 0;
  let token;
  let renewed = false;

  function enter(next, hello) {
    state = next;
    onState(next, hello);
  }

  async function open() {
    clearTimeout(timer);
    enter({ name: 'connecting' });
    let mine;
    try {
      token = await tokens.get();
      if (state.name !== 'connecting' || socket) return;
      mine = socket = openSocket({ url, token, WebSocket, onEvent, onClose: (end) => mine === socket && closed(end) });
      const hello = await mine.ready;
      attempt = 0;
      renewed = false;
      enter({ name: 'online' }, hello);
    } catch (error) {
      // A socket that failed has called closed() already; here it was the token that couldn't be had.
      if (!mine && state.name === 'connecting') wait(error.message);
    }
  }

  async function closed({ code, reason }) {
    socket = undefined;
    if (state.name === 'offline') return;
    if (code === EXPIRED || (code === UNAUTHENTICATED && !renewed)) {
      enter({ name: 'connecting' });
      const failure = await tokens.renew(token).then(() => undefined, (error) => error);
      renewed = code === UNAUTHENTICATED && !failure;
      if (state.name === 'connecting') wait(failure?.message ?? reason);
      return;
    }
    if (code >= 3500 && code <= 3999) enter({ name: 'refused', reason: reason || 'The host refused the connection.' });
    else wait(reason);
  }

  function wait(reason) {
    attempt += 1;
    const ms = backoff(attempt);
    enter({ name: 'waiting', retryAt: Date.now() + ms, reason });
    timer = setTimeout(open, ms);
  }

  return {
    get state() { return state; },
    /** Connects now, whatever the state: also cuts a wait short. */
    connect() {
      if (state.name === 'online' || state.name === 'connecting') return;
      renewed = false;
      open();
    },
    disconnect() {
      clearTimeout(timer);
      attempt = 0;
      enter({ name: 'offline' });
      socket?.close();
      socket = undefined;
    },
    /** Sends a request on the current socket; rejects with `disconnected` if there is none. */
    request(method, params, ms) {
      if (state.name !== 'online' || !socket) return Promise.reject(disconnected());
      return socket.request(method, params, ms);
    },
  };
}
