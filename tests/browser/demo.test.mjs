// The demo page against a running demo: two people talk, vote, ask, are moderated, lose the connection.
// What plugins, files, posts and reviews have to show is in the files that this one takes in: one process
// drives one browser, one test after the other. Nothing sleeps; it may run any number of times on one demo.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import './feed.mjs';
import './files.mjs';
import './kinds.mjs';
import './review.mjs';
import { faults, openPair, openUsers, run } from './demo.mjs';

let page;
let ada;
let bruno;

before(async () => {
  [ada, bruno, page] = await openPair('ada', 'bruno', 'general');
});

after(() => page?.close());

test('what one writes arrives at the other, and is marked as read', async () => {
  await ada.say(`hello from ada ${run}`);
  await bruno.sees(`hello from ada ${run}`);
  await bruno.say(`hello from bruno ${run}`);
  await ada.sees(`hello from bruno ${run}`);
  await bruno.message(`hello from bruno ${run}`).locator('.seen').filter({ hasText: 'Ada' }).waitFor({ state: 'attached' });
});

test('the other sees that one is typing, until the message is there', async () => {
  await bruno.type(`typed ${run}`);
  await ada.typing.filter({ hasText: 'Bruno is typing' }).waitFor();
  await bruno.field.press('Enter');
  await ada.sees(`typed ${run}`);
  await ada.typing.filter({ hasText: 'typing' }).waitFor({ state: 'detached' });
});

test('an edit and a deletion reach the other side', async () => {
  await ada.say(`first draft ${run}`);
  await bruno.sees(`first draft ${run}`);
  await ada.sees(`first draft ${run}`);
  await ada.field.press('ArrowUp');
  await ada.pane.getByRole('textbox', { name: 'Edit message' }).fill(`second draft ${run}`);
  await ada.pane.getByRole('textbox', { name: 'Edit message' }).press('Enter');
  const edited = await bruno.sees(`second draft ${run}`);
  await edited.getByText('edited').waitFor();
  await bruno.seesNo(`first draft ${run}`);

  const id = await edited.getAttribute('data-id');
  const own = await ada.sees(`second draft ${run}`);
  await own.hover();
  await own.getByRole('button', { name: 'Delete message' }).click();
  await own.getByRole('button', { name: 'Delete', exact: true }).click();
  await bruno.pane.locator(`[data-id="${id}"]`).getByText('Message deleted').waitFor();
});

test('a poll is made in the dialog, and a vote changes both sides', async () => {
  await ada.button('New poll').click();
  const dialog = ada.pane.getByRole('dialog', { name: 'New poll' });
  await dialog.getByRole('textbox', { name: 'Question' }).fill(`Lunch ${run}?`);
  await dialog.getByRole('textbox', { name: 'Answer 1' }).fill('Soup');
  await dialog.getByRole('textbox', { name: 'Answer 2' }).fill('Salad');
  await dialog.getByRole('button', { name: 'Start the poll' }).click();
  await dialog.waitFor({ state: 'detached' });

  const polls = await Promise.all([ada, bruno].map((person) => person.sees(`Lunch ${run}?`)));
  for (const poll of polls) assert.equal(await barOf(poll, 'Soup'), 0);
  // Bruno didn't ask, and doesn't run the channel.
  const closes = polls.map((poll) => poll.getByRole('button', { name: 'Close poll' }).count());
  assert.deepEqual(await Promise.all(closes), [1, 0]);
  await voteFor(polls[1], 'Soup');
  await Promise.all(polls.map((poll) => barReaches(poll, 'Soup', 1)));
  await voteFor(polls[0], 'Salad');
  await Promise.all(polls.map((poll) => barReaches(poll, 'Soup', 0.5)));
  await Promise.all(polls.map((poll) => barReaches(poll, 'Salad', 0.5)));
});

test('the assistant answers /ask to the one who asked, and to nobody else', async () => {
  await ada.type('/as');
  await ada.pane.getByRole('option').filter({ hasText: '/ask' }).waitFor();
  await ada.field.press('Tab');
  assert.equal(await ada.field.inputValue(), '/ask ');
  await ada.say('/ask what is a plugin');
  const answer = ada.note.filter({ hasText: 'Only you can see this' }).filter({ hasText: 'WebAssembly' });
  await answer.waitFor();
  assert.equal(await bruno.note.count(), 0);
  await answer.getByRole('button', { name: 'Dismiss' }).click();
  await answer.waitFor({ state: 'detached' });
});

