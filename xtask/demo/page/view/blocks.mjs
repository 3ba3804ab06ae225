// Declarative views as plugins send them: an array of blocks, drawn with the page's own elements. A
// block of an unknown type is left out; if nothing is left, the view's plain text is shown.
//
// What can be pressed carries `data-do` with `data-action` and `data-value` (JSON), and is listened to
// by the thread; `data-key` keeps it in place when the view changes around it. Nothing of a plugin is
// ever markup, style or script.

import { h } from './dom.mjs';
import { linked, link } from './links.mjs';
import { isFor, marked, markedText } from './marks.mjs';
import { mapOf } from './map.mjs';

/**
 * Draws a view.
 * @param {import('../client/types.mjs').View} view
 * @param {{ actionable: boolean, reader: import('./marks.mjs').Reader }} options Whether its controls can be
 *   used: those of an answer to a command belong to no message, so they can't. And who reads it.
 */
export function blocksOf(view, options) {
  const drawn = drawAll(view.blocks, options);
  return h('div', { class: 'blocks' }, drawn.length > 0 ? drawn : h('p', { class: 'block-text' }, linked(view.text ?? '')));
}

function drawAll(blocks, options) {
  const drawn = (blocks ?? []).map((block, index) => draw[block?.type]?.(block, options, index)).filter(Boolean);
  while (drawn.at(-1)?.tagName === 'HR') drawn.pop(); // What it stood before is for others.
  return drawn;
}

const draw = {
  text({ text, style, marks }, { reader }) {
    const words = marked(String(text), marks, reader);
    if (style === 'heading') return h('h4', { class: 'block-heading' }, words);
    return h('p', { class: style === 'muted' || style === 'strong' ? `block-text ${style}` : 'block-text' }, words);
  },
  divider: () => h('hr'),
  image: ({ url, alt }) => (/^(https?:\/\/|\/)/i.test(url) ? h('img', { class: 'block-image', src: url, alt: alt ?? '', loading: 'lazy', referrerpolicy: 'no-referrer' }) : null),
  link: ({ url, text, marks }, { reader }) => h('p', { class: 'block-text strong' }, link(String(url), markedText(String(text), marks, reader))),
  button(block, { actionable, reader }) {
    const { text, action, value, style, marks } = block;
    if (!isFor(block, reader)) return null;
    const classes = ['button', style === 'primary' || style === 'danger' ? style : null].filter(Boolean).join(' ');
    return h('button', { type: 'button', class: classes, disabled: !actionable, 'data-key': `button ${action} ${JSON.stringify(value)}`, 'data-do': 'act', ...press(action, value) }, markedText(String(text), marks, reader));
  },
  select(block, options, index) {
    if (!isFor(block, options.reader)) return null;
    return block.multiple ? checks(block, options, index) : menu(block, options);
  },
  input(block, { actionable, reader }) {
    const { action, label, placeholder, submit, marks } = block;
    if (!isFor(block, reader)) return null;
    return h('form', { class: 'block-input', 'data-key': `input ${action}`, 'data-do': 'enter', ...press(action) },
      h('label', {}, h('span', { class: 'block-label' }, marked(String(label), marks, reader)),
        h('input', { name: 'value', placeholder: markedText(String(placeholder ?? ''), marks, reader), maxlength: 1000, required: true, disabled: !actionable, autocomplete: 'off' })),
      h('button', { class: 'button', disabled: !actionable }, markedText(String(submit ?? 'Send'), marks, reader)));
  },
  list: ({ items, marks }, { reader }) => h('ul', { class: 'block-list' }, (items ?? []).map((item) => h('li', {}, marked(String(item), marks, reader)))),
  map: ({ label, marks, ...place }, { reader }) => mapOf({ ...place, label: label ? marked(String(label), marks, reader) : null }),
  progress({ text, value, detail, marks }, { reader }) {
    const share = Math.min(1, Math.max(0, Number(value) || 0));
    return h('label', { class: 'block-progress', 'data-key': `progress ${text}` },
      h('span', { class: 'block-progress-text' }, marked(String(text), marks, reader)),
      h('span', { class: 'block-progress-detail' }, marked(String(detail ?? `${Math.round(share * 100)} %`), marks, reader)),
      h('progress', { max: 1, value: share }));
  },
  row({ blocks }, options) {
    const drawn = drawAll(blocks, options);
    if (drawn.length === 0) return null;
    return h('div', { class: 'block-row', 'data-key': `row ${drawn.map(({ dataset }) => dataset.key).join()}` }, drawn);
  },
};

function menu({ action, placeholder, options, marks }, { actionable, reader }) {
  const label = markedText(String(placeholder ?? 'Choose'), marks, reader);
  return h('select', { class: 'block-select', 'data-key': `select ${action}`, 'aria-label': label, disabled: !actionable, 'data-do': 'choose', ...press(action) },
    h('option', { value: '', selected: true }, label),
    (options ?? []).map(({ text, value }) => h('option', { value: JSON.stringify(value ?? null) }, markedText(String(text), marks, reader))));
}

function checks({ action, placeholder, options, marks }, { actionable, reader }, index) {
  return h('form', { class: 'block-checks', 'data-key': `select ${action}`, 'data-do': 'check', ...press(action) },
    h('fieldset', { disabled: !actionable },
      h('legend', { class: 'block-label' }, marked(String(placeholder ?? 'Choose any'), marks, reader)),
      (options ?? []).map(({ text, value }) => h('label', { class: 'check' },
        h('input', { type: 'checkbox', name: `choice-${index}`, value: JSON.stringify(value ?? null) }), marked(String(text), marks, reader))),
      h('button', { class: 'button' }, 'Save')));
}

function press(action, value) {
  return { 'data-action': String(action), 'data-value': JSON.stringify(value ?? null) };
}

/** The value that a control sends: that of a button, a menu, a field, or all that are ticked. */
export function valueOf(control) {
  if (control.dataset.do === 'act') return JSON.parse(control.dataset.value);
  if (control.dataset.do === 'choose') return JSON.parse(control.value);
  if (control.dataset.do === 'enter') return control.elements.value.value;
  return [...control.querySelectorAll(':checked')].map(({ value }) => JSON.parse(value));
}
