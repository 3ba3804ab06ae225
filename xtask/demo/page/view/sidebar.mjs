// The left column of a pane: who you are, the posts, what waits for you to review, and your channels with
// what is unread and was said last.

import { openChannel } from '../state/chat.mjs';
import { isOnline, isPair, isProfile, nameOf, otherOf, roomsInOrder, titleOf } from '../state/rooms.mjs';
import { avatar } from './avatar.mjs';
import { h, render } from './dom.mjs';
import { icon } from './icons.mjs';
import { briefTimeOf } from './time.mjs';

/**
 * @param {object} chat
 * @param {object} actions
 * @param {(user: string) => void} actions.switchUser
 * @param {() => void} actions.newChannel
 * @param {() => void} actions.newDirect
 * @param {() => void} actions.openPosts
 * @param {() => void} actions.openReview
 * @param {() => void} actions.opened Called when the user has chosen a channel.
 */
export function createSidebar(chat, { switchUser, newChannel, newDirect, openPosts, openReview, opened }) {
  const picker = h('select', { class: 'picker', 'aria-label': 'Be this person', onchange: () => switchUser(picker.value) },
    chat.directory.map(({ id, name }) => h('option', { value: id, selected: id === chat.me }, name)));
  const me = { id: chat.me, ...chat.people.get(chat.me) };
  const list = h('nav', { class: 'channels', 'aria-label': 'Channels', onclick: choose });
  const element = h('aside', { class: 'sidebar' },
    h('div', { class: 'me' }, avatar(me), picker),
    list);

  function choose(event) {
    const button = event.target.closest('[data-channel], [data-new], [data-page]');
    if (!button) return;
    if (button.dataset.new === 'channel') newChannel();
    else if (button.dataset.new === 'direct') newDirect();
    else if (button.dataset.page === 'posts') openPosts();
    else if (button.dataset.page === 'review') openReview();
    else {
      openChannel(chat, button.dataset.channel).catch(() => {});
      opened();
    }
  }

  function update() {
    const focused = list.contains(document.activeElement) ? document.activeElement.dataset.channel : undefined;
    const rooms = roomsInOrder(chat);
    const direct = rooms.filter(isPair);
    const others = rooms.filter((room) => !isPair(room) && !isProfile(room));
    render(list,
      h('ul', { class: 'pages' },
        pageEntry('posts', 'posts', 'Posts', chat.feed.fresh),
        chat.held.length > 0 ? pageEntry('review', 'shield', `Review (${chat.held.length})`) : null),
      section('Channels', 'channel', 'New channel', others.map(drawRoom)),
      section('Direct', 'direct', 'New direct chat', direct.map(drawRoom)),
      chat.fault ? h('p', { class: 'fault', role: 'alert' }, chat.fault) : null);
    // A row that moved is a new element; the focus goes with the channel.
    if (focused !== undefined) list.querySelector(`[data-channel="${CSS.escape(focused)}"]`)?.focus();
  }

  function pageEntry(page, image, title, fresh) {
    const open = chat.page === page;
    return h('li', { 'data-key': page },
      h('button', { type: 'button', class: open ? 'page open' : 'page', 'data-page': page, 'aria-current': open ? 'true' : null }, icon(image), h('span', {}, title),
        fresh > 0 ? h('span', { class: 'unread' }, String(fresh), h('span', { class: 'hidden' }, ' new')) : null));
  }

  function section(title, kind, label, items) {
    return h('section', {},
      h('h3', {}, title, h('button', { type: 'button', 'data-new': kind, 'aria-label': label, title: label }, icon('plus'))),
      items.length > 0 ? h('ul', {}, items) : h('p', { class: 'empty' }, kind === 'direct' ? 'Nobody yet' : 'None yet'));
  }

  function drawRoom(room) {
    const open = room.id === chat.openId;
    const unread = room.unread > 0 ? h('span', { class: 'unread' }, room.unread > 99 ? '99+' : String(room.unread), h('span', { class: 'hidden' }, ' unread')) : null;
    return h('li', { 'data-key': room.id },
      h('button', { type: 'button', class: ['room', open && 'open', unread && 'has-unread'].filter(Boolean).join(' '), 'data-channel': room.id, 'aria-current': open ? 'true' : null },
        face(room),
        h('span', { class: 'room-name' }, titleOf(chat, room)),
        room.last ? h('time', { datetime: room.last.ts }, briefTimeOf(room.last.ts)) : null,
        h('span', { class: 'room-last' }, lastWords(room)),
        unread));
  }

  function face(room) {
    const other = isPair(room) ? otherOf(chat, room) : undefined;
    if (!other) return h('span', { class: 'hash', 'aria-hidden': 'true' }, '#');
    return avatar({ id: other, ...chat.people.get(other) }, { size: 'small', online: isOnline(chat, other) });
  }

  function lastWords(room) {
    const { last } = room;
    if (!last) return 'No messages yet';
    const words = last.deleted_at ? 'Message deleted' : last.type === 'text' ? String(last.data) : last.view?.text ?? last.type;
    if (last.from === chat.me) return `You: ${words}`;
    return isPair(room) ? words : `${nameOf(chat, last.from).split(' ')[0]}: ${words}`;
  }

  return { element, update };
}
