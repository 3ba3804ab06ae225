// What marks make of a block's words: people by their names, times on the reader's own clock and in the
// reader's language. And for whom a control is. docs/blocks.md has the rules.

import { h } from './dom.mjs';
import { linked } from './links.mjs';
import { dateOf, dateTimeOf, fullTimeOf, timeOf } from './time.mjs';

/**
 * @typedef {object} Reader
 * @property {string} me
 * @property {string} [role] In the channel.
 * @property {(id: string) => string | undefined} nameOf A person's name, if it is known.
 */

const ROLES = ['member', 'admin', 'owner'];
const SHOWN = { date: dateOf, time: timeOf, date_time: dateTimeOf };
/** The end of the year 9999. */
const AT_MAX = 253_402_300_799_999;
const INSIDE_A_WORD = '[\\p{L}\\p{N}_-]';

/** Words as text nodes, links, names and times. */
export function marked(words, marks, reader) {
  return split(words, marks, reader).map((piece) => (typeof piece === 'string' ? linked(piece) : piece.draw()));
}

/** The same as text alone, for where nothing else can be. */
export function markedText(words, marks, reader) {
  return split(words, marks, reader).map((piece) => piece.shown ?? piece).join('');
}

/** Whether a button, menu or field is for this reader. */
export function isFor({ for: whom }, { me, role }) {
  if (whom === undefined || whom === null) return true;
  const least = ROLES.indexOf(whom.role);
  return (Array.isArray(whom.users) && whom.users.includes(me)) || (least >= 0 && ROLES.indexOf(role) >= least);
}

/** Who is named in marks. */
export function usersIn(blocks) {
  return (Array.isArray(blocks) ? blocks : []).flatMap((block) => [
    ...listOf(block?.marks).map((mark) => mark?.user).filter((user) => typeof user === 'string'),
    ...usersIn(block?.blocks),
  ]);
}

function split(words, marks, reader) {
  const known = new Map();
  for (const mark of listOf(marks)) {
    const stands = typeof mark?.text === 'string' && mark.text !== '' && standsFor(mark, reader);
    if (stands && !known.has(mark.text)) known.set(mark.text, stands);
  }
  if (known.size === 0) return [words];
  // Where several begin the longest comes first, and none begins or ends inside a word.
  const pieces = [...known.keys()].sort((a, b) => b.length - a.length).map(escape);
  const found = new RegExp(`(?<!${INSIDE_A_WORD})(${pieces.join('|')})(?!${INSIDE_A_WORD})`, 'u');
  return words.split(found).map((piece, at) => (at % 2 === 1 ? known.get(piece) : piece));
}

function standsFor({ user, at, show = 'date_time' }, { nameOf }) {
  if (typeof user === 'string') {
    const shown = nameOf(user);
    return shown ? { shown, draw: () => h('span', { class: 'person', title: user }, shown) } : undefined;
  }
  if (!Number.isInteger(at) || at < 0 || at > AT_MAX || !Object.hasOwn(SHOWN, show)) return undefined;
  const shown = SHOWN[show](at);
  return { shown, draw: () => h('time', { datetime: new Date(at).toISOString(), title: fullTimeOf(at) }, shown) };
}

function listOf(marks) {
  return Array.isArray(marks) ? marks : [];
}

function escape(piece) {
  return piece.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
