// The line above a thread: what is open, who is there, and how the connection is. The plug cuts the
// connection by hand, to see what happens then.

import { isOnline, isPair, nameOf, openRoom, otherOf, titleOf } from '../state/rooms.mjs';
import { avatar } from './avatar.mjs';
import { h, render } from './dom.mjs';
import { icon } from './icons.mjs';

const FACES_SHOWN = 3;
const CAUGHT_UP_MS = 6_000;

/** @param {{ showChannels: () => void, showPeople: (button: HTMLElement) => void }} actions */
export function createHeader(chat, { showChannels, showPeople }) {
  const title = h('div', { class: 'title' });
  const people = h('button', { type: 'button', class: 'people', 'aria-haspopup': 'dialog', onclick: () => showPeople(people) });
  const state = h('span', { class: 'state', role: 'status' });
  const plug = h('button', { type: 'button', class: 'plug', onclick: pull }, icon('plug'));
  const element = h('header', { class: 'bar' },
    h('button', { type: 'button', class: 'to-channels', 'aria-label': `Channels of ${nameOf(chat, chat.me)}`, onclick: showChannels },
      icon('menu'), avatar({ id: chat.me, ...chat.people.get(chat.me) }, { size: 'small' })),
    title, people, state, plug);
  let ticking;
  let fading;

  function pull() {
    if (chat.connection.name === 'online' || chat.connection.name === 'connecting') chat.client.disconnect();
    else chat.client.connect();
  }

  function updateRoom() {
    const room = openRoom(chat);
    people.hidden = !room;
    if (!room) return render(title, h('h2', {}, chat.page === 'posts' ? 'Posts' : 'Althing'));
    const direct = isPair(room);
    const tags = (room.channel.tags ?? []).map((tag) => h('span', { class: 'tag' }, tag));
    render(title,
      h('h2', {}, direct ? null : h('span', { class: 'hash', 'aria-hidden': 'true' }, '#'), titleOf(chat, room)),
      direct ? h('span', { class: 'about' }, isOnline(chat, otherOf(chat, room)) ? 'online' : 'offline') : tags);
    const ids = [...room.roles.keys()].sort((a, b) => Number(isOnline(chat, b)) - Number(isOnline(chat, a)));
    const online = ids.filter((id) => isOnline(chat, id)).length;
    people.setAttribute('aria-label', `${ids.length} people, ${online} online`);
    people.title = `${ids.length} people, ${online} online`;
    return render(people, icon('people'), ids.slice(0, FACES_SHOWN).map((id) => avatar({ id, ...chat.people.get(id), name: nameOf(chat, id) }, { size: 'small' })),
      h('span', { class: 'count' }, String(ids.length || '')));
  }

  function updateState() {
    clearInterval(ticking);
    clearTimeout(fading);
    const { name, retryAt, reason } = chat.connection;
    if (name === 'waiting') ticking = setInterval(say, 1_000);
    if (name === 'online' && chat.caughtUp !== undefined) {
      fading = setTimeout(() => {
        chat.caughtUp = undefined;
        say();
      }, CAUGHT_UP_MS);
    }
    const cut = name === 'offline' || name === 'refused' || name === 'waiting';
    plug.setAttribute('aria-pressed', String(cut));
    plug.title = cut ? 'Connect' : 'Cut the connection';
    plug.setAttribute('aria-label', plug.title);
    element.dataset.connection = name;
    say();

    function say() {
      const words = {
        online: caughtUp(chat.caughtUp),
        connecting: 'Connecting…',
        waiting: `Trying again in ${Math.max(0, Math.ceil((retryAt - Date.now()) / 1_000))} s`,
        offline: 'Unplugged',
        refused: reason,
      };
      render(state, h('i', { class: 'dot' }), h('span', {}, words[name]));
    }
  }

  return { element, updateRoom, updateState };
}

function caughtUp(count) {
  if (count === 'lost') return 'Online, history loaded anew';
  if (count > 0) return `Online, caught up on ${count}`;
  return 'Online';
}
