// Messages on their way. Each has a client id, so sending one twice stores it once: what was cut off by
// a lost connection is simply sent again when the next one is up, in the order in which it was written.
// A file is uploaded first; what is written meanwhile doesn't wait for it.

import { upload } from './files.mjs';
import { addMessage, addOutgoing, changeOutgoing, removeOwn } from './timeline.mjs';

/**
 * Sends a message and shows it at once. Resolves when its fate is known or it waits for a connection;
 * rejects, with nothing left in the thread, if the host refused it. The error's `draft` is then what to
 * give here again, with an `appeal`, to have a person look at it.
 * @param {{ type?: string, data?: *, file?: File, text?: string, appeal?: string }} draft Either `data`, or
 *   a `file` and its caption.
 */
export async function send(chat, room, { type = 'text', data, file, text, appeal }) {
  const clientId = crypto.randomUUID();
  const state = file ? 'uploading' : 'sending';
  addOutgoing(room.timeline, { clientId, type, data, file, text, appeal, ts: new Date().toISOString(), state });
  room.newAfter = undefined;
  chat.touch('thread');
  await dispatch(chat, room, clientId);
}

/** Sends a failed message again. */
export async function retry(chat, room, clientId) {
  const { data } = room.timeline.own.get(clientId).outgoing;
  changeOutgoing(room.timeline, clientId, { state: data === undefined ? 'uploading' : 'sending', reason: undefined });
  chat.touch('thread');
  await dispatch(chat, room, clientId);
}

/** Gives up a failed message. */
export function discard(chat, room, clientId) {
  removeOwn(room.timeline, clientId);
  chat.touch('thread');
}

/** Sends everything that waits for a connection. */
export function flush(chat) {
  for (const room of chat.rooms.values()) {
    for (const { key, outgoing } of room.timeline.own.values()) {
      if (outgoing?.state === 'sending') dispatch(chat, room, key).catch(() => {});
    }
  }
}

async function dispatch(chat, room, clientId) {
  const { state, file, text } = outgoingOf(room, clientId);
  if (state === 'uploading') {
    await inTurn(chat, 'lastUpload', () => attempt(chat, room, clientId, async () => {
      const shown = await upload(chat, file, text);
      changeOutgoing(room.timeline, clientId, { ...shown, state: 'sending' });
    }));
  }
  await inTurn(chat, 'lastSend', () => deliver(chat, room, clientId));
}

/** One after the other, so that none overtakes another. */
function inTurn(chat, last, work) {
  const turn = (chat[last] ?? Promise.resolve()).then(work);
  chat[last] = turn.catch(() => {});
  return turn;
}

async function deliver(chat, room, clientId) {
  const { state, type, data, appeal } = outgoingOf(room, clientId);
  if (state !== 'sending') return; // An event, an earlier turn or a failed upload was faster.
  await attempt(chat, room, clientId, async () => {
    const result = await chat.client.request('send', { channel_id: room.id, type, data, client_id: clientId, appeal });
    if (result.held) changeOutgoing(room.timeline, clientId, { state: 'held', reason: result.reason });
    else addMessage(room.timeline, { ...result, client_id: clientId });
  });
}

function outgoingOf(room, clientId) {
  return room.timeline.own.get(clientId)?.outgoing ?? {};
}

async function attempt(chat, room, clientId, work) {
  try {
    await work();
  } catch (error) {
    const { state, type, data, file, text } = outgoingOf(room, clientId);
    // Still on its way: flush() sends it again. An upload is begun again only when the user says so.
    if (error.code === 'disconnected' && state === 'sending') return;
    if (!error.retryable) {
      removeOwn(room.timeline, clientId);
      error.draft = state === 'uploading' ? { file, text } : { type, data };
      throw error;
    }
    changeOutgoing(room.timeline, clientId, { state: 'failed', reason: error.message });
  } finally {
    chat.touch('thread');
    chat.touch('channels');
  }
}
