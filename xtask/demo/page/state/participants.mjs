// Who is in a room: names, roles, presence, read marks. And who anybody else is that wrote in it: a
// plugin's bot, somebody who has left.

import { coalesce } from './coalesce.mjs';
import { setOnline } from './rooms.mjs';

/** More than this many aren't named in one room. */
const PEOPLE_MAX = 500;

/** Loads the participants. If that fails, ids stand in for the names until the next time. */
export function loadParticipants(chat, room) {
  room.refresh ??= coalesce(() => load(chat, room));
  return room.refresh();
}

async function load(chat, room) {
  room.moved.clear();
  let participants;
  try {
    participants = await readAll(chat, `/v1/channels/${encodeURIComponent(room.id)}/participants?limit=100`);
  } catch {
    return;
  }
  room.roles = new Map();
  for (const { user_id: id, name, image, role, last_read_seq: read, online } of participants) {
    room.roles.set(id, role);
    room.reads.set(id, Math.max(read, room.reads.get(id) ?? 0));
    chat.people.set(id, { ...chat.people.get(id), id, ...(name ? { name } : {}), ...(image ? { image } : {}) });
    // Events about a person that came meanwhile know better than the answer.
    if (!room.moved.has(id)) setOnline(room, id, online);
  }
  for (const topic of ['people', 'channels', 'thread']) chat.touch(topic);
}

async function readAll(chat, path) {
  const all = [];
  let next;
  do {
    const page = await chat.client.rest('GET', next ? `${path}&next=${encodeURIComponent(next)}` : path);
    all.push(...page.participants);
    next = page.next;
  } while (next && all.length < PEOPLE_MAX);
  return all;
}

/** Loads those of `ids` that aren't known yet, each once. */
export async function loadUsers(chat, ids) {
  const unknown = [...new Set(ids)].filter((id) => !chat.people.has(id));
  for (const id of unknown) chat.people.set(id, { id }); // Asked for; nobody else needs to ask.
  await Promise.all(unknown.map(async (id) => {
    const user = await chat.client.rest('GET', `/v1/users/${encodeURIComponent(id)}`).catch(() => ({ id }));
    chat.people.set(id, user);
  }));
  if (unknown.length > 0) for (const topic of ['channels', 'thread']) chat.touch(topic);
}
