// The icons: outlines of 20 by 20 in the colour of the text. Each is decoration; what holds it has the
// words.

import { svg } from './dom.mjs';

const PATHS = {
  plus: 'M10 4.5v11M4.5 10h11',
  close: 'M5.5 5.5l9 9M14.5 5.5l-9 9',
  send: 'M4 10l12-6-4.2 12-2.3-4.9z M9.5 11.1L16 4',
  poll: 'M4.5 16V9.5M10 16V4M15.5 16v-4.5',
  edit: 'M4.5 15.5l.7-3.2 8-8a1.4 1.4 0 0 1 2 0l.5.5a1.4 1.4 0 0 1 0 2l-8 8z',
  trash: 'M4.5 6h11M8 6V4.2h4V6M6 6l.6 9.8h6.8L14 6',
  plug: 'M7.5 3.5v3.7M12.5 3.5v3.7M5.5 7.2h9v2.6a4.5 4.5 0 0 1-9 0zM10 14.3v2.5',
  people: 'M7.6 9.6a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6zM2.8 16c.3-2.6 2.3-4.2 4.8-4.2s4.5 1.6 4.8 4.2M12.6 4.3a2.7 2.7 0 0 1 0 5M14.4 12.2c1.6.6 2.6 2 2.8 3.8',
  menu: 'M3.5 5.5h13M3.5 10h13M3.5 14.5h13',
  eye: 'M3 3l14 14M8.2 8.3a2.5 2.5 0 0 0 3.5 3.5M5.4 5.6C3.7 6.7 2.6 8.3 2 10c1.2 3.3 4.4 5.5 8 5.5 1.5 0 2.9-.4 4.1-1M8.3 4.7A8.5 8.5 0 0 1 10 4.5c3.6 0 6.8 2.2 8 5.5-.4 1.1-1 2.1-1.8 3',
  clock: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM10 6v4.2l2.7 1.6',
  warning: 'M10 3.5l7.3 12.8H2.7zM10 8.3v3.7M10 14.2v.1',
  down: 'M10 4.5v11M5.5 11l4.5 4.5 4.5-4.5',
  clip: 'M15.5 9.3l-5.6 5.6a3.4 3.4 0 0 1-4.8-4.8l5.9-5.9a2.3 2.3 0 0 1 3.2 3.2l-5.8 5.8a1.1 1.1 0 0 1-1.6-1.6l5.2-5.2',
  file: 'M5.5 3.5h5.8l3.2 3.2v9.8h-9zM11.2 3.6v3.2h3.2',
  posts: 'M4 4.5h12v11H4zM6.8 8h6.4M6.8 10.5h6.4M6.8 13h3.6',
  heart: 'M10 16S3.6 12.3 3.6 8a3.3 3.3 0 0 1 6.4-1.2A3.3 3.3 0 0 1 16.4 8c0 4.3-6.4 8-6.4 8z',
  shield: 'M10 3l6 2.2v4.3c0 3.7-2.5 6.3-6 7.5-3.5-1.2-6-3.8-6-7.5V5.2z',
};

/** An icon by name. */
export function icon(name) {
  return svg('svg', { class: 'icon', viewBox: '0 0 20 20', 'aria-hidden': 'true', focusable: 'false' }, svg('path', { d: PATHS[name] }));
}
