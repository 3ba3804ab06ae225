// The list above the composer while a slash command is being typed: first the commands, then, behind
// one, ways to go on. A listbox that the textarea controls; the focus never leaves the textarea.

import { complete } from '../state/chat.mjs';
import { openRoom } from '../state/rooms.mjs';
import { h } from './dom.mjs';

const COMPLETE_MS = 120;
let menus = 0;

/** `/name text` taken apart, or null for anything else. `text` is undefined before the first space. */
export function parseCommand(value) {
  const [match, name, text] = /^\/([\w-]*)(?:\s+([^]*))?$/.exec(value) ?? [];
  return match === undefined ? null : { name, text };
}

/**
 * @param {HTMLTextAreaElement} field
 * @param {(value: string) => void} accept Puts a choice into the field.
 */
export function createSlashMenu(chat, field, accept) {
  menus += 1;
  const id = `slash-menu-${menus}`;
  const list = h('ul', { class: 'choices', role: 'listbox', id, 'aria-label': 'Commands', onmousedown: keepFocus, onclick: clicked });
  const help = h('p', { class: 'usage' });
  const element = h('div', { class: 'slash-menu', hidden: true }, list, help);
  let options = []; // { label, detail, value }
  let active = 0;
  let timer;
  let asked = 0;

  for (const [name, value] of [['role', 'combobox'], ['aria-autocomplete', 'list'], ['aria-controls', id], ['aria-expanded', 'false']]) field.setAttribute(name, value);

  /** To be called whenever what is typed has changed. */
  function update() {
    clearTimeout(timer);
    asked += 1; // Answers to earlier questions are stale.
    const typed = parseCommand(field.value);
    if (!typed || !openRoom(chat)) return close();
    if (typed.text === undefined) return show(matching(typed.name), '');
    const command = chat.commands.find(({ name }) => name === typed.name);
    if (!command) return close();
    show(options.filter(({ for: name }) => name === command.name), `/${command.name} ${command.usage}`.trimEnd() + `: ${command.description}`);
    timer = setTimeout(() => ask(command, typed.text), COMPLETE_MS);
    return undefined;
  }

  function matching(prefix) {
    return chat.commands.filter(({ name }) => name.startsWith(prefix.toLowerCase()))
      .map(({ name, usage, description }) => ({ label: `/${name}`, detail: description, usage, value: `/${name} ` }));
  }

  async function ask(command, text) {
    const question = asked;
    const choices = await complete(chat, openRoom(chat), command.name, text.trim()).catch(() => []);
    if (question !== asked) return;
    show(choices.map(({ value, label }) => ({ label, value: `/${command.name} ${value}`, for: command.name })), help.textContent);
  }

  function show(next, words) {
    options = next;
    active = 0;
    help.textContent = words;
    help.hidden = words === '';
    draw();
  }

  function draw() {
    list.replaceChildren(...options.map(({ label, detail, usage }, index) => h('li', { role: 'option', id: `${id}-${index}`, 'data-index': index, 'aria-selected': String(index === active) },
      h('b', {}, label), usage ? h('code', {}, usage) : null, detail ? h('span', {}, detail) : null)));
    list.hidden = options.length === 0;
    element.hidden = options.length === 0 && help.hidden;
    field.setAttribute('aria-expanded', String(options.length > 0));
    if (options.length > 0) field.setAttribute('aria-activedescendant', `${id}-${active}`);
    else field.removeAttribute('aria-activedescendant');
    list.children[active]?.scrollIntoView({ block: 'nearest' });
  }

  function close() {
    clearTimeout(timer);
    asked += 1;
    options = [];
    help.hidden = true;
    draw();
  }

  function choose(index) {
    const { value } = options[index];
    close();
    accept(value);
  }

  function keepFocus(event) { event.preventDefault(); }

  function clicked(event) {
    const option = event.target.closest('[data-index]');
    if (option) choose(Number(option.dataset.index));
  }

  /** Takes the keys that belong to the menu; gives whether this was one. */
  function handleKey(event) {
    if (element.hidden) return false;
    if (event.key === 'Escape') close();
    else if (options.length === 0) return false;
    else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      active = (active + (event.key === 'ArrowDown' ? 1 : options.length - 1)) % options.length;
      draw();
    } else if (event.key === 'Tab' || (event.key === 'Enter' && isUnfinished())) choose(active);
    else return false;
    event.preventDefault();
    return true;
  }

  /** Enter completes a name that isn't whole yet; otherwise it sends. */
  function isUnfinished() {
    const { name, text } = parseCommand(field.value);
    return text === undefined && !chat.commands.some((command) => command.name === name);
  }

  return { element, update, close, handleKey };
}
