// Finds links in what people wrote. Only http and https become links, shown as they were typed; all the
// rest stays text.

import { h } from './dom.mjs';

const CANDIDATE = /https?:\/\/[^\s<>"'`]+/giu;
const TRAILING = /[.,;:!?*_~]+$/u;

/** Text as text nodes and links. */
export function linked(text) {
  const nodes = [];
  let from = 0;
  for (const match of text.matchAll(CANDIDATE)) {
    const written = trim(match[0]);
    const url = parse(written);
    if (!url) continue;
    nodes.push(text.slice(from, match.index), anchor(url, written));
    from = match.index + written.length;
  }
  nodes.push(text.slice(from));
  return nodes;
}

/** A link under another name, or that name alone if the address is none to go to. */
export function link(address, name) {
  const url = parse(address);
  return url ? anchor(url, name) : name;
}

function anchor(url, name) {
  return h('a', { href: url.href, target: '_blank', rel: 'noopener noreferrer nofollow' }, name);
}

/** What ends a sentence, or closes a bracket opened before it, isn't part of the link. */
function trim(candidate) {
  let link = candidate.replace(TRAILING, '');
  while (/[)\]]$/.test(link)) {
    const [open, close] = link.endsWith(')') ? ['(', ')'] : ['[', ']'];
    if (link.split(open).length >= link.split(close).length) break;
    link = link.slice(0, -1).replace(TRAILING, '');
  }
  return link;
}

function parse(written) {
  try {
    const url = new URL(written);
    // A name before an @ is there to be taken for the host.
    return (url.protocol === 'https:' || url.protocol === 'http:') && !url.username ? url : null;
  } catch {
    return null;
  }
}