test('a masked word arrives masked, and its sender is told', async () => {
  await ada.say(`well darn ${run}`);
  const masked = await bruno.sees(new RegExp(`well \\S+ ${run}`));
  assert.doesNotMatch(await masked.innerText(), /darn/);
  const own = await ada.sees(new RegExp(`well \\S+ ${run}`));
  await own.getByText('changed by a plugin').waitFor();
});

test('a message that a person has to look at waits, and only its sender sees it', async () => {
  await ada.say(`lottery night ${run}`);
  await ada.message(`lottery night ${run}`).getByText('Waiting for review').waitFor();
  await ada.say(`after the lot ${run}`);
  await bruno.sees(`after the lot ${run}`);
  await bruno.seesNo(`lottery night ${run}`);

  await ada.button(/^Review \(\d+\)/).click();
  const held = ada.pane.getByRole('dialog', { name: 'Review' }).locator('li').filter({ hasText: `lottery night ${run}` });
  await held.getByRole('button', { name: 'Refuse' }).click();
  await ada.message(`lottery night ${run}`).getByText('A reviewer said no').waitFor();
  await held.waitFor({ state: 'detached' });
  await page.keyboard.press('Escape'); // If others still wait.
});

test('a refused message comes back with the reason', async () => {
  await bruno.say(`a scam ${run}`);
  await bruno.notice.waitFor();
  assert.ok((await bruno.notice.innerText()).length > 10, 'the reason is a sentence');
  assert.equal(await bruno.field.inputValue(), `a scam ${run}`);
  await bruno.seesNo(`a scam ${run}`);
  await bruno.field.fill('');
  // Whatever Ada gets after this, she got everything before it.
  await bruno.say(`an offer ${run}`);
  await ada.sees(`an offer ${run}`);
  await ada.seesNo(`a scam ${run}`);
});

test('a lost connection loses nothing in either direction', async () => {
  await ada.button('Cut the connection').click();
  await ada.state.filter({ hasText: 'Unplugged' }).waitFor();
  await bruno.say(`while you were away ${run}`);
  await bruno.sees(`while you were away ${run}`);
  await ada.say(`written in the dark ${run}`);
  await ada.message(`written in the dark ${run}`).and(page.locator('.sending')).waitFor();
  await ada.seesNo(`while you were away ${run}`);
  await ada.button('Connect').click();
  await ada.sees(`while you were away ${run}`);
  await ada.sees(`written in the dark ${run}`);
  await bruno.sees(`written in the dark ${run}`);
  assert.equal(await bruno.message(`written in the dark ${run}`).count(), 1, 'sent once');
});

test('scrolling up brings older messages, and the place is kept', async () => {
  await bruno.open('ubuntu');
  const first = bruno.pane.locator('.message').first();
  const key = await first.getAttribute('data-key');
  const before = bruno.pane.locator(`[data-key="${key}"]`);
  await bruno.pane.locator('.scroller').evaluate((scroller) => { scroller.scrollTop = 0; });
  const { y } = await before.boundingBox();
  await page.waitForFunction((known) => document.querySelector('.pane.right .message').dataset.key !== known, key);
  assert.ok(Math.abs((await before.boundingBox()).y - y) < 4, 'the message that was on top is where it was');
});

test('in a new direct chat the other is online from the beginning', async () => {
  // Two who have none yet, the first time this runs. The other's side learns of it only seconds later.
  await openUsers(page, 'goran', 'hana', 'general');
  const goran = ada.pane;
  await goran.getByRole('button', { name: /2 online/ }).waitFor();
  await ada.button('New direct chat').click();
  const dialog = goran.getByRole('dialog', { name: 'New direct chat' });
  await dialog.getByText('Hana Suzuki').click();
  await dialog.getByRole('button', { name: 'Open' }).click();
  await goran.locator('.title h2').filter({ hasText: 'Hana Suzuki' }).waitFor();
  assert.equal(await goran.locator('.title .about').innerText(), 'online');
  await ada.room('Hana Suzuki').locator('.dot.online').waitFor();
});

test('the page had no errors, and nothing that its policy stops', () => {
  assert.deepEqual(faults, []);
});

function answerOf(poll, answer) {
  return poll.locator('.block-row').filter({ hasText: answer });
}

async function barOf(poll, answer) {
  return answerOf(poll, answer).locator('progress').evaluate(({ value }) => value);
}

async function voteFor(poll, answer) {
  await answerOf(poll, answer).getByRole('button').click();
}

async function barReaches(poll, answer, share) {
  const bar = await answerOf(poll, answer).locator('progress').elementHandle();
  await poll.page().waitForFunction(([element, value]) => Math.abs(element.value - value) < 0.01, [bar, share]);
}
