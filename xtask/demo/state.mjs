// The demo's memory between starts: which org and app are its own, the app's server key, and how far
// seeding came. One JSON file that only its owner can read, replaced as a whole.

import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { HostError } from './host.mjs';

/** Reads the state, or starts an empty one. `set` writes it before it returns. */
export async function openState(path) {
  let values = await read(path);
  return {
    get: (name) => values[name],
    async set(changes) {
      values = { ...values, ...changes };
      await write(path, values);
    },
    async reset() {
      values = {};
      await write(path, values);
    },
  };
}

async function read(path) {
  let text;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return {};
    throw error;
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new HostError(`${path} is not readable as JSON. Move it away to seed anew.`);
  }
}

async function write(path, values) {
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.new`;
  await writeFile(draft, `${JSON.stringify(values, null, 2)}\n`, { mode: 0o600 });
  await rename(draft, path);
}
