// Posts and stories: of those whom one follows, liked, told, seen.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openPair, run } from './demo.mjs';

describe('posts and stories', () => {
  let page;
  let chen;
  let dora;

  before(async () => {
    [chen, dora, page] = await openPair('chen', 'dora', 'general');
    // One after the other: the page has one mouse.
    for (const { pane } of [chen, dora]) {
      await pane.getByRole('button', { name: /^Posts/ }).click();
      await pane.locator('.post').first().waitFor();
    }
  });

  after(() => page?.close());

  const post = ({ pane }, text) => pane.locator('.post').filter({ hasText: text });
  const write = (person, text) => person.pane.getByRole('textbox', { name: 'New post' }).fill(text);

  test('what one posts is shown to a follower, who likes it and takes that back', async () => {
    await write(chen, `The tests are green ${run}`);
    await chen.button('Post').click();
    await post(chen, `The tests are green ${run}`).waitFor();
    await dora.button(/Show what is new/).click();
    await post(dora, `The tests are green ${run}`).getByRole('button', { name: 'Like' }).click();
    await post(chen, `The tests are green ${run}`).getByText('Dóra').waitFor();
    await post(dora, `The tests are green ${run}`).getByRole('button', { name: 'Like, 1 so far', pressed: true }).click();
    await post(chen, `The tests are green ${run}`).getByRole('button', { name: 'Like', exact: true }).waitFor();
  });

  test('further pages come by a button, none twice', async () => {
    // By turns: one who posts all of them would be taken for a flood.
    for (let count = 1; count <= 11; count += 1) {
      const person = count % 2 === 0 ? chen : dora;
      await write(person, `Post ${count} of many ${run}`);
      await person.button('Post').click();
      await post(person, `Post ${count} of many ${run}`).waitFor();
    }
    await chen.button(/Show what is new/).click();
    await post(chen, `Post 11 of many ${run}`).waitFor();
    assert.equal(await post(chen, `Post 1 of many ${run}`).count(), 0);
    await chen.button('More').click();
    await post(chen, `Post 1 of many ${run}`).waitFor();
    const ids = await chen.pane.locator('.post').evaluateAll((posts) => posts.map(({ dataset }) => dataset.id));
    assert.equal(new Set(ids).size, ids.length);
  });

  test('a story is told, opened by a follower, and its teller sees by whom', async () => {
    await write(dora, `On the train ${run}`);
    await dora.button('Tell as a story').click();
    await dora.button('Story of You').waitFor();
    await chen.button(/Show what is new/).click();
    await chen.button('Story of Dóra, new').click();
    const shown = chen.pane.getByRole('dialog', { name: 'Dóra Nagy' });
    await shown.getByText(`On the train ${run}`).waitFor();
    await shown.getByRole('button', { name: 'Close' }).click();
    await chen.button('Story of Dóra').waitFor();

    await dora.button('Story of You').click();
    const own = dora.pane.getByRole('dialog', { name: 'Your story' });
    await own.locator('.told').filter({ hasText: `On the train ${run}` }).getByText('seen by Chen').waitFor();
    await own.getByRole('button', { name: 'Close' }).click();
  });

  test('a post that is refused stays in the form, with the reason', async () => {
    await write(dora, `free crypto for all ${run}`);
    await dora.button('Post').click();
    await dora.pane.locator('.post-form .notice').filter({ hasText: 'scam' }).waitFor();
    assert.equal(await dora.pane.getByRole('textbox', { name: 'New post' }).inputValue(), `free crypto for all ${run}`);
  });

  test('profiles are not among the channels, and a channel is opened from the feed', async () => {
    assert.equal(await dora.room('Freya Dahl').count(), 0);
    await dora.open('planning');
    assert.equal(await dora.pane.locator('.feed').isVisible(), false);
  });
});
