// A room is a channel as one user sees it: what is unread, said last, shown; who is in it, types, has
// read how far. Here: the record, and what can be told from it.

import { createTimeline } from './timeline.mjs';

/**
 * @typedef {object} Room
 * @property {string} id
 * @property {import('../client/types.mjs').Channel} channel
 * @property {number} unread
 * @property {number} counted The seq up to which `unread` counts.
 * @property {import('../client/types.mjs').Message} [last] The last message.
 * @property {Map<string, string>} roles Who is in it, with their roles; empty until loaded.
 * @property {Set<string>} online Who has the channel open, as far as it was asked for or told.
 * @property {Set<string>} moved Who came or went since the participants were last asked for.
 * @property {Map<string, number>} reads How far each participant has read.
 * @property {Map<string, number>} typing Who types, until when in milliseconds since 1970.
 * @property {object} timeline See timeline.mjs.
 * @property {number} [newAfter] The seq after which messages were unread when the room was opened.
 * @property {boolean} live Whether its events have begun to arrive; only then are its messages loaded.
 * @property {boolean} loadingOlder
 * @property {string} [fault] Why its messages couldn't be loaded.
 * @property {() => void} [unfollow]
 */

/** @returns {Room} */
export function createRoom(channel, me) {
  return {
    id: channel.id,
    channel,
    unread: channel.unread ?? 0,
    counted: channel.head,
    last: channel.last_message,
    roles: new Map(),
    online: new Set(),
    moved: new Set(),
    reads: new Map([[me, channel.last_read_seq ?? 0]]),
    typing: new Map(),
    timeline: createTimeline(),
    newAfter: undefined,
    live: false,
    loadingOlder: false,
  };
}

/** The room that is open, if one is. */
export function openRoom(chat) {
  return chat.rooms.get(chat.openId);
}

/** Forgets a channel that the user isn't in any more. */
export function dropRoom(chat, id) {
  chat.rooms.get(id)?.unfollow?.();
  chat.rooms.delete(id);
  if (chat.openId === id) {
    chat.openId = undefined;
    chat.touch('open');
  }
  chat.touch('channels');
}

/** Notes that a person has opened a channel, or closed it. */
export function setOnline(room, user, online) {
  if (online) room.online.add(user);
  else room.online.delete(user);
}

/** Whether a person has any of our channels open: the host tells it for each channel apart. */
export function isOnline(chat, user) {
  return [...chat.rooms.values()].some(({ online }) => online.has(user));
}

/** Rooms in the order of the list: those with the newest message first. */
export function roomsInOrder(chat) {
  const time = ({ last, channel }) => last?.ts ?? channel.created_at ?? '';
  return [...chat.rooms.values()].sort((a, b) => (time(a) < time(b) ? 1 : time(a) > time(b) ? -1 : 0));
}

/** A person's name, or what can be made of the id: `bot:assistant` is a plugin's. */
export function nameOf(chat, id) {
  return chat.people.get(id)?.name || id.replace(/^bot:/, '');
}

/** Whether it is a room of two: a direct one, or the private side of another. */
export function isPair({ channel }) {
  return channel.type === 'direct' || channel.type === 'side';
}

/** Whether it is somebody's own, for posts and stories: the feed shows it, and the list of channels doesn't. */
export function isProfile({ channel }) {
  return channel.type === 'profile';
}

/** A room's name: its own, or that of the other person. */
export function titleOf(chat, { channel, roles }) {
  if (!isPair({ channel })) return channel.name || channel.id;
  const other = otherOf(chat, { roles });
  return other ? nameOf(chat, other) : channel.name || 'Direct';
}

/** The other person of a room of two, once its participants are known. */
export function otherOf(chat, { roles }) {
  return [...roles.keys()].find((id) => id !== chat.me);
}
