// One person's chat: the state of one user and the views on it. Two panes share nothing but the page.

import { createChat, openChannel } from '../state/chat.mjs';
import { openPosts } from '../state/feed.mjs';
import { isProfile, roomsInOrder } from '../state/rooms.mjs';
import { createComposer } from './composer.mjs';
import { askForAppeal, askForChannel, askForDirect, askForPoll, showPeople } from './dialogs.mjs';
import { h } from './dom.mjs';
import { acceptDrops } from './drops.mjs';
import { createFeedView } from './feed.mjs';
import { createHeader } from './header.mjs';
import { showReview } from './review.mjs';
import { createSidebar } from './sidebar.mjs';
import { createThread } from './thread.mjs';

/**
 * @param {HTMLElement} element Where the pane goes.
 * @param {object} options
 * @param {{ host_url: string, people: import('../client/types.mjs').User[], reviewers: string[] }} options.demo
 * @param {string} options.user Who it belongs to.
 * @param {string} [options.channel] The channel to open first; otherwise the one with the newest message.
 * @param {(user: string) => void} options.switchUser
 */
export function createPane(element, { demo, user, channel, switchUser }) {
  const me = demo.people.find(({ id }) => id === user);
  const chat = createChat({ hostUrl: demo.host_url, me, people: demo.people, getToken: () => fetchToken(user), reviews: demo.reviewers.includes(user) });

  const composer = createComposer(chat, {
    newPoll: () => askForPoll(chat, element),
    editLast: () => thread.editLast(),
    toEnd: () => thread.toEnd(),
    askForAppeal: (submit) => askForAppeal(element, submit),
  });
  const thread = createThread(chat, (words) => composer.complain(words));
  const feed = createFeedView(chat, element);
  const header = createHeader(chat, { showChannels: () => showChannels(true), showPeople: () => showPeople(chat, element) });
  const sidebar = createSidebar(chat, {
    switchUser,
    newChannel: () => askForChannel(chat, element),
    newDirect: () => askForDirect(chat, element),
    openReview() {
      showReview(chat, element);
      showChannels(false);
    },
    openPosts() {
      openPosts(chat);
      showChannels(false);
    },
    opened() {
      showChannels(false);
      composer.focus();
    },
  });
  const shade = h('div', { class: 'shade', onclick: () => showChannels(false) });

  /** In a narrow pane the list of channels is a drawer over the thread. */
  function showChannels(show) {
    element.classList.toggle('channels-shown', show);
    if (show) sidebar.element.querySelector('button')?.focus();
  }
  element.onkeydown = (event) => {
    if (event.key === 'Escape') showChannels(false);
  };

  chat.on('connection', header.updateState);
  chat.on('channels', openFirst);
  chat.on('channels', sidebar.update);
  chat.on('feed', sidebar.update);
  chat.on('feed', feed.update);
  chat.on('review', sidebar.update);
  chat.on('people', header.updateRoom);
  chat.on('thread', thread.update);
  chat.on('typing', composer.updateTyping);
  chat.on('open', () => {
    header.updateRoom();
    composer.opened();
    thread.opened();
    thread.element.hidden = chat.page !== undefined;
    feed.element.hidden = chat.page !== 'posts';
  });

  function openFirst() {
    if (chat.openId !== undefined || chat.page !== undefined) return;
    const first = chat.rooms.has(channel) ? channel : roomsInOrder(chat).find((room) => !isProfile(room))?.id;
    if (first !== undefined) openChannel(chat, first);
  }

  element.setAttribute('aria-label', `Chat of ${me.name}`);
  const main = h('div', { class: 'main' }, header.element, thread.element, feed.element, composer.element);
  acceptDrops(main, composer.attach, () => chat.openId !== undefined);
  element.replaceChildren(sidebar.element, shade, main);
  header.updateRoom();
  sidebar.update();
  composer.opened();
  chat.client.connect();

  return {
    me,
    /** Connects at once if it was waiting: the network is back, or the page is being looked at again. */
    wake: () => chat.connection.name === 'waiting' && chat.client.connect(),
    close() {
      chat.close();
      thread.close();
    },
  };
}

async function fetchToken(user) {
  const response = await fetch('/session', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ user }) });
  const body = await response.json();
  if (!response.ok) throw new Error(body.detail);
  return body.token;
}
