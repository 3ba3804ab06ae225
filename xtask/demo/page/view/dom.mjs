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
  if (from.nodeName !== to.nodeName || from.dataset?.key !== to.dataset?.key) {
    from.replaceWith(to);
    return;
  }
  if (from.nodeType !== Node.ELEMENT_NODE) {
    if (from.data !== to.data) from.data = to.data;
    return;
  }
  for (const { name } of [...from.attributes]) if (!to.hasAttribute(name)) from.removeAttribute(name);
  for (const { name, value } of to.attributes) if (from.getAttribute(name) !== value) from.setAttribute(name, value);
  const wanted = [...to.childNodes];
  const present = [...from.childNodes];
  wanted.forEach((child, index) => {
    if (present[index]) morph(present[index], child);
    else from.append(child);
  });
  present.slice(wanted.length).forEach((child) => child.remove());
}

/** Puts `children` into `parent`, morphing what is there. */
export function render(parent, ...children) {
  const to = parent.cloneNode(false);
  to.append(...children.flat(Infinity).filter(Boolean));
  morph(parent, to);
}
