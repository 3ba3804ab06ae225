// What waits for review, for those who decide. The host tells it to the app's backend alone, so it is
// asked for there, now and then.

const REVIEW_MS = 5_000;

/** Keeps `chat.held` as it is on the host, until the function it gives is called. */
export function watchReview(chat) {
  loadHeld(chat);
  const timer = setInterval(() => loadHeld(chat), REVIEW_MS);
  return () => clearInterval(timer);
}

/** Lets a message through, or drops it: with a sentence for its sender, or none. */
export async function decide(chat, { id }, { approve, reason }) {
  try {
    await ask(chat, 'POST', `/${id}`, { approve, ...(reason ? { reason } : {}) });
  } finally {
    await loadHeld(chat); // Somebody else may have decided.
  }
}

/** Asks what waits now. If that fails, it is as it was. */
export async function loadHeld(chat) {
  try {
    ({ held: chat.held } = await ask(chat, 'GET', ''));
  } catch {
    return; // The next time is soon.
  }
  chat.touch('review');
}

async function ask(chat, method, path, body) {
  const response = await fetch(`/review${path}?user=${encodeURIComponent(chat.me)}`, {
    method,
    headers: body ? { 'content-type': 'application/json' } : {},
    body: body ? JSON.stringify(body) : undefined,
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.detail);
  return answer;
}
