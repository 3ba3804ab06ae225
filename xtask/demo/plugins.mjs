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
    grants: ['chat-read', 'chat-write', 'kv'],
    on_fault: 'open',
    config: {
      greeting: 'Hello {name}, welcome to the demo. Ask me about Althing with /ask.',
      faq: [
        { ask: ['what is althing', 'althing'], answer: 'Althing is a chat host that you run yourself: one binary gives every app on it messaging, presence and history over REST and WebSocket.' },
        { ask: ['what is a plugin', 'plugin', 'webassembly', 'wasm'], answer: 'A plugin is a WebAssembly component. It runs in a sandbox, sees only what the tenant has granted, and a fault in it never reaches the host.' },
        { ask: ['lost messages', 'durable', 'crash', 'reconnect'], answer: 'A message is acknowledged once it is on disk. A client that comes back names the last number it saw and gets everything since.' },
        { ask: ['name', 'why althing'], answer: 'The althing was the assembly of old Iceland: everyone met in one place, and what was said there counted.' },
        { ask: ['database', 'scale', 'postgres'], answer: 'SQLite in one folder to begin with. Postgres, NATS and object storage when one machine is not enough; the binary is the same.' },
      ],
    },
  },
  { name: 'poll', grants: [], on_fault: 'closed', config: {} },
];

/** Uploads and enables what is missing or has other bytes than the host's. */
export async function enablePlugins({ app, folder, say }) {
  const { plugins } = await app.call('GET', '/v1/plugins');
  for (const [order, wanted] of PLUGINS.entries()) {
    const bytes = await readComponent(folder, wanted.name);
    const digest = createHash('sha256').update(bytes).digest('hex');
    const installed = plugins.find(({ name }) => name === wanted.name);
    if (installed?.digest?.endsWith(digest) && installed.enabled) continue;
    const uploaded = await app.call('POST', '/v1/plugins', bytes, { type: 'application/wasm', idempotencyKey: `plugin-${digest}` });
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
