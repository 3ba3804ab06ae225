// Asks in a row become one: while the work runs, any number of further asks make it run once more.

/**
 * @param {() => Promise<void>} work Must not reject.
 * @returns {() => Promise<void>} Resolves when work that began at or after the ask is done.
 */
export function coalesce(work) {
  let running;
  let next;

  function run() {
    running = work().finally(() => { running = undefined; });
    return running;
  }

  return () => {
    if (!running) return run();
    next ??= running.then(() => {
      next = undefined;
      return run();
    });
    return next;
  };
}
