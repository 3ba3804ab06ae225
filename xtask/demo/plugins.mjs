// Puts plugins on the host: uploaded, given what they ask for and the demo's tenant allows, enabled with
// their settings. An install that is already there with the same bytes is left as its tenant has it.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HostError } from './host.mjs';

/** Uploads and enables what is missing or has other bytes than the host's. */
export async function enablePlugins({ app, installs, folder, say }) {
  const { plugins } = await app.call('GET', '/v1/plugins');
  for (const [order, wanted] of installs.entries()) {
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
