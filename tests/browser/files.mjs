// Files: picked, dropped, pasted; shown as what they are; refused in a sentence.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openPair, run } from './demo.mjs';

// One red pixel; a second of silence.
const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8Dwn4EIAAAtWQP9iV7vbwAAAABJRU5ErkJggg==', 'base64');
const WAV = wav(8_000);

describe('files', () => {
  let page;
  let emeka;
  let freya;

  before(async () => {
    [emeka, freya, page] = await openPair('emeka', 'freya', 'random');
  });

  after(() => page?.close());

  test('a picture is picked, sent with a caption, and seen by the other', async () => {
    await pick(emeka, { name: `red-${run}.png`, mimeType: 'image/png', buffer: PNG });
    await emeka.say(`A red one ${run}`);
    const message = await freya.sees(`A red one ${run}`);
    const image = message.getByRole('img', { name: `A red one ${run}` });
    await image.waitFor();
    await page.waitForFunction((element) => element.complete && element.naturalWidth === 1, await image.elementHandle());
    assert.equal(await emeka.pane.getByRole('list', { name: 'Files to send' }).isVisible(), false);
  });

  test('a sound has a player, any other file a row to download it', async () => {
    await pick(emeka, { name: `silence-${run}.wav`, mimeType: 'audio/wav', buffer: WAV }, { name: `notes-${run}.txt`, mimeType: 'text/plain', buffer: Buffer.from(`notes of ${run}`) });
    await emeka.field.press('Enter');
    const player = freya.pane.locator(`audio[aria-label="silence-${run}.wav"]`);
    await player.waitFor();
    await page.waitForFunction((element) => element.duration > 0.9, await player.elementHandle());
    const row = freya.pane.getByRole('link', { name: `notes-${run}.txt` });
    await row.getByText('bytes').waitFor();
    const answer = await page.request.get(await row.getAttribute('href'));
    assert.equal(await answer.text(), `notes of ${run}`);
  });

  test('files are dropped on the thread and pasted into the field, and taken off again', async () => {
    const chips = emeka.pane.getByRole('list', { name: 'Files to send' });
    const carry = (name) => page.evaluateHandle((called) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File(['x'], called, { type: 'text/plain' }));
      return transfer;
    }, name);
    await emeka.pane.locator('.main').dispatchEvent('drop', { dataTransfer: await carry('dropped.txt') });
    await chips.getByText('dropped.txt').waitFor();
    await emeka.field.evaluate((field, clipboardData) => field.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true })), await carry('pasted.txt'));
    await chips.getByText('pasted.txt').waitFor();
    await chips.getByRole('button', { name: 'Remove dropped.txt' }).click();
    await chips.getByText('dropped.txt').waitFor({ state: 'detached' });
    await chips.getByRole('button', { name: 'Remove pasted.txt' }).click();
    await chips.waitFor({ state: 'hidden' });
  });

  test('a file that is too large comes back with a sentence', async () => {
    const input = emeka.pane.getByLabel('Files', { exact: true });
    // Made in the page: it's more than a test may hand to the browser.
    await input.evaluate((element, name) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([new Uint8Array(53 * 1024 * 1024)], name));
      element.files = transfer.files;
      element.dispatchEvent(new Event('change'));
    }, `huge-${run}.bin`);
    await emeka.field.press('Enter');
    await emeka.notice.filter({ hasText: `huge-${run}.bin is larger than a file may be here.` }).waitFor();
    const chips = emeka.pane.getByRole('list', { name: 'Files to send' });
    await chips.getByRole('button', { name: `Remove huge-${run}.bin` }).click();
  });

  test('a caption that is refused brings the file back, too', async () => {
    await pick(freya, { name: `offer-${run}.png`, mimeType: 'image/png', buffer: PNG });
    await freya.say(`a scam in a picture ${run}`);
    await freya.notice.filter({ hasText: 'scam' }).waitFor();
    await freya.pane.getByRole('list', { name: 'Files to send' }).getByText(`offer-${run}.png`).waitFor();
    assert.equal(await freya.field.inputValue(), `a scam in a picture ${run}`);
    await freya.pane.getByRole('button', { name: `Remove offer-${run}.png` }).click();
    await freya.field.fill('');
  });
});

async function pick(person, ...files) {
  await person.pane.getByLabel('Files', { exact: true }).setInputFiles(files);
}

/** So many samples of silence, one second of them. */
function wav(samples) {
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + samples, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20); // PCM
  head.writeUInt16LE(1, 22); // One channel.
  head.writeUInt32LE(samples, 24);
  head.writeUInt32LE(samples, 28);
  head.writeUInt16LE(1, 32);
  head.writeUInt16LE(8, 34);
  head.write('data', 36);
  head.writeUInt32LE(samples, 40);
  return Buffer.concat([head, Buffer.alloc(samples, 128)]);
}
