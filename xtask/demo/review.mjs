// The review queue, for the demo's reviewers. The host gives it to the app's backend alone, with the
// server key; who of its users decides is the app's own affair.

const SHOWN_MAX = 100;

/**
 * `GET /review`: what waits, old to new. `POST /review/{id}` with `{ approve: true }` lets a message
 * through; otherwise it is dropped, with `reason` for its sender if there is one.
 */
export async function answerReview(app, { method, pathname, body }) {
  if (method === 'GET' && pathname === '/review') {
    const { held } = await app.call('GET', `/v1/held?limit=${SHOWN_MAX}`);
    return { status: 200, answer: { held } };
  }
  const [, id] = /^\/review\/(hld_[0-9a-f]+)$/.exec(pathname) ?? [];
  if (method !== 'POST' || !id) return { status: 404, answer: { detail: 'no such page' } };
  if (typeof body?.approve !== 'boolean') return { status: 422, answer: { detail: 'approve: true or false' } };
  if (body.approve) await app.call('POST', `/v1/held/${id}/approve`);
  else await app.call('POST', `/v1/held/${id}/reject`, body.reason ? { reason: String(body.reason) } : {});
  return { status: 200, answer: {} };
}
