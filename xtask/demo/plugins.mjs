// The three plugins of the demo: uploaded, given what they ask for and this page expects, enabled with
// a configuration. An install that is already there with the same bytes is left as its tenant has it.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HostError } from './host.mjs';

/** In the order in which guards see a message. `grants` is the most that each may get. */
export const PLUGINS = [
  {
    name: 'moderation',
    grants: ['counters'],
    on_fault: 'open',
    config: {
      words: [
        { name: 'mild words', words: ['darn', 'dang', 'heck'], action: 'mask' },
        { name: 'scams', words: ['scam', 'free crypto', 'wire transfer'], action: 'reject', reason: 'Offers that smell of a scam are not sent here.' },
        { name: 'to look at', words: ['lottery'], action: 'hold' },
      ],
      links: 'allow_listed',
      link_domains: ['ubuntu.com', 'wikipedia.org', 'github.com', 'example.com'],
      link_action: 'reject',
      flood_messages: 12,
      flood_seconds: 10,
      // Owners are often exempt; here everybody should see what moderation does.
      exempt: ['server'],
    },
  },
  {
    name: 'assistant',
    grants: ['kv', 'timers', 'chat-read', 'chat-write', 'counters', 'http'],
    on_fault: 'open',
    config: {
      greeting: 'Welcome to {channel}, {name}! /help says what I can do.',
      answers: [
        {
          question: 'What is Althing?',
          answer: 'A chat host that you run yourself. One binary gives every app on it messaging, presence and history, over REST and one WebSocket.',
          keywords: ['chat host', 'about'],
        },
        {
          question: 'What is a plugin?',
          answer: 'A WebAssembly component that a tenant enables for an app. It runs in a sandbox, sees only what it was granted, and nothing it does can hurt the host or another tenant.',
          keywords: ['wasm', 'component', 'sandbox', 'extension'],
        },
        {
          question: 'Can a message get lost?',
          answer: 'Not once it is acknowledged: it is on disk by then. A client that was away names the last number it saw and gets everything since, or is told plainly that it must load anew.',
          keywords: ['durable', 'crash', 'reconnect', 'offline'],
        },
        {
          question: 'Which database does it need?',
          answer: 'None of yours to begin with: SQLite in one folder. Postgres, NATS and S3 come in when one machine is not enough, with the same binary.',
          keywords: ['sqlite', 'postgres', 'scale', 'storage'],
        },
        {
          question: 'Where does the name come from?',
          answer: 'The althing was the assembly of old Iceland: everyone met in one place, and what was said there counted.',
          keywords: ['norse', 'iceland', 'why althing'],
        },
      ],
    },
  },
  { name: 'poll', grants: ['chat-write', 'timers'], on_fault: 'closed', config: {} },
];

/** Uploads and enables what is missing or has other bytes than the host's. */
export async function enablePlugins({ app, folder, say }) {
  const { plugins } = await app.call('GET', '/v1/plugins');
  for (const [order, wanted] of PLUGINS.entries()) {
    const bytes = await readComponent(folder, wanted.name);
    const digest = createHash('sha256').update(bytes).digest('hex');
    const { install } = plugins.find(({ name }) => name === wanted.name) ?? {};
    if (install?.digest === digest && install.enabled) continue;
    const uploaded = await app.call('POST', '/v1/plugins', bytes, { type: 'application/wasm' });
    const { grants, refused } = decide(uploaded.permissions, wanted.grants);
    await app.call('PUT', `/v1/plugins/${wanted.name}`, {
      digest: uploaded.digest,
      enabled: true,
      grants,
      config: wanted.config,
      order,
      on_fault: wanted.on_fault,
    });
    say(`  plugin    ${uploaded.name} ${uploaded.version}, ${Math.ceil(bytes.length / 1024)} KiB, granted ${grants.join(', ') || 'nothing'}`);
    for (const { name, reason } of refused) say(`            not granted: ${name} (${reason})`);
  }
}

function decide(permissions, allowed) {
  return {
    grants: permissions.map(({ name }) => name).filter((name) => allowed.includes(name)),
    refused: permissions.filter(({ name }) => !allowed.includes(name)),
  };
}

async function readComponent(folder, name) {
  const path = join(folder, `${name}.wasm`);
  try {
    return await readFile(path);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    throw new HostError(`${path} isn't there. \`cargo xtask demo\` builds the plugins.`);
  }
}
