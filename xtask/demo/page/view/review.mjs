// The dialog in which a reviewer decides on what waits.

import { decide, loadHeld } from '../state/review.mjs';
import { nameOf } from '../state/rooms.mjs';
import { openDialog } from './dialogs.mjs';
import { h } from './dom.mjs';

/** Shows what waits for review, old to new; what is decided goes from the list, and the last one ends it. */
export async function showReview(chat, pane) {
  await loadHeld(chat);
  if (chat.held.length === 0) return; // Somebody else has decided.
  const list = h('ul', { class: 'held-list' }, chat.held.map((held) => drawHeld(chat, held)));
  const fault = h('p', { class: 'fault', role: 'alert', hidden: true });
  const dialog = openDialog(pane, 'Review', undefined, [list, fault]);

  list.addEventListener('click', async (event) => {
    const button = event.target.closest('[data-approve]');
    if (!button) return;
    const row = button.closest('li');
    const reason = row.querySelector('input').value.trim();
    row.inert = true;
    try {
      await decide(chat, { id: row.dataset.id }, { approve: button.dataset.approve === 'true', reason });
      row.remove();
      if (list.children.length === 0) dialog.close();
    } catch (error) {
      row.inert = false;
      fault.textContent = error.message;
      fault.hidden = false;
    }
  });
}

function drawHeld(chat, { id, channel_id: channel, from, type, data, reason, details, appeal }) {
  const words = typeof data === 'string' ? data : data?.text ?? `A message of type ${type}.`;
  return h('li', { 'data-id': id },
    h('p', {}, h('b', {}, nameOf(chat, from)), h('span', { class: 'muted' }, ` in #${chat.rooms.get(channel)?.channel.name ?? channel}`)),
    h('p', { class: 'held-words' }, words),
    h('p', { class: 'muted' }, details ?? reason),
    appeal ? h('p', {}, `“${appeal}”`) : null,
    h('input', { 'aria-label': 'What its sender is told if you refuse', placeholder: 'What its sender is told if you refuse', maxlength: 300 }),
    h('div', { class: 'actions' },
      h('button', { type: 'button', class: 'button danger', 'data-approve': 'false' }, 'Refuse'),
      h('button', { type: 'button', class: 'button primary', 'data-approve': 'true' }, 'Approve')));
}
