// Making and changing DOM. Text only ever becomes text nodes; nothing here parses HTML.

const SVG = 'http://www.w3.org/2000/svg';

/**
 * Makes an element: `h('button', { class: 'send', onclick: send }, 'Send')`. A property that is
 * null, undefined or false is left out; a function is a listener; children may be nested arrays.
 */
export function h(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** The same for SVG. */
export function svg(tag, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/**
 * Makes `from` look like `to`, keeping what it can: elements stay, so focus, what was typed and running
 * transitions stay too. Listeners of `to` are lost: what is morphed is listened to from above.
 */
export function morph(from, to) {
  if (from.nodeName !== to.nodeName || keyOf(from) !== keyOf(to)) {
    from.replaceWith(to);
    return;
  }
  if (from.nodeType !== Node.ELEMENT_NODE) {
    if (from.data !== to.data) from.data = to.data;
    return;
  }
  for (const { name } of [...from.attributes]) if (!to.hasAttribute(name)) from.removeAttribute(name);
  for (const { name, value } of to.attributes) if (from.getAttribute(name) !== value) from.setAttribute(name, value);
  morphChildren(from, to);
}

// Children with a `data-key` are matched by it, the others in order. What stands in a match's way and
// isn't wanted goes first, so that as little as possible moves: an element that moves loses the focus.
function morphChildren(from, to) {
  const wanted = [...to.childNodes];
  const keys = new Set(wanted.map(keyOf).filter((key) => key !== undefined));
  const keyed = new Map([...from.children].map((child) => [keyOf(child), child]));
  let place = from.firstChild;
  for (const child of wanted) {
    const key = keyOf(child);
    const match = key === undefined ? undefined : keyed.get(key);
    if (match) {
      keyed.delete(key);
      while (place && place !== match && !keys.has(keyOf(place))) place = discard(place);
      if (place === match) place = match.nextSibling;
      else from.insertBefore(match, place);
      morph(match, child);
    } else if (key === undefined && place && keyOf(place) === undefined && place.nodeName === child.nodeName) {
      const next = place.nextSibling;
      morph(place, child);
      place = next;
    } else {
      from.insertBefore(child, place);
    }
  }
  while (place) place = discard(place);
}

function keyOf(node) {
  return node.dataset?.key;
}

function discard(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

/** Puts `children` into `parent`, morphing what is there. */
export function render(parent, ...children) {
  const to = parent.cloneNode(false);
  to.append(...children.flat(Infinity).filter(Boolean));
  morph(parent, to);
}
