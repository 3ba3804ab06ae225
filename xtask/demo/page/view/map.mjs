// A map without a map service: a tile with the lines of the grid, a pin, and a link to where there are
// streets. Nothing is asked of anybody until the reader follows the link.

import { h, svg } from './dom.mjs';

const WIDTH = 400;
const HEIGHT = 150;
/** A line of the grid every 0.01 degrees, this far apart: so a pin that moves is seen to move. */
const STEP = 0.01;
const STEP_PX = 60;
const METRES_PER_STEP = 1_113;

/** Draws a `map` block, with what its label shows; nothing if there is no such place. */
export function mapOf({ latitude, longitude, label, accuracy_m: accuracy }) {
  if (!(Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180)) return null;
  const place = `${Math.abs(latitude)}° ${latitude < 0 ? 'S' : 'N'}, ${Math.abs(longitude)}° ${longitude < 0 ? 'W' : 'E'}`;
  const url = `https://www.openstreetmap.org/?mlat=${latitude}&mlon=${longitude}#map=15/${latitude}/${longitude}`;
  const [x, y] = [WIDTH / 2, HEIGHT / 2 + 12];
  return h('figure', { class: 'block-map' },
    svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': `A pin at ${place}`, preserveAspectRatio: 'xMidYMid slice' },
      lines(x - offset(longitude), WIDTH, (at) => `M${at} 0V${HEIGHT}`),
      lines(y + offset(latitude), HEIGHT, (at) => `M0 ${at}H${WIDTH}`),
      accuracy > 0 ? svg('circle', { class: 'map-accuracy', cx: x, cy: y, r: Math.min(HEIGHT, (accuracy / METRES_PER_STEP) * STEP_PX).toFixed(1) }) : null,
      svg('path', { class: 'map-pin', d: `M${x} ${y}c-7-9-11-14-11-20a11 11 0 0 1 22 0c0 6-4 11-11 20z` }),
      svg('circle', { class: 'map-eye', cx: x, cy: y - 20, r: 4 })),
    h('figcaption', {}, label ? h('b', {}, label) : null,
      h('a', { href: url, target: '_blank', rel: 'noopener noreferrer nofollow' }, 'Open in OpenStreetMap')));
}

/** How far beyond a line of the grid a coordinate is. */
function offset(degrees) {
  return (((degrees % STEP) + STEP) % STEP) * (STEP_PX / STEP);
}

function lines(through, end, path) {
  const first = ((through % STEP_PX) + STEP_PX) % STEP_PX;
  const places = Array.from({ length: Math.ceil(end / STEP_PX) + 1 }, (_, index) => first + index * STEP_PX).filter((at) => at <= end);
  return svg('path', { class: 'map-grid', d: places.map((at) => path(at.toFixed(1))).join('') });
}
