// Declarative views as plugins send them: an array of blocks, drawn with the page's own elements. A
// block of an unknown type is left out; if nothing is left, the view's plain text is shown.
//
// What can be pressed carries `data-do` with `data-action` and `data-value` (JSON), and is listened to
// by the thread; `data-key` keeps it in place when the view changes around it. Nothing of a plugin is
// ever markup, style or script.

import { h } from './dom.mjs';
import { linked, link } from './links.mjs';
import { mapOf } from './map.mjs';

/**
 * Draws a view.
 * @param {import('../client/types.mjs').View} view
 * @param {{ actionable: boolean }} options Whether its controls can be used: those of an answer to a
 *   command belong to no message, so they can't.
 */
export function blocksOf(view, options) {
  const drawn = drawAll(view.blocks, options);
  return h('div', { class: 'blocks' }, drawn.length > 0 ? drawn : h('p', { class: 'block-text' }, linked(view.text ?? '')));
}

function drawAll(blocks, options) {
  return (blocks ?? []).map((block, index) => draw[block?.type]?.(block, options, index)).filter(Boolean);
}

const draw = {
  text({ text, style }) {
    if (style === 'heading') return h('h4', { class: 'block-heading' }, String(text));
    return h('p', { class: style === 'muted' || style === 'strong' ? `block-text ${style}` : 'block-text' }, linked(String(text)));
  },
  divider: () => h('hr'),
  image: ({ url, alt }) => (/^(https?:\/\/|\/)/i.test(url) ? h('img', { class: 'block-image', src: url, alt: alt ?? '', loading: 'lazy', referrerpolicy: 'no-referrer' }) : null),
  link: ({ url, text }) => h('p', { class: 'block-text strong' }, link(String(url), String(text))),
  button({ text, action, value, style }, { actionable }) {
    const classes = ['button', style === 'primary' || style === 'danger' ? style : null].filter(Boolean).join(' ');
    return h('button', { type: 'button', class: classes, disabled: !actionable, 'data-key': `button ${action} ${JSON.stringify(value)}`, 'data-do': 'act', ...press(action, value) }, String(text));
  },
  select(block, { actionable }, index) {
    return block.multiple ? checks(block, actionable, index) : menu(block, actionable);
  },
  input({ action, label, placeholder, submit }, { actionable }) {
    return h('form', { class: 'block-input', 'data-key': `input ${action}`, 'data-do': 'enter', ...press(action) },
      h('label', {}, h('span', { class: 'block-label' }, String(label)),
        h('input', { name: 'value', placeholder: placeholder ?? '', maxlength: 1000, required: true, disabled: !actionable, autocomplete: 'off' })),
      h('button', { class: 'button', disabled: !actionable }, String(submit ?? 'Send')));
  },
  list: ({ items }) => h('ul', { class: 'block-list' }, (items ?? []).map((item) => h('li', {}, linked(String(item))))),
  map: mapOf,
  progress({ text, value, detail }) {
    const share = Math.min(1, Math.max(0, Number(value) || 0));
    return h('label', { class: 'block-progress', 'data-key': `progress ${text}` },
      h('span', { class: 'block-progress-text' }, String(text)),
      h('span', { class: 'block-progress-detail' }, String(detail ?? `${Math.round(share * 100)} %`)),
      h('progress', { max: 1, value: share }));
  },
  row({ blocks }, options) {
    const drawn = drawAll(blocks, options);
    return h('div', { class: 'block-row', 'data-key': `row ${drawn.map(({ dataset }) => dataset.key).join()}` }, drawn);
  },
};

function menu({ action, placeholder, options }, actionable) {
  const label = placeholder ?? 'Choose';
  return h('select', { class: 'block-select', 'data-key': `select ${action}`, 'aria-label': label, disabled: !actionable, 'data-do': 'choose', ...press(action) },
    h('option', { value: '', selected: true }, label),
    (options ?? []).map(({ text, value }) => h('option', { value: JSON.stringify(value ?? null) }, String(text))));
}

function checks({ action, placeholder, options }, actionable, index) {
  return h('form', { class: 'block-checks', 'data-key': `select ${action}`, 'data-do': 'check', ...press(action) },
    h('fieldset', { disabled: !actionable },
      h('legend', { class: 'block-label' }, placeholder ?? 'Choose any'),
      (options ?? []).map(({ text, value }) => h('label', { class: 'check' },
        h('input', { type: 'checkbox', name: `choice-${index}`, value: JSON.stringify(value ?? null) }), String(text))),
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
