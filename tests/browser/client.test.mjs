// The page's protocol client, its timeline and its presence, without a browser: what they promise about
// order, gaps, reconnects, messages on their way and who is there.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoff } from '../../xtask/demo/page/client/backoff.mjs';
import { createConnection } from '../../xtask/demo/page/client/connection.mjs';
import { createSubscription } from '../../xtask/demo/page/client/subscription.mjs';
import { createTokens } from '../../xtask/demo/page/client/tokens.mjs';
import { applyEvent } from '../../xtask/demo/page/state/events.mjs';
import { createFeed, takePost } from '../../xtask/demo/page/state/feed.mjs';
import { loadParticipants } from '../../xtask/demo/page/state/participants.mjs';
import { createRoom, isOnline } from '../../xtask/demo/page/state/rooms.mjs';
import * as timelines from '../../xtask/demo/page/state/timeline.mjs';

const entry = (seq) => ({ event: 'message.new', channel_id: 'c', seq, data: {} });

/** A subscription to a host whose answers the test gives; `seen` is what came out, in order. */
function follow(answers) {
  const seen = [];
  const asked = [];
  const host = {
    subscribe: async (params) => (asked.push(params), answers.shift()),
    readEvents: async (since, epoch) => (asked.push({ since, epoch }), answers.shift()),
  };
  const subscription = createSubscription('c', host, {
    onEvent: ({ seq, event }) => seen.push(seq ?? event),
    onReset: () => seen.push('reset'),
    onRecovered: (count) => seen.push(`recovered ${count}`),
    onLive: () => seen.push('live'),
  });
  return { subscription, seen, asked };
}

test('events that come before the answer to subscribe are neither lost nor doubled', async () => {
  const { subscription, seen } = follow([{ epoch: 'e', head: 4, recovered: false, events: [] }]);
  const started = subscription.start();
  subscription.receive(entry(4));
  subscription.receive(entry(5));
  await started;
  subscription.receive(entry(5));
  subscription.receive(entry(6));
  assert.deepEqual(seen, [5, 'live', 6]);
});

test('after a reconnect everything since is handed on, once and in order', async () => {
  const { subscription, seen, asked } = follow([
    { epoch: 'e', head: 2, recovered: false, events: [] },
    { epoch: 'e', head: 5, recovered: true, events: [entry(3), entry(4), entry(5)] },
  ]);
  await subscription.start();
  const again = subscription.start();
  subscription.receive(entry(5));
  subscription.receive({ event: 'typing.start', channel_id: 'c', data: {} });
  await again;
  assert.deepEqual(asked[1], { channel_id: 'c', since: 2, epoch: 'e' });
  assert.deepEqual(seen, ['live', 3, 4, 5, 'typing.start', 'recovered 3', 'live']);
});

test('a past that is gone is said, and the new one followed', async () => {
  const { subscription, seen } = follow([
    { epoch: 'old', head: 90, recovered: false, events: [] },
    { epoch: 'new', head: 7, recovered: false, events: [] },
  ]);
  await subscription.start();
  await subscription.start();
  subscription.receive(entry(8));
  assert.deepEqual(seen, ['live', 'reset', 'live', 8]);
});

test('a hole in the numbers is filled before anything after it', async () => {
  const { subscription, seen, asked } = follow([
    { epoch: 'e', head: 1, recovered: false, events: [] },
    { epoch: 'e', head: 4, recovered: true, events: [entry(2), entry(3), entry(4)] },
  ]);
  await subscription.start();
  subscription.receive(entry(4));
  subscription.receive(entry(5));
  await new Promise(setImmediate);
  assert.deepEqual(asked[1], { since: 1, epoch: 'e' });
  assert.deepEqual(seen, ['live', 2, 3, 4, 5]);
});

test('waits grow with the attempts, at random, up to half a minute', () => {
  assert.equal(backoff(1, () => 1), 500);
  assert.equal(backoff(3, () => 1), 2_000);
  assert.equal(backoff(50, () => 1), 30_000);
  assert.equal(backoff(50, () => 0), 0);
});

