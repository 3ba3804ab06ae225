// A client for one user of an Althing app: a connection that stays up, requests, REST, and channels
// whose events arrive in order and without a gap. No DOM, no state of the application, no packages;
// a browser has all it needs, elsewhere pass `WebSocket` and `fetch`.

import { createConnection } from './client/connection.mjs';
import { createRest } from './client/rest.mjs';
import { createSubscription } from './client/subscription.mjs';
import { createTokens } from './client/tokens.mjs';

export { AlthingError } from './client/errors.mjs';

const RESUBSCRIBE_MS = 1_000;

/**
 * @typedef {object} Client
 * @property {import('./client/types.mjs').User | undefined} user Known once the connection has been up.
 * @property {import('./client/types.mjs').ConnectionState} state
 * @property {() => void} connect Connects now; also cuts a wait short.
 * @property {() => void} disconnect Stays away until connect().
 * @property {(method: string, params?: object) => Promise<any>} request A request on the socket.
 * @property {(method: string, path: string, body?: object|Blob) => Promise<any>} rest A request by HTTP.
 * @property {(path: string) => string} at The address of a path of the host, such as the link to a file.
 * @property {(channelId: string, handlers: import('./client/subscription.mjs').Handlers) => () => void} subscribe
 *   Follows a channel until the function it gives is called.
 */

/**
 * @param {object} options
 * @param {string} options.url The host, such as `http://127.0.0.1:7600`.
 * @param {() => Promise<string>} options.getToken A fresh session token from the app's own backend.
 * @param {(state: import('./client/types.mjs').ConnectionState) => void} [options.onState]
 * @param {(event: import('./client/types.mjs').ChannelEvent) => void} [options.onOtherEvent]
 *   Events of channels that aren't followed, such as one the user was just added to.
 * @param {typeof WebSocket} [options.WebSocket]
 * @param {typeof fetch} [options.fetch]
 * @returns {Client}
 */
export function createClient({ url, getToken, onState, onOtherEvent, WebSocket = globalThis.WebSocket, fetch = globalThis.fetch.bind(globalThis) }) {
  const tokens = createTokens(getToken);
  const rest = createRest({ url, tokens, fetch });
  const subscriptions = new Map();
  let user;

  const connection = createConnection({
    url: `${url.replace(/^http/, 'ws')}/v1/socket`,
    tokens,
    WebSocket,
    onEvent(event) {
      const subscription = subscriptions.get(event.channel_id);
      if (subscription) subscription.receive(event);
      else onOtherEvent?.(event);
    },
    onState(state, hello) {
      if (hello) user = hello.user;
      onState?.(state);
      if (state.name === 'online') for (const subscription of subscriptions.values()) start(subscription);
    },
  });

  function subscribe(channelId, handlers) {
    const subscription = createSubscription(channelId, {
      subscribe: (params) => connection.request('subscribe', params),
      readEvents: (since, epoch) => rest('GET', `/v1/channels/${encodeURIComponent(channelId)}/events?since=${since}&epoch=${encodeURIComponent(epoch)}`),
    }, handlers);
    subscriptions.set(channelId, subscription);
    if (connection.state.name === 'online') start(subscription);
    return () => {
      subscription.close();
      if (subscriptions.get(channelId) === subscription) subscriptions.delete(channelId);
      connection.request('unsubscribe', { channel_id: channelId }).catch(() => {});
    };
  }

  // Lost with the connection: it is started again with the next one. Refused for good: the channel isn't
  // the user's any more, and its events won't come.
  function start(subscription) {
    subscription.start().catch((error) => {
      if (!error.retryable || subscriptions.get(subscription.channelId) !== subscription) return;
      setTimeout(() => connection.state.name === 'online' && start(subscription), error.retryAfterMs ?? RESUBSCRIBE_MS);
    });
  }

  return {
    get user() { return user; },
    get state() { return connection.state; },
    connect: connection.connect,
    disconnect: connection.disconnect,
    at: (path) => url + path,
    request: connection.request,
    rest,
    subscribe,
  };
}
