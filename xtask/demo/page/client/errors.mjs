// The one error of the client. Its code is the host's, or one of ours: `disconnected`, `timeout`.

/** A request that didn't succeed. `message` is fit to show to a person. */
export class AlthingError extends Error {
  /**
   * @param {{ code: string, detail: string, status?: number, retryable?: boolean, retryAfterMs?: number,
   *   appealable?: boolean }} fault
   */
  constructor({ code, detail, status = 0, retryable = false, retryAfterMs, appealable = false }) {
    super(detail);
    this.name = 'AlthingError';
    /** Stable, for programs. */
    this.code = code;
    /** The HTTP status, or 0 if the answer came by socket or not at all. */
    this.status = status;
    /** Whether the same request may succeed later. */
    this.retryable = retryable;
    this.retryAfterMs = retryAfterMs;
    /** Whether the sender may ask a person to look at the refused message. */
    this.appealable = appealable;
  }
}

/** The connection went away before the answer came: the request may or may not have been done. */
export function disconnected() {
  return new AlthingError({ code: 'disconnected', detail: 'The connection was lost.', retryable: true });
}

/** No answer within `ms` milliseconds. */
export function timedOut(ms) {
  return new AlthingError({ code: 'timeout', detail: `No answer within ${Math.round(ms / 1000)} s.`, retryable: true });
}
