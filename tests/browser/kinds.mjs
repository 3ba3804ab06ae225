// What the plugins task, event, place and unfurl show, as the demo has them.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openPair, run } from './demo.mjs';

describe('tasks, events, places, links', () => {
  let page;
  let chen;
  let dora;

  before(async () => {
    // Far from where the demo's plugins have their clocks.
    [chen, dora, page] = await openPair('chen', 'dora', 'planning', { timezoneId: 'Pacific/Apia', locale: 'en-GB' });
  });

  after(() => page?.close());

  test('a task is made with a command, taken and done, before the eyes of all', async () => {
    await chen.type('/tas');
    await chen.pane.getByRole('option').filter({ hasText: '/tasks' }).waitFor();
    await chen.field.press('Escape');
    await chen.say(`/task Water the plants ${run} @dora !high by friday 17:00`);
    const [mine, hers] = await Promise.all([chen, dora].map((person) => person.sees(`Water the plants ${run}`)));
    await hers.getByText('high priority').waitFor();
    await hers.getByText('for Dóra Nagy · by Chen Wei').waitFor();
    assert.equal(await hers.getByText('Dóra Nagy', { exact: true }).getAttribute('title'), 'dora');
    await isHere(hers.locator('time[title]').last(), { weekday: 'short', day: 'numeric', month: 'short' });
    await hers.getByRole('button', { name: 'Start' }).click();
    await mine.getByText('under way').waitFor();
    await hers.getByRole('button', { name: 'Done' }).click();
    await mine.getByRole('button', { name: 'Open again' }).waitFor();
    assert.equal(await mine.locator('hr').count(), 1);
  });

  test('buttons are shown to those whose they are', async () => {
    await dora.say(`/task Sweep the stairs ${run}`);
    const [his, hers] = await Promise.all([chen, dora].map((person) => person.sees(`Sweep the stairs ${run}`)));
    await hers.getByRole('button', { name: 'Done' }).waitFor();
    await his.getByRole('button', { name: 'Take' }).waitFor();
    assert.equal(await his.getByRole('button', { name: 'Done' }).count(), 0);
    await hers.getByRole('button', { name: 'Done' }).click();
    await his.getByText('done').waitFor();
    assert.equal(await his.locator('button, hr').count(), 0);
    await hers.getByRole('button', { name: 'Open again' }).click();
    await his.getByRole('button', { name: 'Take' }).click();
    await his.getByRole('button', { name: 'Done' }).waitFor();
  });

  test('an event gets answers', async () => {
    await dora.say(`/event Standup ${run} friday 09:30-09:45 at the kitchen`);
    const [his, hers] = await Promise.all([chen, dora].map((person) => person.sees(`Standup ${run}`)));
    const [begin, end] = [0, 1].map((at) => his.locator('.block-text time').nth(at));
    await isHere(begin, { hour: '2-digit', minute: '2-digit' });
    await isHere(end, { hour: '2-digit', minute: '2-digit' });
    const minutes = (time) => time.getAttribute('datetime').then((at) => Date.parse(at) / 60_000);
    assert.equal((await minutes(end)) - (await minutes(begin)), 15);
    assert.doesNotMatch(await his.innerText(), /09:30|UTC/);
    await his.getByRole('button', { name: 'I\'ll come' }).click();
    await hers.getByText('1 comes: Chen Wei').waitFor();
    await chen.say('/calendar');
    const coming = chen.note.getByRole('listitem').filter({ hasText: `Standup ${run}` });
    await isHere(coming.locator('time'), { hour: '2-digit', minute: '2-digit' });
  });

  test('marks are found as the guide says', async () => {
    const shown = await page.evaluate(async () => {
      const { blocksOf } = await import('/view/blocks.mjs');
      const names = { ada: 'Ada', 'ada ko': 'Ada Ko', bo: '<b>@ada</b>' };
      const reader = { me: 'ada', nameOf: (id) => names[id] };
      const user = (id) => ({ text: `@${id}`, user: id });
      const at = Date.UTC(2020, 0, 2, 12);
      const marks = [user('ada'), user('ada ko'), user('bo'), user('gone'), { text: '@ada', user: 'bo' }, { text: '', user: 'ada' },
        { text: 'noon', at, show: 'date' }, { text: 'tea', at, show: 'week' }, { text: 'end', at: 1e15 }, null, 'x', { text: 'a.c', user: 'ada' }];
      return ['@ada, @ada', 'x@ada @adam @ada-b @ada_c @adaé', '@ada ko and (@ada).', '@bo', '@gone', 'noon tea end', 'abc a.c'].map((text) =>
        blocksOf({ blocks: [{ type: 'text', text, marks }] }, { actionable: true, reader }).textContent);
    });
    assert.deepEqual(shown, ['Ada, Ada', 'x@ada @adam @ada-b @ada_c @adaé', 'Ada Ko and (Ada).', '<b>@ada</b>', '@gone', '3 Jan 2020 tea end', 'abc Ada']);
  });

  test('a place is a map that asks nobody', async () => {
    const asked = [];
    page.on('request', (request) => asked.push(request.url()));
    await chen.say(`/here 52.52,-13.405 Office ${run}`);
    const place = await dora.sees(`Office ${run}`);
    await place.getByRole('img', { name: 'A pin at 52.52° N, 13.405° W' }).waitFor();
    const link = place.getByRole('link', { name: 'Open in OpenStreetMap' });
    assert.match(await link.getAttribute('href'), /mlat=52\.52&mlon=-13\.405/);
    assert.deepEqual(asked.filter((url) => !/^(blob|data|http:\/\/(127\.0\.0\.1|localhost)[:/])/.test(url)), []);
  });

  test('the demo begins with one of each', async () => {
    await dora.open('planning');
    await dora.sees('Order the catering');
    await dora.sees('Team lunch');
    await dora.sees('Þingvellir');
    await chen.open('random');
    await chen.sees('https://en.wikipedia.org/wiki/Althing');
  });

  test('a link is sent whether or not its page can be had', async () => {
    for (const person of [chen, dora]) await person.open('random'); // The page has one mouse.
    await dora.say(`see https://example.com/${run}`);
    const message = await chen.sees(`https://example.com/${run}`);
    await message.getByRole('link', { name: `https://example.com/${run}` }).waitFor();
    assert.equal(await dora.notice.isVisible(), false);
  });

  test('a preview stands below its message, and who may take it away sees how', async () => {
    const buttons = await page.evaluate(async () => {
      const { drawRow } = await import('/view/message.mjs');
      const remove = { type: 'button', text: 'Remove preview', action: 'remove chen', for: { users: ['chen'] } };
      const blocks = [{ type: 'link', url: 'https://example.com/', text: 'An example' }, remove];
      const hide = { type: 'button', text: 'Hide', action: 'hide', for: { role: 'admin' } };
      const attachments = [{ plugin: 'unfurl', blocks: [...blocks, hide] }];
      const message = { id: 'msg_1', seq: 1, from: 'chen', type: 'text', data: 'https://example.com/', attachments };
      const row = { kind: 'message', entry: { key: 'msg_1', message }, from: 'chen', ts: new Date().toISOString(), first: true, mode: '', readers: [] };
      return [['chen', 'member'], ['dora', 'member'], ['dora', 'owner'], ['dora', undefined]].map(([me, role]) =>
        [...drawRow({ me, people: new Map() }, { ...row, role }).querySelectorAll('[data-plugin="unfurl"] button')].map(({ textContent }) => textContent));
    });
    assert.deepEqual(buttons, [['Remove preview'], [], ['Hide'], []]);
  });
});

/** Waits until a time is shown as it is on the page's own clock. */
async function isHere(time, parts) {
  await time.first().waitFor();
  const at = new Date(await time.getAttribute('datetime'));
  const shown = new Intl.DateTimeFormat('en-GB', { timeZone: 'Pacific/Apia', ...parts }).format(at);
  assert.ok((await time.innerText()).includes(shown), `${await time.innerText()} has ${shown}`);
}
