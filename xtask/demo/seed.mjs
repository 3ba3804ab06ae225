// Fills the demo's app. Every step can be repeated: channels have ids of our own, messages have client
// ids, users are put and not posted. So a crash anywhere is healed by the next start.

import { readFile } from 'node:fs/promises';
import { openApp } from './account.mjs';
import { EXCERPT, readExcerpt } from './excerpt.mjs';
import { installsOf } from './installs.mjs';
import { enablePlugins } from './plugins.mjs';
import { CHANNELS, dateIn, DIRECT, examplesAt, LINES, PEOPLE, POLL, PROFILES, STORIES } from './world.mjs';

const USERS_PER_REQUEST_MAX = 100;
/** How much of #ubuntu the people haven't read yet when a visitor comes. */
const UNREAD = 12;

/** Gives a client for the demo's app, with everything in it. Does only what no earlier start has done. */
export async function seed({ operator, state, settings, say }) {
  if (!state.get('seeded')) say('Seeding the demo: once, up to a minute.');
  const app = await openApp({ operator, state, settings, say });
  const found = state.get('seeded');
  if (!state.get('conversations')) {
    const excerpt = await readExcerpt();
    await addUsers(app, excerpt.nicks, say);
    const direct = await addChannels(app, excerpt.nicks, say);
    await addConversations(app, direct, excerpt.messages, say);
    await state.set({ conversations: true });
  }
  // Before the assistant is there, which greets whoever comes into a channel.
  if (!state.get('examples')) for (const channel of [...CHANNELS, ...PROFILES]) await addChannel(app, { type: 'messaging', ...channel });
  // After the conversations: an old log should arrive as it was said, unmasked and at any speed.
  const timeZone = Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
  const installs = installsOf({ hostUrl: settings.hostUrl, appId: state.get('app_id'), timeZone });
  await enablePlugins({ app, installs, folder: settings.pluginFolder, say });
  if (!state.get('examples')) {
    await addExamples(app, state, timeZone, say);
    await state.set({ examples: true });
  }
  if (!state.get('seeded')) {
    await sendMessage(app, { channel_id: POLL.channel, as: POLL.from, type: 'poll', data: POLL.data, client_id: 'seed-poll' });
    say('  poll      in #general');
    await markRead(app);
    await state.set({ seeded: true });
  }
  await addStories(app, timeZone);
  if (found) say('The demo is seeded already.');
  return app;
}

async function addUsers(app, nicks, say) {
  const users = [...PEOPLE, ...nicks.map((nick) => ({ id: nick, name: nick, custom: { source: 'irc' } }))];
  for (let from = 0; from < users.length; from += USERS_PER_REQUEST_MAX) {
    await app.call('PUT', '/v1/users', { users: users.slice(from, from + USERS_PER_REQUEST_MAX) });
  }
  say(`  users     ${PEOPLE.length} people, ${nicks.length} nicks from the log`);
}

/** Gives the id of the direct channel. */
async function addChannels(app, nicks, say) {
  for (const channel of CHANNELS) {
    const members = channel.id === 'ubuntu' ? [...channel.members, ...nicks] : channel.members;
    await addChannel(app, { type: 'messaging', ...channel, members });
  }
  const direct = await app.call('POST', '/v1/channels/direct', { user_ids: DIRECT }, { idempotencyKey: 'seed-direct' });
  say(`  channels  ${CHANNELS.map(({ name }) => `#${name}`).join(', ')} and a direct one`);
  return direct.id;
}

async function addChannel(app, channel) {
  const path = `/v1/channels/${encodeURIComponent(channel.id)}`;
  if (!(await app.call('GET', path, undefined, { missing: true }))) {
    await app.call('POST', '/v1/channels', channel, { idempotencyKey: `seed-channel-${channel.id}` });
  }
}

async function addConversations(app, direct, excerpt, say) {
  for (const [name, lines] of Object.entries(LINES)) {
    const channel = name === 'direct' ? direct : name;
    for (const [index, [from, text]] of lines.entries()) {
      await sendMessage(app, { channel_id: channel, as: from, type: 'text', data: text, client_id: `seed-${name}-${index + 1}` });
    }
  }
  // One after the other: the log's order is the channel's order.
  for (const [index, { from, text, clientId }] of excerpt.entries()) {
    await sendMessage(app, { channel_id: 'ubuntu', as: from, type: 'text', data: text, client_id: clientId });
    if ((index + 1) % 100 === 0) say(`  messages  ${index + 1} of ${excerpt.length} in #ubuntu`);
  }
  say(`  messages  ${excerpt.length} in #ubuntu, as they were said on 19 January 2007`);
}

/** A start that was cut off does it again: messages are there once, and actions say what shall be. */
async function addExamples(app, state, timeZone, say) {
  // What is due in three days is due three days after the first try, however many there are.
  if (!state.get('examples_at')) await state.set({ examples_at: Date.now() });
  const examples = examplesAt(state.get('examples_at'), timeZone);
  for (const { name, message, actions = [] } of examples) {
    const { id } = await sendMessage(app, { ...message, client_id: `seed-${name}` });
    for (const action of actions) await app.call('POST', `/v1/messages/${id}/actions`, action);
  }
  await addFile(app, state);
  say(`  examples  ${examples.map(({ name }) => name).join(', ')} and a file`);
}

/** The log of #ubuntu as a file of Freya's. An upload can't be repeated, so its id is remembered. */
async function addFile(app, state) {
  if (!state.get('file_id')) {
    const session = await openSession(app, 'freya');
    const { id } = await session.call('POST', '/v1/files?name=ubuntu-2007-01-19.txt', await readFile(EXCERPT), { type: 'text/plain' });
    await state.set({ file_id: id });
  }
  const data = { file_id: state.get('file_id'), text: 'The day of IRC from #ubuntu, as a file.' };
  await sendMessage(app, { channel_id: 'random', as: 'freya', type: 'file', data, client_id: 'seed-file' });
}

/** Once a day, however often the demo starts on it. */
async function addStories(app, timeZone) {
  for (const [index, story] of STORIES.entries()) {
    await sendMessage(app, { ...story, client_id: `seed-story-${dateIn(Date.now(), timeZone)}-${index + 1}` });
  }
}

/** Sent twice, it is stored once: the client id sees to that. */
function sendMessage(app, message) {
  return app.call('POST', '/v1/messages', message);
}

/** The people have read everything but the end of #ubuntu. Only a user can read, so each gets a session. */
async function markRead(app) {
  const { channels } = await app.call('GET', '/v1/channels?limit=100');
  for (const { id: user } of PEOPLE) {
    const session = await openSession(app, user);
    for (const channel of channels.filter(({ type }) => type !== 'direct' || DIRECT.includes(user))) {
      const seq = channel.id === 'ubuntu' ? channel.head - UNREAD : channel.head;
      await session.call('POST', `/v1/channels/${encodeURIComponent(channel.id)}/read`, { seq });
    }
  }
}

async function openSession(app, user) {
  const { token } = await app.call('POST', '/v1/sessions', { user_id: user, expires_in_s: 60 });
  return app.as(token);
}
