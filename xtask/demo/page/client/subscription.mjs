// One channel's events, in order and without a gap, across reconnects. It remembers the epoch and the
// last seq it handed on; after a reconnect it asks for everything since. If the host says
// `recovered: false`, onReset is called: what was shown must be loaded again.

/**
 * @typedef {object} Handlers
 * @property {(event: import('./types.mjs').ChannelEvent) => void} onEvent
 * @property {() => void} [onLive] Events arrive from now on: at first, and after each reconnect. What has
 *   no log, such as presence, is to be read now.
 * @property {() => void} [onReset] The past couldn't be recovered.
 * @property {(count: number) => void} [onRecovered] After a reconnect, with how many entries were missed.
 */

/**
 * @param {string} channelId
 * @param {object} host
 * @param {(params: object) => Promise<any>} host.subscribe Asks on the socket.
 * @param {(since: number, epoch: string) => Promise<any>} host.readEvents Asks by REST, to fill a gap.
 * @param {Handlers} handlers
 */
export function createSubscription(channelId, host, { onEvent, onLive, onReset, onRecovered }) {
  let epoch;
  let last; // The seq of the last log entry handed on.
  let held = null; // Events that came while the past is being asked for.
  let closed = false;

  /** To be called whenever a new connection is up. Rejects as the request does. */
  async function start() {
    held ??= [];
    const resuming = last !== undefined;
    const past = await host.subscribe(resuming ? { channel_id: channelId, since: last, epoch } : { channel_id: channelId });
    if (closed) return;
    take(past, resuming);
    if (resuming && past.recovered) onRecovered?.(past.events.length);
    onLive?.();
  }

  /** Takes one event off the wire. */
  function receive(event) {
    if (held) held.push(event);
    else if (event.seq === undefined) onEvent(event);
    else if (last === undefined || event.seq === last + 1) handOn(event);
    else if (event.seq > last) fill(event);
    // Else it was handed on before.
  }

  function take(past, resuming) {
    if (resuming && !past.recovered) onReset?.();
    if (!resuming || !past.recovered) last = past.head;
    epoch = past.epoch;
    for (const event of past.events ?? []) if (event.seq > last) handOn(event);
    const waiting = held ?? [];
    held = null;
    waiting.forEach(receive);
  }

  // A hole in the numbers: the host lost an event on its way. The log has it.
  async function fill(event) {
    held = [];
    try {
      take(await host.readEvents(last, epoch), true);
      // The log should have it by now. Should it not, going on is better than asking forever.
      if (event.seq > last) handOn(event);
    } catch {
      // The connection is going; the next start() asks again from `last`.
      held = null;
    }
  }

  function handOn(event) {
    last = event.seq;
    onEvent(event);
  }

  return { channelId, start, receive, close: () => { closed = true; } };
}
