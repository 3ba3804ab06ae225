// The demo's org and app on the host. Made once and remembered; made again only if the host doesn't
// know them any more, because its data folder is a new one.

import { randomUUID } from 'node:crypto';
import { connect } from './host.mjs';

/** A client with the app's server key. Forgets the old app's state if the host has forgotten it. */
export async function openApp({ operator, state, settings, say }) {
  const known = state.get('server_key');
  if (known) {
    const app = connect(operator.url, known);
    if (await accepts(app)) return app;
    say('The host has a new data folder: seeding anew.');
    await state.reset();
  }
  // The keys of idempotency are written before they are used, so that a crash between the request and
  // the answer makes no second org.
  if (!state.get('attempt')) await state.set({ attempt: randomUUID() });
  if (!state.get('org_id')) {
    const { org } = await operator.call('POST', '/v1/orgs', { name: 'Demo', email: 'demo@example.com' }, { idempotencyKey: `${state.get('attempt')}-org` });
    await state.set({ org_id: org.id });
    say(`  org       ${org.id}`);
  }
  const { app, key } = await createApp(operator, state, settings);
  await state.set({ app_id: app.id, server_key: key });
  say(`  app       ${app.id}, opened to ${settings.origin}`);
  return connect(operator.url, key);
}

async function createApp(operator, state, settings) {
  const body = { name: 'Demo', allowed_origins: origins(settings) };
  const path = `/v1/orgs/${state.get('org_id')}/apps`;
  const made = await operator.call('POST', path, body, { idempotencyKey: `${state.get('attempt')}-app` });
  if (made.key) return made;
  // Keys are shown once. If the answer was lost and the host doesn't repeat it, this app can't be used.
  return operator.call('POST', path, body, { idempotencyKey: randomUUID() });
}

/** A loopback address has two names in a browser. */
function origins({ origin, address, port }) {
  return address === '127.0.0.1' ? [origin, `http://localhost:${port}`] : [origin];
}

async function accepts(app) {
  try {
    await app.call('GET', '/v1/users?limit=1');
    return true;
  } catch (error) {
    if (error.status === 401 || error.status === 403) return false;
    throw error;
  }
}
