// What each event does to a room. Log entries come here in order and once; typing, reads and presence
// come when they come.

import { takePost } from './feed.mjs';
import { loadParticipants, loadUsers } from './participants.mjs';
import { dropRoom, setOnline } from './rooms.mjs';
import { addMessage, changeMessage, changeOutgoing, removeOwn, showProgress } from './timeline.mjs';

/** Somebody who types says so every few seconds; after this long without it they stopped. */
const TYPING_MS = 7_000;

export function applyEvent(chat, room, { event, seq, data }) {
  apply[event]?.(chat, room, data, seq);
}

const apply = {
  'message.new'(chat, room, { message }, seq) {
    addMessage(room.timeline, message);
    takePost(chat, message, true);
    loadUsers(chat, [message.from]);
    room.last = message;
    room.typing.delete(message.from);
    if (seq > room.counted) {
      room.counted = seq;
      if (message.from !== chat.me) count(chat, room, seq);
    }
    touchMessages(chat, room);
    chat.touch('typing');
  },
  'message.updated': changed,
  'message.deleted': changed,
  'member.added'(chat, room) { loadParticipants(chat, room); },
  'member.updated'(chat, room, { user_id: user, role }) {
    room.roles.set(user, role);
    chat.touch('people');
  },
  'member.removed'(chat, room, { user_id: user }) {
    if (user === chat.me) return dropRoom(chat, room.id);
    room.roles.delete(user);
    setOnline(room, user, false);
    return chat.touch('people');
  },
  'channel.deleted'(chat, room) { dropRoom(chat, room.id); },
  'channel.updated'(chat, room, channel) {
    room.channel = { ...room.channel, ...channel };
    chat.touch('channels');
    if (chat.openId === room.id) chat.touch('open');
  },
  'typing.start'(chat, room, { user_id: user }) {
    if (user === chat.me) return;
    const until = Date.now() + TYPING_MS;
    room.typing.set(user, until);
    setTimeout(() => {
      if (room.typing.get(user) === until) stopTyping(chat, room, user);
    }, TYPING_MS);
    chat.touch('typing');
  },
  'typing.stop'(chat, room, { user_id: user }) { stopTyping(chat, room, user); },
  'message.progress'(chat, room, progress) {
    showProgress(room.timeline, progress);
    if (chat.openId === room.id) chat.touch('thread');
  },
  'message.read'(chat, room, { user_id: user, seq }) {
    room.reads.set(user, Math.max(seq, room.reads.get(user) ?? 0));
    // Read on another device of ours.
    if (user === chat.me && seq >= (room.last?.seq ?? 0)) room.unread = 0;
    touchMessages(chat, room);
  },
  'notification.message_approved'(chat, room, { client_id: clientId }) {
    removeOwn(room.timeline, clientId); // It stands in the channel now.
    touchMessages(chat, room);
  },
  'notification.message_rejected'(chat, room, { client_id: clientId, reason }) {
    changeOutgoing(room.timeline, clientId, { state: 'rejected', reason });
    touchMessages(chat, room);
  },
  'user.presence.changed'(chat, room, { user_id: user, online }) {
    setOnline(room, user, online);
    room.moved.add(user);
    chat.touch('people');
    chat.touch('channels');
  },
};

function count(chat, room, seq) {
  room.unread += 1;
  // What arrives before the reader's eyes needs no line that says it is new.
  if (chat.openId === room.id && chat.watching !== room.id) room.newAfter ??= seq - 1;
}

function changed(chat, room, { message }) {
  changeMessage(room.timeline, message);
  takePost(chat, message);
  if (room.last?.id === message.id) room.last = message;
  touchMessages(chat, room);
}

function stopTyping(chat, room, user) {
  room.typing.delete(user);
  chat.touch('typing');
}

function touchMessages(chat, room) {
  chat.touch('channels');
  if (chat.openId === room.id) chat.touch('thread');
}
