// The small dialogs of a pane: a new poll, a new channel, a direct chat, who is here, an appeal. Each is
// a native modal dialog, which brings the focus handling, in front of its own pane.

import { createChannel, openDirect } from '../state/chat.mjs';
import { send } from '../state/outbox.mjs';
import { isOnline, nameOf, openRoom } from '../state/rooms.mjs';
import { avatar } from './avatar.mjs';
import { h } from './dom.mjs';
import { icon } from './icons.mjs';

const OPTIONS_MIN = 2;
const OPTIONS_MAX = 10;

/** Asks for a question and its answers, and sends them as a poll to the open channel. */
export function askForPoll(chat, pane) {
  const options = h('div', { class: 'poll-options' });
  const more = h('button', { type: 'button', class: 'link', onclick: () => addOption().focus() }, icon('plus'), 'Another answer');

  function addOption() {
    const number = options.children.length + 1;
    const field = h('input', { name: 'option', placeholder: `Answer ${number}`, 'aria-label': `Answer ${number}`, maxlength: 100, required: number <= OPTIONS_MIN, autocomplete: 'off' });
    options.append(field);
    more.hidden = number >= OPTIONS_MAX;
    return field;
  }
  for (let count = 0; count < OPTIONS_MIN; count += 1) addOption();

  openDialog(pane, 'New poll', 'Start the poll', [
    h('label', {}, h('span', {}, 'Question'), h('input', { name: 'question', maxlength: 200, required: true, autofocus: true, autocomplete: 'off' })),
    h('fieldset', {}, h('legend', {}, 'Answers'), options, more),
    h('div', {},
      h('label', { class: 'check' }, h('input', { type: 'checkbox', name: 'multiple' }), 'More than one answer each'),
      h('label', { class: 'check' }, h('input', { type: 'checkbox', name: 'anonymous' }), 'Don’t show who voted for what')),
  ], (form) => {
    const data = {
      question: form.get('question').trim(),
      options: form.getAll('option').map((option) => option.trim()).filter(Boolean),
      multiple: form.has('multiple'),
      anonymous: form.has('anonymous'),
    };
    return send(chat, openRoom(chat), { type: 'poll', data });
  });
}

/** Asks for a name and people, and makes a channel of them. */
export function askForChannel(chat, pane) {
  openDialog(pane, 'New channel', 'Create', [
    h('label', {}, h('span', {}, 'Name'), h('input', { name: 'name', maxlength: 60, required: true, autofocus: true, autocomplete: 'off', placeholder: 'design-review' })),
    h('fieldset', {}, h('legend', {}, 'With'), h('div', { class: 'person-list' }, others(chat).map((person) => h('label', { class: 'person' },
      h('input', { type: 'checkbox', name: 'member', value: person.id }), avatar(person, { size: 'small', online: isOnline(chat, person.id) }), person.name)))),
  ], (form) => createChannel(chat, { name: form.get('name').trim().replace(/^#/, ''), members: form.getAll('member') }));
}

/** Asks for a person, and opens the channel of two. */
export function askForDirect(chat, pane) {
  openDialog(pane, 'New direct chat', 'Open', [
    h('fieldset', {}, h('legend', {}, 'With'), h('div', { class: 'person-list' }, others(chat).map((person, index) => h('label', { class: 'person' },
      h('input', { type: 'radio', name: 'person', value: person.id, required: true, checked: index === 0, autofocus: index === 0 }), avatar(person, { size: 'small', online: isOnline(chat, person.id) }), person.name)))),
  ], (form) => openDirect(chat, form.get('person')));
}

/** Asks what a person should know who looks at a refused message. */
export function askForAppeal(pane, submit) {
  openDialog(pane, 'Ask for review', 'Send it for review', [
    h('p', { class: 'muted' }, 'A person will look at your message. If they let it through, it takes its place in the channel.'),
    h('label', {}, h('span', {}, 'Why it should be sent'), h('input', { name: 'note', maxlength: 300, required: true, autofocus: true, autocomplete: 'off' })),
  ], (form) => submit(form.get('note').trim()));
}

/** Shows who is in the open channel. */
export function showPeople(chat, pane) {
  const { roles } = openRoom(chat);
  const ids = [...roles.keys()].sort((a, b) => Number(isOnline(chat, b)) - Number(isOnline(chat, a)) || nameOf(chat, a).localeCompare(nameOf(chat, b)));
  openDialog(pane, `People (${ids.length})`, undefined, [
    h('ul', { class: 'person-list' }, ids.map((id) => h('li', { class: 'person' },
      avatar({ id, ...chat.people.get(id) }, { size: 'small', online: isOnline(chat, id) }),
      h('span', {}, nameOf(chat, id)),
      h('span', { class: 'role' }, [isOnline(chat, id) ? 'online' : null, roles.get(id) === 'member' ? null : roles.get(id)].filter(Boolean).join(', '))))),
  ]);
}

function others(chat) {
  return chat.directory.filter(({ id }) => id !== chat.me);
}

/** `submit` gets the form's data; what it rejects with is shown, and the dialog stays. */
export function openDialog(pane, title, verb, fields, submit) {
  const fault = h('p', { class: 'fault', role: 'alert', hidden: true });
  const confirm = verb ? h('button', { class: 'button primary' }, verb) : null;
  const form = h('form', { method: 'dialog' },
    h('header', {}, h('h3', {}, title), h('button', { type: 'button', class: 'round', 'aria-label': 'Close', onclick: () => dialog.close() }, icon('close'))),
    h('div', { class: 'fields' }, fields),
    fault,
    verb ? h('footer', {}, h('button', { type: 'button', class: 'button', onclick: () => dialog.close() }, 'Cancel'), confirm) : null);
  const dialog = h('dialog', { class: 'dialog', 'aria-label': title, onclose: () => dialog.remove() }, form);

  dialog.addEventListener('click', (event) => event.target === dialog && dialog.close()); // The backdrop.
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    confirm.disabled = true;
    try {
      await submit(new FormData(form));
      dialog.close();
    } catch (error) {
      fault.textContent = error.message;
      fault.hidden = false;
    } finally {
      confirm.disabled = false;
    }
  });

  const { left, right } = pane.getBoundingClientRect();
  dialog.style.left = `${left}px`;
  dialog.style.right = `${document.documentElement.clientWidth - right}px`;
  pane.append(dialog);
  dialog.showModal();
  return dialog;
}
