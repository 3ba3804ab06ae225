// What a thread shows from top to bottom, as data: messages grouped by sender and time, with lines
// between days and before what is new, and read marks at the last message each reader has seen. Pure.

import { fileIdOf } from '../state/files.mjs';
import { entriesOf } from '../state/timeline.mjs';
import { nameOf } from '../state/rooms.mjs';
import { usersIn } from './marks.mjs';
import { dayKeyOf } from './time.mjs';

/** Messages of one sender within this time belong together. */
const GROUP_MS = 5 * 60_000;

/**
 * @typedef {object} Row
 * @property {string} key
 * @property {'start'|'older'|'day'|'new'|'message'|'note'} kind
 * @property {string} signature A row with the same key and signature looks the same.
 */

/** @returns {Row[]} */
export function rowsOf(chat, room, { editing, deleting } = {}) {
  const entries = entriesOf(room.timeline);
  const seen = seenBy(chat, room, entries);
  const role = room.roles.get(chat.me) ?? room.channel.own_role;
  const moderates = room.channel.own_capabilities?.includes('delete-any-message') ?? false;
  const rows = [edgeOf(room)];
  let previous;
  let newShown = false;
  for (const entry of entries) {
    const { ts, from } = headOf(chat, entry);
    if (!previous || dayKeyOf(previous.ts) !== dayKeyOf(ts)) {
      rows.push({ key: `day ${dayKeyOf(ts)}`, kind: 'day', signature: dayKeyOf(ts), ts });
      previous = undefined;
    }
    if (!newShown && isNew(chat, room, entry)) {
      rows.push({ key: 'new', kind: 'new', signature: '' });
      newShown = true;
      previous = undefined;
    }
    const named = namedIn(entry);
    const names = named.map((id) => chat.people.get(id)?.name);
    if (entry.kind === 'note') {
      rows.push({ key: entry.key, kind: 'note', signature: [entry.revision, role, names].join('|'), entry, named, role });
      previous = { ts };
      continue;
    }
    const first = previous?.from !== from || Date.parse(ts) - Date.parse(previous.ts) > GROUP_MS;
    const readers = seen.get(entry) ?? [];
    const mode = modeOf(entry, editing, deleting);
    const link = chat.links.get(fileIdOf(entry.message));
    rows.push({
      key: entry.key,
      kind: 'message',
      signature: [entry.revision, first, mode, moderates, nameOf(chat, from), readers.map((id) => nameOf(chat, id)), link?.url, link?.broken ?? link?.gone, role, names].join('|'),
      entry,
      from,
      ts,
      first,
      mode,
      moderates,
      readers,
      link,
      named,
      role,
    });
    previous = { from, ts };
  }
  return rows;
}

function edgeOf(room) {
  const kind = room.timeline.prev ? 'older' : 'start';
  const state = room.fault ?? (room.timeline.loaded ? '' : 'loading');
  return { key: kind, kind, signature: `${state} ${room.loadingOlder}`, room };
}

function headOf(chat, { kind, message, outgoing, note }) {
  if (kind === 'message') return { from: message.from, ts: message.ts };
  if (kind === 'outgoing') return { from: chat.me, ts: outgoing.ts };
  return { ts: note.ts };
}

function modeOf({ message }, editing, deleting) {
  if (!message) return '';
  return { [deleting]: 'deleting', [editing]: 'editing' }[message.id] ?? '';
}

/** Whom plugins name in what they show. */
function namedIn({ message, note }) {
  return [message?.view, ...(message?.attachments ?? []), note].flatMap((shown) => usersIn(shown?.blocks));
}

function isNew(chat, room, { message }) {
  return room.newAfter !== undefined && message !== undefined && message.seq > room.newAfter && message.from !== chat.me;
}

/** By entry, those for whom it is the last message seen. Nobody is shown at a message of their own. */
function seenBy(chat, room, entries) {
  const stored = entries.filter(({ message }) => message);
  const marks = new Map();
  for (const [reader, read] of room.reads) {
    if (reader === chat.me || read === 0) continue;
    const entry = stored.findLast(({ message }) => message.seq <= read);
    if (entry && entry.message.from !== reader) marks.set(entry, [...(marks.get(entry) ?? []), reader]);
  }
  return marks;
}
