// Files in messages: pictures as large as there is room for, films and sounds to play, all else as a row
// to download. What the browser can't show is a row, too. No listeners: the thread hears of what fails.

import { h } from './dom.mjs';
import { icon } from './icons.mjs';
import { linked } from './links.mjs';

const UNITS = ['KB', 'MB', 'GB', 'TB'];

/**
 * Draws a message that shows a file, with its caption below.
 * @param {import('../client/types.mjs').Message} message
 * @param {{ url?: string, broken?: boolean, gone?: boolean, loading?: boolean }} [link] See state/files.mjs.
 * @param {HTMLElement[]} marks What stands behind the caption.
 */
export function drawFile({ type, data }, link, marks) {
  const shown = draw[link?.url && !link.broken ? type : 'file'](data, link);
  return h('div', { class: 'file' }, shown, data.text ? h('p', { class: 'text' }, linked(data.text), marks) : marks);
}

const draw = {
  image: ({ file_id: id, name, text }, { url }) => h('a', { class: 'file-image', href: url, target: '_blank', rel: 'noopener' },
    h('img', { src: url, alt: text || name, 'data-file': id })),
  video: ({ file_id: id, name }, { url }) => h('video', { class: 'file-video', src: url, controls: true, preload: 'metadata', 'aria-label': name, 'data-file': id }),
  audio: ({ file_id: id, name }, { url }) => h('audio', { class: 'file-audio', src: url, controls: true, preload: 'metadata', 'aria-label': name, 'data-file': id }),
  file({ name, bytes }, link) {
    const words = [icon('file'), h('b', {}, name || 'File'), h('small', {}, link?.gone ? 'removed' : sizeOf(bytes))];
    return link?.url
      ? h('a', { class: 'file-row', href: link.url, target: '_blank', rel: 'noopener', download: name }, words)
      : h('span', { class: 'file-row' }, words);
  },
};

/** 640 bytes, 20 KB, 1.4 MB. */
export function sizeOf(bytes) {
  if (bytes < 1_000) return bytes === 1 ? '1 byte' : `${bytes} bytes`;
  let size = bytes;
  let unit = -1;
  while (size >= 999.5 && unit < UNITS.length - 1) {
    size /= 1_000;
    unit += 1;
  }
  return `${size < 10 ? size.toFixed(1) : Math.round(size)} ${UNITS[unit]}`;
}
