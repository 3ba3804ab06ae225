// What QuickJS lacks and plugins want. Import it before anything that prints.

import { log } from 'althing:plugin/log@0.1.0';

const print = (level) => (...parts) => log(level, parts.map(String).join(' '));

/** Prints into the plugin's log. */
globalThis.console ??= {
  debug: print('debug'),
  log: print('info'),
  info: print('info'),
  warn: print('warn'),
  error: print('error'),
};

const MASK = (1n << 64n) - 1n;

/**
 * Random numbers from the seed of a call, good for choices and not for secrets. `Math.random()` gives
 * the same numbers in every call: it began when the component was built.
 * @param {{ seed: number }} ctx the context of the call
 * @returns {{ below(end: number): number }} `below` gives a whole number from 0 up to but not
 *   including `end`
 */
export function random(ctx) {
  let state = BigInt(ctx.seed);
  // SplitMix64, as in the SDKs of the other languages.
  function next() {
    state = (state + 0x9e3779b97f4a7c15n) & MASK;
    let bits = state;
    bits = ((bits ^ (bits >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
    bits = ((bits ^ (bits >> 27n)) * 0x94d049bb133111ebn) & MASK;
    return bits ^ (bits >> 31n);
  }
  return { below: (end) => Number((next() * BigInt(end)) >> 64n) };
}

/** The bytes of a text, for `kv`. */
export function utf8(text) {
  const escaped = encodeURIComponent(text);
  return Uint8Array.from(
    escaped.replace(/%(..)/g, (_, hex) => String.fromCharCode(parseInt(hex, 16))),
    (byte) => byte.charCodeAt(0),
  );
}

/** The text of bytes from `kv`; throws if they are no UTF-8. */
export function text(bytes) {
  const escaped = Array.from(bytes, (byte) => '%' + byte.toString(16).padStart(2, '0'));
  return decodeURIComponent(escaped.join(''));
}
