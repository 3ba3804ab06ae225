// The excerpt of a day in #ubuntu: one message per line, `[HH:MM] <nick> text`. ATTRIBUTION.md says
// where it comes from.

import { readFile } from 'node:fs/promises';

/** Where it is. */
export const EXCERPT = new URL('./ubuntu-2007-01-19.txt', import.meta.url);

/** The messages in order, each with a stable `clientId`, and the nicks in order of appearance. */
export async function readExcerpt() {
  const lines = (await readFile(EXCERPT, 'utf8')).split('\n').filter((line) => line !== '');
  const messages = lines.map((line, index) => {
    const [, nick, text] = /^\[\d\d:\d\d\] <([^>]+)> (.+)$/.exec(line) ?? [];
    if (!nick) throw new Error(`${EXCERPT.pathname}:${index + 1} is not a message`);
    return { from: nick, text, clientId: `excerpt-${index + 1}` };
  });
  return { messages, nicks: [...new Set(messages.map(({ from }) => from))] };
}
