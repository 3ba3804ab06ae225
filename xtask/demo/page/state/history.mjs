// Pages of a room's past, by REST: the newest, and from there backwards.

import { loadUsers } from './participants.mjs';
import { addHistory } from './timeline.mjs';

const PAGE = 50;

/** Loads the newest page: at first, or after the past was lost. A failure is shown in the room. */
export async function loadLatest(chat, room) {
  try {
    const { messages, prev } = await readHistory(chat, room, '');
    addHistory(room.timeline, messages, prev);
    room.fault = undefined;
  } catch (error) {
    room.fault = error.message;
  }
  chat.touch('thread');
}

/** Loads the page before the oldest message shown. Does nothing if there is none, or one is on its way. */
export async function loadOlder(chat, room) {
  if (!room.timeline.prev || room.loadingOlder) return;
  room.loadingOlder = true;
  chat.touch('thread');
  try {
    const { messages, prev } = await readHistory(chat, room, `&prev=${encodeURIComponent(room.timeline.prev)}`);
    addHistory(room.timeline, messages, prev);
  } finally {
    room.loadingOlder = false;
    chat.touch('thread');
  }
}

async function readHistory(chat, room, cursor) {
  const page = await chat.client.rest('GET', `/v1/channels/${encodeURIComponent(room.id)}/messages?limit=${PAGE}${cursor}`);
  loadUsers(chat, page.messages.map(({ from }) => from).filter((from) => !room.roles.has(from)));
  return page;
}
