// Who is refused asks for a review; the reviewer lets the message through, or refuses it with a sentence.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openPair, run } from './demo.mjs';

describe('appeals and the review', () => {
  let page;
  let ada;
  let hana;

  before(async () => {
    [ada, hana, page] = await openPair('ada', 'hana', 'planning');
  });

  after(() => page?.close());

  test('a refused message is appealed and approved, and takes its place', async () => {
    await appeal(`the scam of the century ${run}`, `It is a film ${run}`);
    const held = await review(`the scam of the century ${run}`);
    await held.getByText(`It is a film ${run}`).waitFor();
    await held.getByText('word list “scams”').waitFor();
    await held.getByRole('button', { name: 'Approve' }).click();
    await held.waitFor({ state: 'detached' });
    await close();
    await ada.sees(`the scam of the century ${run}`);
    await hana.sees(`the scam of the century ${run}`);
    await hana.message(`the scam of the century ${run}`).getByText('A person will look at it').waitFor({ state: 'detached' });
  });

  test('an appeal that is refused comes back with the reviewer’s sentence', async () => {
    await appeal(`one more scam ${run}`, 'Please.');
    const held = await review(`one more scam ${run}`);
    await held.getByRole('textbox').fill(`Not here ${run}`);
    await held.getByRole('button', { name: 'Refuse' }).click();
    await held.waitFor({ state: 'detached' });
    await close();
    const message = hana.message(`one more scam ${run}`);
    await message.getByText(`A reviewer said no: Not here ${run}`).waitFor();
    await message.getByRole('button', { name: 'Discard' }).click();
    await message.waitFor({ state: 'detached' });
    await ada.seesNo(`one more scam ${run}`);
  });

  test('only reviewers see that something waits', async () => {
    const { status } = await page.evaluate(() => fetch('/review?user=hana').then(({ status: code }) => ({ status: code })));
    assert.equal(status, 403);
    assert.equal(await hana.pane.getByRole('button', { name: /^Review/ }).count(), 0);
  });

  async function appeal(words, note) {
    await hana.say(words);
    await hana.notice.getByRole('button', { name: 'Ask for review' }).click();
    const dialog = hana.pane.getByRole('dialog', { name: 'Ask for review' });
    await dialog.getByRole('textbox').fill(note);
    await dialog.getByRole('button', { name: 'Send it for review' }).click();
    await hana.message(words).getByText('A person will look at it').waitFor();
    assert.equal(await hana.field.inputValue(), '');
    assert.equal(await hana.notice.isVisible(), false);
  }

  /** The row of what waits; others may wait, too. */
  async function review(words) {
    const dialog = ada.pane.getByRole('dialog', { name: 'Review' });
    const row = dialog.locator('li').filter({ hasText: words });
    await ada.pane.getByRole('button', { name: /^Review \(\d+\)/ }).click();
    return row;
  }

  /** Closes the list of what waits, if others still do. */
  async function close() {
    await page.keyboard.press('Escape');
  }
});
