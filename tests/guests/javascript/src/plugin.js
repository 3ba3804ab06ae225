// The plugin that there is in every language: here in JavaScript.

import { random, text, utf8 } from './althing.js';
import { get as settings } from 'althing:plugin/config@0.1.0';
import { get, swap } from 'althing:plugin/kv@0.1.0';
import { send } from 'althing:plugin/chat-write@0.1.0';

function judge(ctx, message) {
  console.log(`${ctx.actor} sends ${message.kind}`);
  const { forbidden } = JSON.parse(settings());
  if (message.text === 'trap') throw new Error('as it was told');
  if (message.text === 'hold on') return { tag: 'hold', val: 'Somebody should look at this.' };
  if (message.text.includes(forbidden)) {
    const reason = `No ${forbidden} here.`;
    return { tag: 'reject', val: { code: 'forbidden', reason, retryAfterMs: null } };
  }
  if (message.text.includes('teh')) {
    return { tag: 'change', val: { text: message.text.replaceAll('teh', 'the'), data: null } };
  }
  return { tag: 'allow' };
}

export const messageGuard = {
  beforeSend: judge,
  beforeEdit: judge,
  beforeDelete: () => ({ tag: 'allow' }),
};

export const events = {
  handle(ctx) {
    if (ctx.actorRole === 'plugin') return;
    const scope = { tag: 'user', val: ctx.actor };
    const entry = get(scope, 'said');
    const count = (entry ? Number(text(entry.value)) : 0) + 1;
    swap(scope, 'said', entry?.version ?? null, utf8(String(count)), null);
    if (count % 3 === 0) {
      const body = `${ctx.actor} has said ${count} things.`;
      send(ctx.channel, { kind: 'text', body, blocks: '' });
    }
  },
};

const reply = (text) => ({ text, blocks: '' });

export const commands = {
  run(ctx, command) {
    const [word, rest = ''] = command.text.split(' ');
    switch (word) {
      case 'clock':
        if (Date.now() !== ctx.nowMs) throw `The clock shows ${Date.now()}, not ${ctx.nowMs}.`;
        return reply('The clock shows the time of the call.');
      case 'random':
        if (Math.random() === Math.random()) throw 'These are not random.';
        return reply('Random numbers differ.');
      case 'dice':
        return reply(dice(ctx, rest));
      case 'fail':
        throw 'This always fails.';
      case 'trap':
        // An Error would be no fault here, but the function's error.
        for (;;);
      default:
        throw `I don't know \`${word}\`.`;
    }
  },

  complete(ctx, command) {
    return ['clock', 'random', 'dice', 'fail']
      .filter((word) => word.startsWith(command.text))
      .map((word) => ({ value: word, label: `Probe ${word}` }));
  },
};

function dice(ctx, rest) {
  const match = /^(\d+)d(\d+)$/.exec(rest);
  if (!match) throw 'Say how many dice of how many sides.';
  const { below } = random(ctx);
  const throws = Array.from({ length: Number(match[1]) }, () => below(Number(match[2])) + 1);
  return `[${throws.join(', ')}] = ${throws.reduce((sum, thrown) => sum + thrown, 0)}`;
}

function shown({ title }, count) {
  return { state: JSON.stringify({ count }), view: { text: `${title}: ${count}`, blocks: '' } };
}

export const messageKind = {
  create(ctx, kind, data) {
    const { title } = JSON.parse(data);
    if (typeof title !== 'string') throw 'A tally needs a title.';
    return { data: JSON.stringify({ title }), shown: shown({ title }, 0) };
  },

  act(ctx, kind, data, state, action, value) {
    if (action !== 'add') throw 'There is no such action.';
    const more = JSON.parse(value);
    if (!Number.isInteger(more)) throw 'Say how many.';
    return shown(JSON.parse(data), JSON.parse(state).count + more);
  },
};