/** Sockets that answer `connect` as told; the test closes them. */
function fakeSockets(answers) {
  const sockets = [];
  class FakeSocket extends EventTarget {
    readyState = 1;

    constructor() {
      super();
      sockets.push(this);
      queueMicrotask(() => this.dispatchEvent(new Event('open')));
    }

    send(text) {
      const { id, method } = JSON.parse(text);
      const answer = method === 'connect' ? answers.shift() : { result: {} };
      queueMicrotask(() => this.dispatchEvent(new MessageEvent('message', { data: JSON.stringify({ id, ...answer }) })));
    }

    close(code = 1000, reason = '') {
      this.readyState = 3;
      this.dispatchEvent(Object.assign(new Event('close'), { code, reason }));
    }
  }
  return { sockets, WebSocket: FakeSocket };
}

function connect(answers, tokens) {
  const { sockets, WebSocket } = fakeSockets(answers);
  const states = [];
  const waiting = [];
  const connection = createConnection({
    url: 'ws://host/v1/socket',
    tokens: createTokens(async () => tokens.shift()),
    WebSocket,
    onEvent() {},
    onState({ name }) {
      states.push(name);
      for (const wait of waiting.splice(0)) wait();
    },
  });
  const reaches = async (name) => {
    while (connection.state.name !== name) await new Promise((resolve) => waiting.push(resolve));
  };
  return { connection, sockets, states, reaches };
}

const HELLO = { result: { user: { id: 'ada' }, epoch: 'e' } };
const EXPIRED = { error: { code: 'unauthenticated', detail: 'The token has run out.', retryable: false } };

test('a connection that is cut comes back by itself', async () => {
  const { connection, sockets, states, reaches } = connect([HELLO, HELLO], ['t']);
  connection.connect();
  await reaches('online');
  sockets[0].close(3000, 'shutdown');
  await reaches('online');
  connection.disconnect();
  assert.deepEqual(states, ['connecting', 'online', 'waiting', 'connecting', 'online', 'offline']);
});

test('a token that ran out is replaced once; a second refusal is final', async () => {
  const good = connect([EXPIRED, HELLO], ['old', 'new']);
  good.connection.connect();
  await good.reaches('online');
  good.connection.disconnect();

  const bad = connect([EXPIRED, EXPIRED], ['old', 'new']);
  bad.connection.connect();
  await bad.reaches('refused');
  assert.equal(bad.sockets.length, 2);
});

test('a close code from 3500 on means to stay away', async () => {
  const { connection, sockets, reaches } = connect([HELLO], ['t']);
  connection.connect();
  await reaches('online');
  sockets[0].close(3502, 'banned');
  assert.equal(connection.state.name, 'refused');
  assert.equal(connection.state.reason, 'banned');
});

const message = (seq, rest = {}) => ({ id: `msg_${seq}`, seq, from: 'ada', type: 'text', data: `text ${seq}`, ts: '2026-01-01T00:00:00.000Z', ...rest });
const keysOf = (timeline) => timelines.entriesOf(timeline).map(({ key }) => key);

test('a message on its way becomes the stored one, whichever of event and answer is first', () => {
  for (const withClientId of [true, false]) {
    const timeline = timelines.createTimeline();
    timelines.addOutgoing(timeline, { clientId: 'mine', type: 'text', data: 'darn', ts: '2026-01-01T00:00:00.000Z', state: 'sending' });
    timelines.addMessage(timeline, message(1, { data: '****', ...(withClientId ? { client_id: 'mine' } : {}) }));
    timelines.addMessage(timeline, message(1, { data: '****', client_id: 'mine' }));
    const [only, ...others] = timelines.entriesOf(timeline);
    assert.equal(others.length, 0);
    assert.equal(only.message.data, '****');
    assert.deepEqual([only.key, only.sentText], [withClientId ? 'mine' : 'msg_1', 'darn']);
  }
});

