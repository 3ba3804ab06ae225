// The user's channels: the list as the host has it, each one followed.

import { applyEvent } from './events.mjs';
import { loadLatest } from './history.mjs';
import { loadParticipants } from './participants.mjs';
import { createRoom, dropRoom, isPair } from './rooms.mjs';
import { forgetHistory } from './timeline.mjs';

/** How many channels are listed and followed. */
const CHANNELS_MAX = 50;

/** Loads the list, follows what is new in it, forgets what is gone from it. */
export async function loadChannels(chat) {
  let channels;
  try {
    ({ channels } = await chat.client.rest('GET', `/v1/channels?limit=${CHANNELS_MAX}`));
    chat.fault = undefined;
  } catch (error) {
    chat.fault = error.message;
    chat.touch('channels');
    return;
  }
  const listed = new Set(channels.map(({ id }) => id));
  for (const id of [...chat.rooms.keys()]) if (!listed.has(id)) dropRoom(chat, id);
  for (const channel of channels) {
    const room = chat.rooms.get(channel.id);
    if (!room) addRoom(chat, channel);
    // Events may have been faster than the list: then they know better.
    else if (channel.head > room.counted) Object.assign(room, { channel, unread: channel.unread ?? 0, counted: channel.head, last: channel.last_message });
  }
  chat.touch('channels');
}

function addRoom(chat, channel) {
  const room = createRoom(channel, chat.me);
  chat.rooms.set(room.id, room);
  room.unfollow = chat.client.subscribe(room.id, {
    onEvent: (event) => applyEvent(chat, room, event),
    onLive() {
      // Whoever was there before the connection was lost may have gone.
      room.online.clear();
      const open = chat.openId === room.id;
      // Messages are read once events arrive: read before, one could fall between the two.
      if (open && !(room.live && room.timeline.loaded)) loadLatest(chat, room);
      room.live = true;
      // A room of two has no name of its own but the other person's.
      if (open || isPair(room)) loadParticipants(chat, room);
    },
    onRecovered(count) {
      chat.caughtUp = (chat.caughtUp ?? 0) + count;
      chat.touch('connection');
    },
    onReset() {
      forgetHistory(room.timeline);
      chat.caughtUp = 'lost';
      chat.touch('connection');
      if (chat.openId === room.id) loadLatest(chat, room);
    },
  });
}
