// Messages on their way. Each has a client id, so sending one twice stores it once: what was cut off by
// a lost connection is simply sent again when the next one is up, in the order in which it was written.

import { addMessage, addOutgoing, changeOutgoing, removeOwn } from './timeline.mjs';

/**
 * Sends a message and shows it at once. Resolves when its fate is known or it waits for a connection;
 * rejects, with nothing left in the thread, if the host refused it.
 */
export async function send(chat, room, { type = 'text', data }) {
  const clientId = crypto.randomUUID();
  addOutgoing(room.timeline, { clientId, type, data, ts: new Date().toISOString(), state: 'sending' });
  room.newAfter = undefined;
  chat.touch('thread');
  await dispatch(chat, room, clientId);
}

/** Sends a failed message again. */
export async function retry(chat, room, clientId) {
  changeOutgoing(room.timeline, clientId, { state: 'sending', reason: undefined });
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

/** One after the other, so that none overtakes another. */
function dispatch(chat, room, clientId) {
  const turn = (chat.lastSend ?? Promise.resolve()).then(() => deliver(chat, room, clientId));
  chat.lastSend = turn.catch(() => {});
  return turn;
}

async function deliver(chat, room, clientId) {
  const outgoing = room.timeline.own.get(clientId)?.outgoing;
  if (outgoing?.state !== 'sending') return; // An event or an earlier turn was faster.
  const { type, data } = outgoing;
  try {
    const result = await chat.client.request('send', { channel_id: room.id, type, data, client_id: clientId });
    if (result.held) changeOutgoing(room.timeline, clientId, { state: 'held', reason: result.reason });
    else addMessage(room.timeline, { ...result, client_id: clientId });
  } catch (error) {
    if (error.code === 'disconnected') return; // Still on its way: flush() sends it again.
    if (!error.retryable) {
      removeOwn(room.timeline, clientId);
      throw error;
    }
    changeOutgoing(room.timeline, clientId, { state: 'failed', reason: error.message });
  } finally {
    chat.touch('thread');
    chat.touch('channels');
  }
}
