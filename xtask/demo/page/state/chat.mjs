// Everything one user sees, kept true by the client's events, and the verbs that change it. Views read
// the fields and listen to topics: `connection`, `channels` (the list), `open` (another channel is
// open), `thread` (the open channel's content), `typing`, `people`, `feed`, `review`.

import { createClient } from '../client.mjs';
import { createChanges } from './changes.mjs';
import { loadChannels } from './channels.mjs';
import { coalesce } from './coalesce.mjs';
import { createFeed } from './feed.mjs';
import { loadLatest } from './history.mjs';
import { flush } from './outbox.mjs';
import { loadParticipants } from './participants.mjs';
import { watchReview } from './review.mjs';
import { openRoom } from './rooms.mjs';
import { addNote, removeOwn } from './timeline.mjs';

/** Being added to a channel reaches only those who follow it already, so the list is asked for now and then. */
const LIST_MS = 10_000;

/**
 * @param {object} options
 * @param {string} options.hostUrl
 * @param {import('../client/types.mjs').User} options.me
 * @param {import('../client/types.mjs').User[]} options.people Those that the app's backend knows of.
 * @param {() => Promise<string>} options.getToken
 * @param {boolean} [options.reviews] Whether this user decides on what waits for review.
 */
export function createChat({ hostUrl, me, people, getToken, reviews = false }) {
  const { on, touch } = createChanges();
  const chat = {
    me: me.id,
    directory: people,
    /** @type {Map<string, import('../client/types.mjs').User>} */
    people: new Map(people.map((person) => [person.id, person])),
    /** @type {Map<string, import('./rooms.mjs').Room>} */
    rooms: new Map(),
    openId: undefined,
    /** `posts` while the feed is open in place of a channel. */
    page: undefined,
    feed: createFeed(),
    /** What waits for this user's decision. */
    held: [],
    /** By file id, the link under which it is read; see files.mjs. */
    links: new Map(),
    /** The id of the room whose newest message is before the reader's eyes. */
    watching: undefined,
    commands: [],
    connection: { name: 'offline' },
    /** How many log entries the last reconnect brought, or `lost`. */
    caughtUp: undefined,
    /** Why the list couldn't be loaded. */
    fault: undefined,
    on,
    touch,
  };

  chat.refresh = coalesce(() => loadChannels(chat));
  chat.client = createClient({
    url: hostUrl,
    getToken,
    onState(state) {
      chat.connection = state;
      if (state.name !== 'online') chat.caughtUp = undefined;
      touch('connection');
      if (state.name === 'online') arrive(chat);
    },
    onOtherEvent: chat.refresh,
  });
  const timer = setInterval(() => chat.connection.name === 'online' && chat.refresh(), LIST_MS);

  const unwatch = reviews ? watchReview(chat) : () => {};

  chat.close = () => {
    clearInterval(timer);
    unwatch();
    chat.client.disconnect();
  };
  return chat;
}

async function arrive(chat) {
  await chat.refresh();
  if (chat.commands.length === 0) {
    chat.client.rest('GET', '/v1/commands').then(({ commands }) => { chat.commands = commands; }, () => {});
  }
  flush(chat);
}

/** Shows a channel: loads who is in it and its newest messages, marks where the unread ones begin. */
export async function openChannel(chat, id) {
  chat.openId = id;
  chat.page = undefined;
  chat.watching = undefined;
  const room = openRoom(chat);
  room.newAfter = room.unread > 0 ? room.reads.get(chat.me) : undefined;
  chat.touch('open');
  chat.touch('channels');
  if (!room.live) return; // Once it is, channels.mjs loads what is open.
  await Promise.all([loadParticipants(chat, room), room.timeline.loaded ? undefined : loadLatest(chat, room)]);
}

/** Tells the host that the newest message of a room is read. */
export async function markRead(chat, room) {
  const seq = room.last?.seq ?? 0;
  if (seq <= (room.reads.get(chat.me) ?? 0) || chat.connection.name !== 'online') return;
  room.reads.set(chat.me, seq);
  room.unread = 0;
  chat.touch('channels');
  await chat.client.request('read', { channel_id: room.id, seq }).catch(() => {});
}

export function setTyping(chat, room, typing) {
  chat.client.request('typing', { channel_id: room.id, typing }).catch(() => {});
}

export function editMessage(chat, messageId, text) {
  return chat.client.request('edit', { message_id: messageId, data: text });
}

export function deleteMessage(chat, messageId) {
  return chat.client.request('delete', { message_id: messageId });
}

/** Presses a button, chooses, enters: in the blocks of a message. The answer, if any, becomes a note. */
export async function act(chat, room, messageId, action, value, plugin) {
  const answer = await chat.client.request('act', { message_id: messageId, action, value, plugin });
  if (answer?.reply) note(chat, room, answer.reply, messageId);
}

/** Runs a slash command. The answer, if any, becomes a note that only this user sees. */
export async function runCommand(chat, room, name, text) {
  const answer = await chat.client.request('command', { channel_id: room.id, name, text });
  if (answer?.reply) note(chat, room, { ...answer.reply, title: `/${name} ${text}`.trim() });
}

/** Ways to go on after `/name text`. */
export async function complete(chat, room, name, text) {
  const { choices } = await chat.client.request('complete', { channel_id: room.id, name, text });
  return choices;
}

/** Takes an answer to a command away. */
export function dismissNote(chat, room, key) {
  removeOwn(room.timeline, key);
  chat.touch('thread');
}

function note(chat, room, reply, about) {
  addNote(room.timeline, crypto.randomUUID(), { ...reply, ts: new Date().toISOString() }, about);
  chat.touch('thread');
}

/** Makes a channel of this user and the given others, and opens it. */
export async function createChannel(chat, { name, members }) {
  await arriveAt(chat, await chat.client.rest('POST', '/v1/channels', { type: 'messaging', name, members }));
}

/** Opens the channel of two, new or old. */
export async function openDirect(chat, other) {
  await arriveAt(chat, await chat.client.rest('POST', '/v1/channels/direct', { user_ids: [chat.me, other] }));
}

async function arriveAt(chat, { id }) {
  await chat.refresh();
  if (chat.rooms.has(id)) await openChannel(chat, id);
}
