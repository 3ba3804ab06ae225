// One row of a thread as elements. No listeners: whatever can be pressed carries `data-do`.

import { fileIdOf } from '../state/files.mjs';
import { nameOf } from '../state/rooms.mjs';
import { avatar } from './avatar.mjs';
import { blocksOf } from './blocks.mjs';
import { h } from './dom.mjs';
import { drawFile, sizeOf } from './files.mjs';
import { icon } from './icons.mjs';
import { linked } from './links.mjs';
import { dayOf, fullTimeOf, tightTimeOf, timeOf } from './time.mjs';

const READERS_SHOWN = 5;

/** Draws a row of rows.mjs. */
export function drawRow(chat, row) {
  return draw[row.kind](row, chat);
}

const draw = {
  start({ room }) {
    if (room.fault) {
      return h('div', { class: 'edge', role: 'alert' }, h('p', {}, room.fault),
        h('button', { type: 'button', class: 'button', 'data-do': 'reload' }, 'Try again'));
    }
    return h('div', { class: 'edge' }, room.timeline.loaded ? 'This is where it begins.' : 'Loading…');
  },
  older: ({ room }) => h('div', { class: 'edge' }, room.loadingOlder ? 'Loading…' : ''),
  day: ({ ts }) => h('div', { class: 'day', role: 'separator' }, h('span', {}, dayOf(ts))),
  new: () => h('div', { class: 'day new', role: 'separator' }, h('span', {}, 'New')),
  note: ({ entry, role }, chat) => drawNote(entry, readerOf(chat, role)),
  message: drawMessage,
};

/** @returns {import('./marks.mjs').Reader} */
function readerOf(chat, role) {
  return { me: chat.me, role, nameOf: (id) => chat.people.get(id)?.name };
}

function drawMessage(row, chat) {
  const { entry, from, ts, first, mode, moderates, readers, link, role } = row;
  const own = from === chat.me;
  const reader = readerOf(chat, role);
  const user = { id: from, ...chat.people.get(from), name: nameOf(chat, from) };
  const classes = ['message', first && 'first', own && 'own', mode, entry.outgoing?.state].filter(Boolean).join(' ');
  return h('article', { class: classes, 'data-key': entry.key, 'data-id': entry.message?.id, 'aria-label': `${user.name}, ${timeOf(ts)}` },
    h('div', { class: 'gutter' }, first ? avatar(user) : h('time', { datetime: ts, title: fullTimeOf(ts) }, tightTimeOf(ts))),
    h('div', { class: 'content' },
      first ? h('header', {}, h('b', { class: 'name' }, user.name), own ? h('span', { class: 'you' }, 'you') : null, botMark(user),
        h('time', { datetime: ts, title: fullTimeOf(ts) }, timeOf(ts))) : null,
      mode === 'editing' ? editor(entry.message) : contentOf(entry, link, reader),
      attachmentsOf(entry, reader),
      entry.outgoing ? outgoingMark(entry) : null,
      readers.length > 0 ? readMarks(chat, readers) : null),
    entry.message && mode !== 'editing' ? tools(entry.message, { own, moderates, mode }) : null);
}

function botMark(user) {
  return user.plugin ? h('span', { class: 'you' }, 'plugin') : null;
}

function contentOf({ message, outgoing, sentText }, link, reader) {
  if (!message) return draftOf(outgoing);
  if (message.deleted_at || message.data === null) return h('p', { class: 'text muted' }, 'Message deleted');
  const marks = [
    message.edited_at ? h('span', { class: 'mark', title: fullTimeOf(message.edited_at) }, 'edited') : null,
    sentText ? h('span', { class: 'mark', title: `You wrote: ${sentText}` }, icon('shield'), 'changed by a plugin') : null,
  ];
  // Blocks say all that the text says: the text is for those that can't draw them.
  if (message.type === 'text' && !message.view?.blocks?.length) return text(String(message.data), marks);
  if (fileIdOf(message)) return drawFile(message, link, marks);
  return card(message.view ?? { text: `A message of type ${message.type}.` }, reader);
}