test('what is on its way stays last; what failed stays where it failed', () => {
  const timeline = timelines.createTimeline();
  timelines.addHistory(timeline, [message(1)], undefined);
  timelines.addOutgoing(timeline, { clientId: 'mine', type: 'text', data: 'x', ts: '', state: 'sending' });
  timelines.addMessage(timeline, message(2));
  assert.deepEqual(keysOf(timeline), ['msg_1', 'msg_2', 'mine']);
  timelines.changeOutgoing(timeline, 'mine', { state: 'failed' });
  timelines.addMessage(timeline, message(3));
  assert.deepEqual(keysOf(timeline), ['msg_1', 'msg_2', 'mine', 'msg_3']);
});

test('an event about a message is newer than the page of history that brings it', () => {
  const timeline = timelines.createTimeline();
  timelines.changeMessage(timeline, message(1, { data: 'edited', edited_at: '2026-01-01T00:00:01.000Z' }));
  timelines.addHistory(timeline, [message(1)], undefined);
  assert.equal(timelines.entriesOf(timeline)[0].message.data, 'edited');
});

/** Ada's rooms, on a host where Bruno is or isn't in each; it answers when the test says so. */
function presence() {
  const asked = [];
  const rest = () => new Promise((resolve) => asked.push((online) => resolve({ participants: [{ user_id: 'bruno', role: 'member', last_read_seq: 0, online }] })));
  const chat = { me: 'ada', people: new Map(), rooms: new Map(), client: { rest }, touch() {} };
  for (const id of ['general', 'pair']) chat.rooms.set(id, createRoom({ id, head: 0 }, chat.me));
  const tell = (id, online) => applyEvent(chat, chat.rooms.get(id), { event: 'user.presence.changed', data: { user_id: 'bruno', online } });
  return { chat, asked, tell };
}

test('whoever has one channel open is online, though another is closed', async () => {
  const { chat, asked, tell } = presence();
  tell('general', true);
  const loaded = loadParticipants(chat, chat.rooms.get('pair'));
  asked[0](false);
  await loaded;
  assert.equal(isOnline(chat, 'bruno'), true, 'not yet in the new channel of two');
  tell('pair', true);
  tell('pair', false);
  assert.equal(isOnline(chat, 'bruno'), true, 'left one of two');
  tell('general', false);
  assert.equal(isOnline(chat, 'bruno'), false);
});

test('who comes or goes while the participants are asked for is as the event says', async () => {
  for (const comes of [true, false]) {
    const { chat, asked, tell } = presence();
    const room = chat.rooms.get('pair');
    tell('pair', !comes);
    const loaded = loadParticipants(chat, room);
    tell('pair', comes);
    asked[0](!comes);
    await loaded;
    assert.equal(isOnline(chat, 'bruno'), comes);
    // The next answer counts again.
    const again = loadParticipants(chat, room);
    asked[1](!comes);
    await again;
    assert.equal(isOnline(chat, 'bruno'), !comes);
  }
});

test('a post that comes is counted as new, one that changes is not', () => {
  const chat = { me: 'ada', feed: createFeed(), touch() {} };
  const post = (id, rest = {}) => ({ id, type: 'post', from: 'bruno', data: { text: id }, ...rest });
  chat.feed.posts = [post('known')];
  takePost(chat, post('new'), true);
  takePost(chat, post('own', { from: 'ada' }), true);
  takePost(chat, post('gone', { deleted_at: '2026-01-01T00:00:00.000Z', data: null }), true);
  takePost(chat, post('far down', { data: { text: 'liked' } }));
  takePost(chat, post('known', { data: { text: 'liked' } }));
  takePost(chat, { ...post('no post'), type: 'text' }, true);
  assert.equal(chat.feed.fresh, 1);
  assert.deepEqual(chat.feed.posts.map(({ data }) => data.text), ['liked']);
});
