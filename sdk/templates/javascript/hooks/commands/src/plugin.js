// `/roll 2d6` throws dice.

import { random } from './althing.js';

export const commands = {
  run(ctx, command) {
    const [count, sides] = parse(command.text);
    const { below } = random(ctx);
    const throws = Array.from({ length: count }, () => below(sides) + 1);
    const sum = throws.reduce((sum, thrown) => sum + thrown, 0);
    return { text: `[${throws.join(', ')}] = ${sum}`, blocks: '' };
  },

  complete() {
    return [];
  },
};

/** `2d6` is two dice with six sides; nothing is one. What is thrown, whoever typed it reads. */
function parse(text) {
  const match = /^(\d+)d(\d+)$/.exec(text || '1d6');
  if (!match) throw 'Say how many dice of how many sides: `2d6`.';
  const [count, sides] = match.slice(1).map(Number);
  if (count < 1 || count > 20 || sides < 2 || sides > 1000) {
    throw '1 to 20 dice with 2 to 1000 sides, please.';
  }
  return [count, sides];
}