/** What is on its way, or waits. */
function draftOf({ type, data, file, text: caption, state }) {
  if (file) return [h('p', { class: 'text muted' }, `${state === 'uploading' ? 'Uploading ' : ''}${file.name} (${sizeOf(file.size)})`), caption ? text(caption) : null];
  if (type === 'text') return text(data);
  if (data?.file_id) return text(data.text ?? 'A file');
  return h('p', { class: 'text muted' }, `Sending a ${type}…`);
}

/** What plugins show below it, each in its own name. */
function attachmentsOf({ message }, reader) {
  return (message?.attachments ?? []).map(({ plugin, blocks }) =>
    h('div', { class: 'card', 'data-plugin': plugin, role: 'group', 'aria-label': `From ${plugin}` }, blocksOf({ blocks }, { actionable: true, reader })));
}

function text(words, marks = []) {
  return h('p', { class: 'text' }, linked(words), marks);
}

function card(view, reader) {
  return h('div', { class: 'card' }, blocksOf(view, { actionable: true, reader }));
}

function outgoingMark({ outgoing: { state, reason, appeal } }) {
  if (state === 'rejected') {
    return h('p', { class: 'mark failed', role: 'alert' }, icon('shield'), `A reviewer said no${reason ? `: ${reason}` : '.'} `,
      h('button', { type: 'button', class: 'link', 'data-do': 'discard' }, 'Discard'));
  }
  if (state === 'held') return h('p', { class: 'mark held' }, icon('clock'), `Waiting for review${reason ? `: ${reason}` : '.'}${appeal ? ' A person will look at it.' : ''}`);
  if (state !== 'failed') return null;
  return h('p', { class: 'mark failed', role: 'alert' }, icon('warning'), `Not sent: ${reason} `,
    h('button', { type: 'button', class: 'link', 'data-do': 'retry' }, 'Retry'),
    h('button', { type: 'button', class: 'link', 'data-do': 'discard' }, 'Discard'));
}

function readMarks(chat, readers) {
  const names = readers.map((id) => nameOf(chat, id)).join(', ');
  const more = readers.length - READERS_SHOWN;
  return h('div', { class: 'seen', title: `Seen by ${names}` },
    h('span', { class: 'hidden' }, `Seen by ${names}`),
    readers.slice(0, READERS_SHOWN).map((id) => avatar({ id, ...chat.people.get(id) }, { size: 'tiny' })),
    more > 0 ? h('span', { class: 'more', 'aria-hidden': 'true' }, `+${more}`) : null);
}

function tools(message, { own, moderates, mode }) {
  if ((!own && !moderates) || message.deleted_at) return null;
  if (mode === 'deleting') {
    return h('div', { class: 'tools asking', role: 'group', 'aria-label': 'Delete this message?' }, h('span', {}, 'Delete?'),
      h('button', { type: 'button', class: 'button danger', 'data-do': 'delete' }, 'Delete'),
      h('button', { type: 'button', class: 'button', 'data-do': 'keep' }, 'Keep'));
  }
  return h('div', { class: 'tools' },
    own && message.type === 'text' ? h('button', { type: 'button', 'data-do': 'edit', 'aria-label': 'Edit message', title: 'Edit' }, icon('edit')) : null,
    h('button', { type: 'button', 'data-do': 'ask-delete', 'aria-label': 'Delete message', title: 'Delete' }, icon('trash')));
}

function editor(message) {
  return h('form', { class: 'editor', 'data-do': 'save' },
    h('textarea', { name: 'text', rows: 2, 'aria-label': 'Edit message' }, String(message.data)),
    h('div', { class: 'actions' }, h('span', { class: 'hint' }, 'Enter saves, Escape cancels'),
      h('button', { type: 'button', class: 'button', 'data-do': 'cancel-edit' }, 'Cancel'),
      h('button', { class: 'button primary' }, 'Save')));
}

function drawNote({ key, note }, reader) {
  return h('article', { class: 'note', 'data-key': key },
    h('header', {}, icon('eye'), h('span', {}, 'Only you can see this'), note.title ? h('code', {}, note.title) : null,
      h('button', { type: 'button', 'data-do': 'dismiss', 'aria-label': 'Dismiss', title: 'Dismiss' }, icon('close'))),
    note.blocks?.length > 0 ? blocksOf(note, { actionable: false, reader }) : h('p', { class: 'text' }, linked(note.text)));
}
