// What one channel shows, as data: messages of the host by seq, and between them what only this user
// has: messages on their way, and answers to commands. Pure: no network, no DOM.

/** @typedef {import('../client/types.mjs').Message} Message */

/**
 * @typedef {object} Entry
 * @property {string} key Stays the same when a message on its way becomes one of the host.
 * @property {'message'|'outgoing'|'note'} kind
 * @property {number} revision Grows with every change, so that a view knows what to draw again.
 * @property {Message} [message] For `message`.
 * @property {string} [sentText] What was typed, if the host stored something else.
 * @property {object} [outgoing] For `outgoing`: `{ clientId, type, data, ts, state, reason }` with state
 *   `uploading`, `sending`, `failed`, `held` or `rejected`; of a file also `file` and its caption, `text`.
 * @property {import('../client/types.mjs').Reply & { title?: string, ts: string }} [note] For `note`.
 * @property {number} after For `outgoing` and `note`: the seq that it comes after; Infinity while it is being sent.
 */

export function createTimeline() {
  return {
    /** @type {Map<string, Entry>} By message id. */
    messages: new Map(),
    /** @type {Map<string, Entry>} By key, in the order in which they were made. */
    own: new Map(),
    /** Events about messages that aren't loaded, until a page of history brings them. */
    ahead: new Map(),
    sent: new Map(),
    prev: undefined,
    loaded: false,
    revision: 0,
  };
}

const AHEAD_MAX = 200;

/** All entries from old to new. */
export function entriesOf(timeline) {
  const stored = [...timeline.messages.values()].sort((a, b) => a.message.seq - b.message.seq);
  const own = [...timeline.own.values()].sort((a, b) => (a.after < b.after ? -1 : a.after > b.after ? 1 : 0));
  const all = [];
  let next = 0;
  for (const entry of stored) {
    while (next < own.length && own[next].after < entry.message.seq) {
      all.push(own[next]);
      next += 1;
    }
    all.push(entry);
  }
  return all.concat(own.slice(next));
}

/** Adds a page of history. What events have said about its messages meanwhile is newer. */
export function addHistory(timeline, messages, prev) {
  for (const message of messages) {
    if (!timeline.messages.has(message.id)) put(timeline, timeline.ahead.get(message.id) ?? message);
    timeline.ahead.delete(message.id);
  }
  timeline.prev = prev;
  timeline.loaded = true;
}

/** Applies `message.new`, or the host's answer to a send, which alone has the client id: whichever comes first. */
export function addMessage(timeline, message) {
  const known = timeline.messages.get(message.id);
  if (!known) put(timeline, message);
  else if (timeline.own.has(message.client_id)) put(timeline, { ...known.message, client_id: message.client_id });
}

/** Applies `message.updated` and `message.deleted`. */
export function changeMessage(timeline, message) {
  if (timeline.messages.has(message.id)) put(timeline, message);
  else if (timeline.ahead.size < AHEAD_MAX) timeline.ahead.set(message.id, message);
}

/** Applies `message.progress`: what a message says so far. The host tells the whole of it in the end. */
export function showProgress(timeline, { id, data, view }) {
  const known = timeline.messages.get(id);
  if (known) put(timeline, { ...known.message, data, view });
}

function put(timeline, message) {
  const known = timeline.messages.get(message.id);
  const draft = message.client_id && timeline.own.get(message.client_id);
  const sent = draft?.outgoing ?? timeline.sent.get(message.id);
  if (draft) {
    timeline.own.delete(message.client_id);
    timeline.sent.set(message.id, sent);
  }
  timeline.revision += 1;
  timeline.messages.set(message.id, {
    key: known?.key ?? (sent ? sent.clientId : message.id),
    kind: 'message',
    revision: timeline.revision,
    message,
    sentText: sent?.type === 'text' && !message.edited_at && sent.data !== message.data ? sent.data : undefined,
  });
}

/** Adds a message on its way. */
export function addOutgoing(timeline, outgoing) {
  add(timeline, outgoing.clientId, 'outgoing', { outgoing, after: Infinity });
}

/** Changes a message on its way: its state, the reason of a failure. */
export function changeOutgoing(timeline, clientId, changes) {
  const entry = timeline.own.get(clientId);
  if (!entry) return;
  timeline.revision += 1;
  const outgoing = { ...entry.outgoing, ...changes };
  const after = isMoving(outgoing) ? Infinity : lastSeq(timeline);
  timeline.own.set(clientId, { ...entry, outgoing, after, revision: timeline.revision });
}

function isMoving({ state }) {
  return state === 'sending' || state === 'uploading';
}

/** Adds an answer that only this user sees: after the message that it is about, or else last. */
export function addNote(timeline, key, note, about) {
  add(timeline, key, 'note', { note, after: timeline.messages.get(about)?.message.seq ?? lastSeq(timeline) });
}

/** Removes a message on its way, or a note. */
export function removeOwn(timeline, key) {
  timeline.own.delete(key);
  timeline.revision += 1;
}

/** Forgets what the host said, keeps what only this user has. */
export function forgetHistory(timeline) {
  timeline.messages.clear();
  timeline.ahead.clear();
  timeline.prev = undefined;
  timeline.loaded = false;
  timeline.revision += 1;
}

function add(timeline, key, kind, rest) {
  timeline.revision += 1;
  timeline.own.set(key, { key, kind, revision: timeline.revision, ...rest });
}

function lastSeq(timeline) {
  let last = 0;
  for (const { message } of timeline.messages.values()) last = Math.max(last, message.seq);
  return last;
}
