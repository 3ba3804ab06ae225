// The messages of the open room: draws its rows, keeps the reader's place, loads older pages on the way
// up, and listens for everything that can be pressed in a row.

import { act, deleteMessage, dismissNote, editMessage, markRead } from '../state/chat.mjs';
import { loadLinks, renewLink } from '../state/files.mjs';
import { loadLatest, loadOlder } from '../state/history.mjs';
import { discard, retry } from '../state/outbox.mjs';
import { loadUsers } from '../state/participants.mjs';
import { nameOf, openRoom } from '../state/rooms.mjs';
import { valueOf } from './blocks.mjs';
import { h } from './dom.mjs';
import { icon } from './icons.mjs';
import { drawRow } from './message.mjs';
import { createRowList } from './row-list.mjs';
import { rowsOf } from './rows.mjs';

/** Nearer to the end than this the thread follows what is new. */
const END_PX = 48;
/** Nearer to the beginning than this the page before is loaded. */
const BEGINNING_PX = 600;

/**
 * @param {object} chat
 * @param {(text: string) => void} complain Shows why something was refused.
 * @returns {{ element: HTMLElement, update: () => void, opened: () => void, editLast: () => void, toEnd: () => void }}
 */
export function createThread(chat, complain) {
  const list = h('div', { class: 'rows' });
  const scroller = h('div', { class: 'scroller', tabindex: 0, role: 'region', 'aria-label': 'Messages', onscroll: scrolled }, list);
  const jump = h('button', { type: 'button', class: 'jump', hidden: true, onclick: toEnd });
  const announcer = h('div', { class: 'hidden', 'aria-live': 'polite' });
  const element = h('div', { class: 'thread' }, scroller, jump, announcer);
  const rows = createRowList(list, (row) => drawRow(chat, row));
  const mode = { editing: undefined, deleting: undefined };
  let following = true; // The end is in view and stays there.
  let placed = false; // The room has been scrolled to where reading begins.
  let announced; // The last message told to a screen reader.

  new ResizeObserver(() => following && scrollToEnd()).observe(scroller);
  list.addEventListener('load', () => following && scrollToEnd(), true); // Images arrive late.
  list.addEventListener('error', ({ target }) => target.dataset.file && renewLink(chat, target.dataset.file), true);
  document.addEventListener('visibilitychange', seen);

  function update() {
    const room = openRoom(chat);
    if (!room) return rows.draw([]);
    const anchor = following ? null : topRow();
    const shown = rowsOf(chat, room, mode);
    rows.draw(shown);
    loadUsers(chat, shown.flatMap(({ named }) => named ?? []));
    loadLinks(chat, shown.map(({ entry }) => entry?.message));
    if (!placed && room.timeline.loaded) place();
    else if (following) scrollToEnd();
    else if (anchor?.row.isConnected) scroller.scrollTop += anchor.row.offsetTop - anchor.top;
    announce(room);
    return scrolled();
  }

  /** The message at the upper edge: what must not move while rows come and go above it. */
  function topRow() {
    const row = [...list.querySelectorAll('article')].find(({ offsetTop, offsetHeight }) => offsetTop + offsetHeight > scroller.scrollTop);
    return row ? { row, top: row.offsetTop } : null;
  }

  function place() {
    placed = true;
    const mark = list.querySelector('.day.new');
    if (mark) scroller.scrollTop = mark.offsetTop - 48;
    else scrollToEnd();
  }

  function scrollToEnd() {
    scroller.scrollTop = scroller.scrollHeight;
  }

  function toEnd() {
    scrollToEnd();
    following = true;
  }

  function scrolled() {
    const room = openRoom(chat);
    if (!room || !placed) return;
    following = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < END_PX;
    jump.hidden = following;
    jump.replaceChildren(icon('down'), room.unread > 0 ? `${room.unread} new` : 'To the newest');
    if (scroller.scrollTop < BEGINNING_PX) loadOlder(chat, room).catch((error) => complain(error.message));
    seen();
  }

  function seen() {
    const room = openRoom(chat);
    const watching = room && placed && following && document.visibilityState === 'visible';
    chat.watching = watching ? room.id : undefined;
    if (watching) markRead(chat, room);
  }

  function announce(room) {
    const message = room.last;
    if (!message || message.id === announced) return;
    if (announced !== undefined && message.from !== chat.me && placed) {
      announcer.textContent = `${nameOf(chat, message.from)}: ${message.view?.text ?? message.data}`;
    }
    announced = message.id;
  }

  function opened() {
    Object.assign(mode, { editing: undefined, deleting: undefined });
    following = true;
    placed = false;
    announced = undefined;
    update();
  }

  /** Opens the newest own message for editing. */
  function editLast() {
    const own = openRoom(chat)?.timeline.messages.values() ?? [];
    const last = [...own].map(({ message }) => message).filter(({ from, type, deleted_at: deleted }) => from === chat.me && type === 'text' && !deleted)
      .sort((a, b) => b.seq - a.seq)[0];
    if (last) edit(last.id);
  }

  function edit(id) {
    mode.editing = id;
    update();
    const field = list.querySelector('.editor textarea');
    field.focus();
    field.setSelectionRange(field.value.length, field.value.length);
    field.scrollIntoView({ block: 'nearest' });
  }

  function leave() {
    Object.assign(mode, { editing: undefined, deleting: undefined });
    update();
  }

  async function save(id, words) {
    const room = openRoom(chat);
    const before = room.timeline.messages.get(id)?.message.data;
    leave();
    if (words.trim() === '' || words === before) return;
    await editMessage(chat, id, words);
  }

  const deeds = {
    edit: (id) => edit(id),
    'cancel-edit': leave,
    'ask-delete'(id) {
      mode.deleting = id;
      update();
      list.querySelector('[data-do="keep"]').focus();
    },
    keep: leave,
    delete(id) {
      leave();
      return deleteMessage(chat, id);
    },
    retry: (id, key) => retry(chat, openRoom(chat), key),
    discard: (id, key) => discard(chat, openRoom(chat), key),
    dismiss: (id, key) => dismissNote(chat, openRoom(chat), key),
    reload: () => loadLatest(chat, openRoom(chat)),
    act: pressed,
    choose: pressed,
    enter: pressed,
    check: pressed,
    save: (id, key, form) => save(id, form.elements.text.value),
  };

  /** Waits for the plugin's answer with the control out of use, so that one press is one press. */
  async function pressed(id, key, control) {
    control.setAttribute('aria-busy', 'true');
    try {
      const plugin = control.closest('[data-plugin]')?.dataset.plugin;
      await act(chat, openRoom(chat), id, control.dataset.action, valueOf(control), plugin);
      if (control.dataset.do === 'enter') control.reset();
    } finally {
      control.removeAttribute('aria-busy');
      if (control.dataset.do === 'choose') control.selectedIndex = 0;
    }
  }

  function listen(type, does) {
    list.addEventListener(type, (event) => {
      const control = event.target.closest('[data-do]');
      if (!control || !does.includes(control.dataset.do) || control.getAttribute('aria-busy') === 'true') return;
      event.preventDefault();
      const row = control.closest('article');
      Promise.resolve(deeds[control.dataset.do](row?.dataset.id, row?.dataset.key, control)).catch((error) => complain(error.message));
    });
  }

  listen('click', ['edit', 'cancel-edit', 'ask-delete', 'keep', 'delete', 'retry', 'discard', 'dismiss', 'reload', 'act']);
  listen('change', ['choose']);
  listen('submit', ['enter', 'check', 'save']);
  list.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && (mode.editing || mode.deleting)) leave();
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing && event.target.closest('.editor textarea')) {
      event.preventDefault();
      event.target.form.requestSubmit();
    }
  });

  return { element, update, opened, editLast, toEnd, close: () => document.removeEventListener('visibilitychange', seen) };
}
