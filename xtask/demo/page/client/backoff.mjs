// When to try again: full jitter, so that many clients that lost one host don't return as one.

const FIRST_MS = 250;
const LAST_MS = 30_000;

/**
 * How long to wait before attempt `attempt` (from 1), in milliseconds: random between nothing and a
 * ceiling that doubles up to 30 s.
 * @param {number} attempt
 * @param {() => number} [random] From 0 up to 1.
 */
export function backoff(attempt, random = Math.random) {
  const ceiling = Math.min(LAST_MS, FIRST_MS * 2 ** Math.min(attempt, 10));
  return Math.round(random() * ceiling);
}
