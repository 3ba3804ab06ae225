// A list of keyed rows in the DOM. A row with a new signature is morphed in place, so that focus, half
// typed fields and moving bars survive; one with a new key is drawn.

import { morph } from './dom.mjs';

/**
 * @param {HTMLElement} parent Holds the rows and nothing else.
 * @param {(row: { key: string, signature: string }) => HTMLElement} drawRow
 */
export function createRowList(parent, drawRow) {
  const shown = new Map(); // key → { node, signature }

  function draw(rows) {
    const wanted = new Set(rows.map(({ key }) => key));
    for (const [key, { node }] of shown) {
      if (wanted.has(key)) continue;
      node.remove();
      shown.delete(key);
    }
    let place = parent.firstElementChild;
    for (const row of rows) {
      const node = nodeOf(row);
      if (node === place) place = place.nextElementSibling;
      else parent.insertBefore(node, place);
    }
  }

  function nodeOf(row) {
    const known = shown.get(row.key);
    if (!known) {
      const node = drawRow(row);
      shown.set(row.key, { node, signature: row.signature });
      return node;
    }
    if (known.signature !== row.signature) {
      morph(known.node, drawRow(row));
      known.signature = row.signature;
    }
    return known.node;
  }

  return { draw };
}
