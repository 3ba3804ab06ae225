// The browser, and pages of the demo in it. DEMO_URL names the demo (`cargo xtask test` starts one and
// sets it), CHROMIUM the browser.

import assert from 'node:assert/strict';
import { after } from 'node:test';
import { chromium } from 'playwright-core';
import { side } from './side.mjs';

const URL = process.env.DEMO_URL?.replace(/\/$/, '');
const WAIT_MS = 15_000;

/** Runs share the demo's data, so every run has words of its own. */
export const run = Date.now().toString(36);
/** What went wrong in any page, and what its policy stopped. */
export const faults = [];
let browser;

function launch() {
  assert.ok(URL, 'DEMO_URL is not set: start the demo and give its address');
  return chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
}

after(async () => {
  await (await browser)?.close();
});

/** A page with two people, both online: `[left, right, page]`. Whoever opens it closes it, and may say where it is. */
export async function openPair(left, right, channel, { timezoneId, locale } = {}) {
  browser ??= launch();
  const page = await (await browser).newPage({ viewport: { width: 1440, height: 900 }, timezoneId, locale });
  page.setDefaultTimeout(WAIT_MS);
  page.on('pageerror', (error) => faults.push(error.stack));
  page.on('console', (message) => {
    // What the content security policy stops is told only here.
    if (message.type() === 'error' && /Content Security Policy/.test(message.text())) faults.push(message.text());
  });
  return [...(await openUsers(page, left, right, channel)), page];
}

/** Puts two people into a page: `[left, right]`. */
export async function openUsers(page, left, right, channel) {
  await page.goto(`${URL}/?left=${left}&right=${right}&channel=${channel}`);
  const sides = [side(page, 'left'), side(page, 'right')];
  await Promise.all(sides.map(({ state }) => state.filter({ hasText: 'Online' }).waitFor()));
  await Promise.all(sides.map(({ pane }) => pane.locator('.title h2').filter({ hasText: channel }).waitFor()));
  return sides;
}
