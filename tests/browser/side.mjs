// One side of the demo page, as a person who acts on it. Every question waits until it is true.

import assert from 'node:assert/strict';

/** @param {import('playwright-core').Page} page @param {'left'|'right'} name */
export function side(page, name) {
  const pane = page.locator(`.pane.${name}`);
  const field = pane.getByRole('combobox', { name: 'Message', exact: true });
  const messages = pane.locator('.message');

  const self = {
    pane,
    field,
    note: pane.locator('.note'),
    notice: pane.locator('.composer .notice'),
    typing: pane.locator('.typing'),
    state: pane.locator('.state'),
    /** The messages that hold `text`. */
    message: (text) => messages.filter({ hasText: text }),
    button: (label) => pane.getByRole('button', { name: label, exact: true }),
    room: (title) => pane.locator('.room').filter({ has: page.locator('.room-name', { hasText: title }) }),
    async open(title) {
      await self.room(title).click();
      await pane.locator('.title h2').filter({ hasText: title }).waitFor();
      await messages.first().waitFor();
    },
    /** Types key by key, as a person does, without sending. */
    async type(text) {
      await field.click();
      await field.pressSequentially(text);
    },
    async say(text) {
      await field.fill(text);
      await field.press('Enter');
    },
    /** Waits for a message that the host has: not one that is still on its way. */
    async sees(text) {
      const message = self.message(text).and(page.locator('[data-id]'));
      await message.first().waitFor();
      return message.first();
    },
    async seesNo(text) {
      assert.equal(await self.message(text).count(), 0);
    },
  };
  return self;
}
