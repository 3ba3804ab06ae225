// Where a user writes: Enter sends, a slash begins a command, the paper clip takes files, drafts stay with
// their channel. Below it stand who types, and why the last message was refused: with a way to have a
// person look at it, where there is one.

import { runCommand, setTyping } from '../state/chat.mjs';
import { send } from '../state/outbox.mjs';
import { isPair, nameOf, openRoom, titleOf } from '../state/rooms.mjs';
import { h, render } from './dom.mjs';
import { sizeOf } from './files.mjs';
import { icon } from './icons.mjs';
import { createSlashMenu, parseCommand } from './slash-menu.mjs';

/** Typing is told again after this long, and taken back after IDLE_MS without a key. */
const TYPING_EVERY_MS = 3_000;
const IDLE_MS = 4_000;
const HEIGHT_PX_MAX = 180;

/**
 * @param {object} actions
 * @param {() => void} actions.newPoll
 * @param {() => void} actions.editLast
 * @param {() => void} actions.toEnd
 * @param {(send: (note: string) => Promise<void>) => void} actions.askForAppeal Asks for a note, and gives it on.
 */
export function createComposer(chat, { newPoll, editLast, toEnd, askForAppeal }) {
  const drafts = new Map();
  const field = h('textarea', { rows: 1, 'aria-label': 'Message', oninput: typed, onkeydown: pressed, onpaste: pasted, onblur: () => menu.close() });
  const menu = createSlashMenu(chat, field, put);
  const notice = h('p', { class: 'notice', role: 'alert', hidden: true, onclick: (event) => event.target.closest('button') && appeal() });
  const typing = h('p', { class: 'typing', 'aria-live': 'polite' });
  const picker = h('input', { type: 'file', multiple: true, hidden: true, 'aria-label': 'Files', onchange: picked });
  const chips = h('ul', { class: 'chips', 'aria-label': 'Files to send', onclick: unpicked });
  const form = h('form', { class: 'compose', onsubmit: submit },
    h('button', { type: 'button', class: 'round', 'aria-label': 'Attach files', title: 'Attach files', onclick: () => picker.click() }, icon('clip')),
    picker,
    h('button', { type: 'button', class: 'round', 'aria-label': 'New poll', title: 'New poll', onclick: newPoll }, icon('poll')),
    field,
    h('button', { class: 'round send', 'aria-label': 'Send', title: 'Send' }, icon('send')));
  const element = h('div', { class: 'composer' }, menu.element, chips, form, h('div', { class: 'under' }, notice, typing));
  let files = [];
  let refusal; // What was refused and may be appealed: { room, draft }.
  let shownFor;
  let toldAt = 0;
  let idle;

  function opened() {
    if (shownFor !== undefined) drafts.set(shownFor, { text: field.value, files });
    shownFor = chat.openId;
    const room = openRoom(chat);
    element.hidden = !room;
    field.disabled = room?.channel.active === false;
    complain('');
    put(drafts.get(shownFor)?.text ?? '');
    attach(drafts.get(shownFor)?.files ?? [], []);
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

  /** Adds files to what is to be sent. */
  function attach(more, before = files) {
    files = [...before, ...more];
    chips.hidden = files.length === 0;
    render(chips, files.map(({ name, size }, index) => h('li', {}, icon('file'), h('span', {}, name), h('small', {}, sizeOf(size)),
      h('button', { type: 'button', 'data-index': index, 'aria-label': `Remove ${name}` }, icon('close')))));
  }

  function picked() {
    attach(picker.files);
    picker.value = ''; // The same file can be picked again.
    field.focus();
  }

  function unpicked(event) {
    const button = event.target.closest('[data-index]');
    if (button) attach(files.filter((file, index) => index !== Number(button.dataset.index)), []);
  }

  /** What is on the clipboard as text too, such as cells of a table, is pasted as text. */
  function pasted(event) {
    const { files: pictures, types } = event.clipboardData;
    if (pictures.length === 0 || types.includes('text/plain')) return;
    event.preventDefault();
    attach(pictures);
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

  function submit(event) {
    event.preventDefault();
    const room = openRoom(chat);
    const written = field.value;
    if ((written.trim() === '' && files.length === 0) || !room) return;
    const command = commandOf(written);
    if (command && !command.known) {
      complain(`There is no command /${command.name}.`);
      return;
    }
    put('');
    complain('');
    stopTyping(room);
    toEnd();
    if (command) {
      runCommand(chat, room, command.name, command.text).catch((error) => refused(room, { data: written }, error));
      return;
    }
    // The words are the first file's caption.
    const messages = files.length === 0 ? [{ data: written.trim() }] : files.map((file, index) => ({ file, text: index === 0 ? written.trim() : '' }));
    attach([], []);
    for (const draft of messages) send(chat, room, draft).catch((error) => refused(room, draft, error));
  }

  function commandOf(written) {
    const parsed = parseCommand(written.trim());
    if (!parsed?.name) return null;
    return { name: parsed.name, text: (parsed.text ?? '').trim(), known: chat.commands.some(({ name }) => name === parsed.name) };
  }

  /** Gives back what was written, unless the user is writing something else by now. */
  function refused(room, { data, file, text = data }, error) {
    const given = file ? [file] : [];
    if (chat.openId !== room.id) {
      drafts.set(room.id, { text, files: given });
    } else {
      if (field.value === '') put(text);
      attach(given);
    }
    complain(error.message, error.appealable && { room, draft: error.draft });
  }

  /** @param {{ room: object, draft: object }} [appealable] What a person may look at. */
  function complain(words, appealable) {
    refusal = appealable || undefined;
    notice.hidden = words === '';
    render(notice, words === '' ? null : [icon('shield'), h('span', {}, words),
      refusal ? h('button', { type: 'button', class: 'button' }, 'Ask for review') : null]);
  }

  function appeal() {
    const { room, draft } = refusal;
    askForAppeal(async (note) => {
      await send(chat, room, { ...draft, appeal: note });
      if (chat.openId === room.id) {
        put('');
        attach([], []);
      }
      complain('');
      toEnd();
    });
  }

  function updateTyping() {
    const room = openRoom(chat);
    const names = [...(room?.typing.keys() ?? [])].map((id) => nameOf(chat, id).split(' ')[0]);
    render(typing, names.length === 0 ? null : [h('i', { class: 'wave', 'aria-hidden': 'true' }, h('b'), h('b'), h('b')), h('span', {}, sentence(names))]);
  }

  return { element, opened, updateTyping, complain, attach, focus: () => field.focus() };
}

function sentence(names) {
  if (names.length === 1) return `${names[0]} is typing`;
  if (names.length === 2) return `${names[0]} and ${names[1]} are typing`;
  return 'Several people are typing';
}
