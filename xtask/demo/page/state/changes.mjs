// Tells views that something changed: named topics, once per topic and turn of the event loop, however
// many changes there were.

/** @returns {{ on: (topic: string, listener: () => void) => void, touch: (topic: string) => void }} */
export function createChanges() {
  const listeners = new Map();
  const touched = new Set();

  function flush() {
    const topics = [...touched];
    touched.clear();
    for (const topic of topics) for (const listener of listeners.get(topic) ?? []) call(listener);
  }

  return {
    on(topic, listener) {
      listeners.set(topic, [...(listeners.get(topic) ?? []), listener]);
    },
    touch(topic) {
      if (touched.size === 0) queueMicrotask(flush);
      touched.add(topic);
    },
  };
}

/** A view that fails must not keep the others from what they have to show. */
function call(listener) {
  try {
    listener();
  } catch (error) {
    reportError(error);
  }
}
