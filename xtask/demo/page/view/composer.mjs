// Where a user writes: Enter sends, a slash begins a command, drafts stay with their channel. Below it
// stand who types, and why the last message was refused.

import { runCommand, setTyping } from '../state/chat.mjs';
import { send } from '../state/outbox.mjs';
import { isPair, nameOf, openRoom, titleOf } from '../state/rooms.mjs';
import { h, render } from './dom.mjs';
import { icon } from './icons.mjs';
import { createSlashMenu, parseCommand } from './slash-menu.mjs';

/** Typing is told again after this long, and taken back after IDLE_MS without a key. */
const TYPING_EVERY_MS = 3_000;
const IDLE_MS = 4_000;
const HEIGHT_PX_MAX = 180;

/** @param {{ newPoll: () => void, editLast: () => void, toEnd: () => void }} actions */
export function createComposer(chat, { newPoll, editLast, toEnd }) {
  const drafts = new Map();
  const field = h('textarea', { rows: 1, 'aria-label': 'Message', oninput: typed, onkeydown: pressed, onblur: () => menu.close() });
  const menu = createSlashMenu(chat, field, put);
  const notice = h('p', { class: 'notice', role: 'alert', hidden: true });
  const typing = h('p', { class: 'typing', 'aria-live': 'polite' });
  const form = h('form', { class: 'compose', onsubmit: submit },
    h('button', { type: 'button', class: 'round', 'aria-label': 'New poll', title: 'New poll', onclick: newPoll }, icon('poll')),
    field,
    h('button', { class: 'round send', 'aria-label': 'Send', title: 'Send' }, icon('send')));
  const element = h('div', { class: 'composer' }, menu.element, form, h('div', { class: 'under' }, notice, typing));
  let shownFor;
  let toldAt = 0;
  let idle;

  function opened() {
    if (shownFor !== undefined) drafts.set(shownFor, field.value);
    shownFor = chat.openId;
    const room = openRoom(chat);
    form.hidden = !room;
    field.disabled = room?.channel.active === false;
    complain('');
    put(drafts.get(shownFor) ?? '');
    if (room) field.placeholder = field.disabled ? 'This channel takes no messages' : `Message ${isPair(room) ? '' : '#'}${titleOf(chat, room)}`;
    updateTyping();
  }

  function put(value) {
    field.value = value;
    grow();
    menu.update();
  }

  function grow() {
    field.style.height = 'auto';
    field.style.height = `${Math.min(field.scrollHeight, HEIGHT_PX_MAX)}px`;
  }

  function typed() {
    grow();
    menu.update();
    complain('');
    const room = openRoom(chat);
    if (field.value.trim() === '' || field.value.startsWith('/')) return stopTyping(room);
    if (Date.now() - toldAt > TYPING_EVERY_MS) {
      toldAt = Date.now();
      setTyping(chat, room, true);
    }
    clearTimeout(idle);
    idle = setTimeout(() => stopTyping(room), IDLE_MS);
    return undefined;
  }

  function stopTyping(room) {
    clearTimeout(idle);
    if (toldAt === 0) return;
    toldAt = 0;
    setTyping(chat, room, false);
  }

  function pressed(event) {
    if (event.isComposing || menu.handleKey(event)) return;
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault();
      form.requestSubmit();
    } else if (event.key === 'ArrowUp' && field.value === '') {
      event.preventDefault();
      editLast();
    }
  }

  async function submit(event) {
    event.preventDefault();
    const room = openRoom(chat);
    const written = field.value;
    if (written.trim() === '' || !room) return;
    const command = commandOf(written);
    if (command && !command.known) {
      complain(`There is no command /${command.name}.`);
      return;
    }
    put('');
    complain('');
    stopTyping(room);
    toEnd();
    try {
      if (command) await runCommand(chat, room, command.name, command.text);
      else await send(chat, room, { data: written.trim() });
    } catch (error) {
      refused(room, written, error);
    }
  }

  function commandOf(written) {
    const parsed = parseCommand(written.trim());
    if (!parsed?.name) return null;
    return { name: parsed.name, text: (parsed.text ?? '').trim(), known: chat.commands.some(({ name }) => name === parsed.name) };
  }

  /** Gives back what was written, unless the user is writing something else by now. */
  function refused(room, written, error) {
    if (chat.openId !== room.id) drafts.set(room.id, written);
    else if (field.value === '') put(written);
    complain(error.message);
  }

  function complain(words) {
    notice.hidden = words === '';
    render(notice, words === '' ? null : [icon('shield'), h('span', {}, words)]);
  }

  function updateTyping() {
    const room = openRoom(chat);
    const names = [...(room?.typing.keys() ?? [])].map((id) => nameOf(chat, id).split(' ')[0]);
    render(typing, names.length === 0 ? null : [h('i', { class: 'wave', 'aria-hidden': 'true' }, h('b'), h('b'), h('b')), h('span', {}, sentence(names))]);
  }

  return { element, opened, updateTyping, complain, focus: () => field.focus() };
}

function sentence(names) {
  if (names.length === 1) return `${names[0]} is typing`;
  if (names.length === 2) return `${names[0]} and ${names[1]} are typing`;
  return 'Several people are typing';
}
