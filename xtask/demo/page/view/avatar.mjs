// A person as a coloured tile with their initials, or their picture. The colour follows from the id, so
// everybody sees the same one.

import { h } from './dom.mjs';

const HUES = 10;

/**
 * @param {import('../client/types.mjs').User} user
 * @param {{ size?: 'small'|'tiny', online?: boolean }} [options] With `online` given, a dot says whether.
 */
export function avatar(user, { size, online } = {}) {
  const classes = ['avatar', `hue-${hueOf(user.id)}`, size].filter(Boolean).join(' ');
  return h('span', { class: classes, 'aria-hidden': 'true' },
    user.image ? h('img', { src: user.image, alt: '' }) : initialsOf(user.name || user.id),
    online === undefined ? null : h('i', { class: online ? 'dot online' : 'dot' }));
}

/** Whose tile has which colour: a number below 10. */
export function hueOf(id) {
  let sum = 7;
  for (const character of id) sum = (sum * 31 + character.codePointAt(0)) % 9973;
  return sum % HUES;
}

function initialsOf(name) {
  const words = name.replace(/[^\p{L}\p{N} ]/gu, ' ').trim().split(/\s+/);
  const letters = words.length > 1 ? [words[0], words.at(-1)].map((word) => [...word][0]) : [...(words[0] || '?')].slice(0, 2);
  return letters.join('').toUpperCase();
}
