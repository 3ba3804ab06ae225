// The backend of a small SaaS app that uses Althing: it seeds its world once, serves its page, and
// mints session tokens for its users. Everything goes through the public REST API. Node 18 or newer,
// no packages. `cargo xtask demo` starts the host and then this program.

import { readFile } from 'node:fs/promises';
import { connect, HostError, waitForHost } from './host.mjs';
import { seed } from './seed.mjs';
import { openState } from './state.mjs';
import { serve } from './web.mjs';

const settings = readSettings(process.env);
let web;

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, async () => {
    // Seeding can stop anywhere: every step finds what an earlier run has done.
    await web?.close();
    process.exit(0);
  });
}

try {
  await waitForHost(settings.hostUrl);
  const operator = connect(settings.hostUrl, (await readFile(settings.operatorKeyFile, 'utf8')).trim());
  const state = await openState(settings.stateFile);
  const app = await seed({ operator, state, settings, say });
  web = await serve({ app, settings });
  say('');
  say(`The demo is ready: ${settings.origin}`);
  say('Ctrl-C stops it; what was written stays.');
} catch (error) {
  process.stderr.write(`demo: ${explain(error)}\n`);
  process.exit(1);
}

function readSettings(env) {
  const missing = ['ALTHING_URL', 'ALTHING_OPERATOR_KEY_FILE', 'DEMO_STATE', 'DEMO_PLUGINS'].filter((name) => !env[name]);
  if (missing.length > 0) {
    process.stderr.write(`demo: ${missing.join(', ')} not set. Start the demo with \`cargo xtask demo\`.\n`);
    process.exit(2);
  }
  const listen = env.DEMO_LISTEN || '127.0.0.1:7601';
  const [, address, port] = /^(.+):(\d+)$/.exec(listen) ?? [];
  if (!address) {
    process.stderr.write(`demo: DEMO_LISTEN is \`${listen}\`; it must be address:port, such as 127.0.0.1:7601.\n`);
    process.exit(2);
  }
  return {
    hostUrl: env.ALTHING_URL.replace(/\/+$/, ''),
    operatorKeyFile: env.ALTHING_OPERATOR_KEY_FILE,
    stateFile: env.DEMO_STATE,
    pluginFolder: env.DEMO_PLUGINS,
    address,
    port: Number(port),
    origin: `http://${address}:${port}`,
  };
}

function say(line) {
  process.stdout.write(`${line}\n`);
}

function explain(error) {
  if (error instanceof HostError) return error.message;
  if (error.code === 'EADDRINUSE') return `${settings.address}:${settings.port} is in use. Is another demo running? DEMO_LISTEN sets another address.`;
  if (error.code === 'ENOENT') return `${error.path} isn't there.`;
  return error.stack ?? String(error);
}
