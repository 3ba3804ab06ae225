// What the plugins task, event, place and unfurl show, as the demo has them.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openPair, run } from './demo.mjs';

describe('tasks, events, places, links', () => {
  let page;
  let chen;
  let dora;

  before(async () => {
    [chen, dora, page] = await openPair('chen', 'dora', 'planning');
  });

  after(() => page?.close());

  test('a task is made with a command, taken and done, before the eyes of all', async () => {
    await chen.type('/tas');
    await chen.pane.getByRole('option').filter({ hasText: '/tasks' }).waitFor();
    await chen.field.press('Escape');
    await chen.say(`/task Water the plants ${run} @dora !high by friday 17:00`);
    const [mine, hers] = await Promise.all([chen, dora].map((person) => person.sees(`Water the plants ${run}`)));
    await hers.getByText('high priority').waitFor();
    await hers.getByText('for @dora').waitFor();
    await hers.getByRole('button', { name: 'Start' }).click();
    await mine.getByText('under way').waitFor();
    await hers.getByRole('button', { name: 'Done' }).click();
    await mine.getByRole('button', { name: 'Open again' }).waitFor();
  });

  test('an event gets answers', async () => {
    await dora.say(`/event Standup ${run} friday 09:30-09:45 at the kitchen`);
    const [his, hers] = await Promise.all([chen, dora].map((person) => person.sees(`Standup ${run}`)));
    await his.getByText('09:30–09:45').waitFor();
    await his.getByRole('button', { name: 'I\'ll come' }).click();
    await hers.getByText('@chen').waitFor();
    await chen.say('/calendar');
    await chen.note.filter({ hasText: `Standup ${run}` }).waitFor();
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

  test('a preview stands below its message, and its sender alone can take it away', async () => {
    const buttons = await page.evaluate(async () => {
      const { drawRow } = await import('/view/message.mjs');
      const blocks = [{ type: 'link', url: 'https://example.com/', text: 'An example' }, { type: 'button', text: 'Remove preview', action: 'remove chen' }];
      const message = { id: 'msg_1', seq: 1, from: 'chen', type: 'text', data: 'https://example.com/', attachments: [{ plugin: 'unfurl', blocks }] };
      const row = { kind: 'message', entry: { key: 'msg_1', message }, from: 'chen', ts: new Date().toISOString(), first: true, mode: '', readers: [] };
      return ['chen', 'dora'].map((me) => drawRow({ me, people: new Map() }, row).querySelector('[data-plugin="unfurl"]').innerText);
    });
    assert.match(buttons[0], /An example.*Remove preview/s);
    assert.match(buttons[1], /^An example$/);
  });
});
