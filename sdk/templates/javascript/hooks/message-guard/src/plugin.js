// Refuses messages that are all capitals.

import './althing.js';

function judge(ctx, message) {
  if (!isShouted(message.text)) return { tag: 'allow' };
  const rejection = { code: 'shouting', reason: "Please don't shout.", retryAfterMs: null };
  return { tag: 'reject', val: rejection };
}

export const messageGuard = {
  beforeSend: judge,
  // Else an edit would get around it.
  beforeEdit: judge,
  beforeDelete: () => ({ tag: 'allow' }),
};

/** A word of one or two letters may be an abbreviation. */
function isShouted(text) {
  const letters = text.match(/\p{Letter}/gu) ?? [];
  return letters.length > 2 && letters.every((letter) => letter !== letter.toLowerCase());
}
