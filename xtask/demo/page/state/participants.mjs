// Who is in a room: names, roles, presence, read marks.

import { setOnline } from './rooms.mjs';

/** Loads them. If that fails, ids stand in for the names until the next time. */
export async function loadParticipants(chat, room) {
  let participants;
  try {
    ({ participants } = await chat.client.rest('GET', `/v1/channels/${encodeURIComponent(room.id)}/participants`));
  } catch {
    return;
  }
  room.roles = new Map();
  for (const { user, role, last_read_seq: read, online } of participants) {
    room.roles.set(user.id, role);
    room.reads.set(user.id, Math.max(read ?? 0, room.reads.get(user.id) ?? 0));
    chat.people.set(user.id, { ...chat.people.get(user.id), ...user });
    setOnline(chat, user.id, online);
  }
  for (const topic of ['people', 'channels', 'thread']) chat.touch(topic);
}
