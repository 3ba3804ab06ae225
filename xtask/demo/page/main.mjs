// Two people of one app, side by side. The address remembers who they are:
// `?left=ada&right=bruno&channel=general`.

import { createPane } from './view/pane.mjs';

const SIDES = ['left', 'right'];
const address = new URL(location.href);
const panes = {};

start().catch((error) => {
  document.querySelector('.fatal').textContent = `The demo's backend doesn't answer: ${error.message}. Is \`cargo xtask demo\` still running?`;
  document.querySelector('.fatal').hidden = false;
});

async function start() {
  const demo = await (await fetch('/demo.json')).json();
  SIDES.forEach((side, index) => {
    const asked = address.searchParams.get(side);
    const known = demo.people.some(({ id }) => id === asked);
    show(demo, side, known ? asked : demo.people[index].id);
  });
  for (const event of ['online', 'focus']) addEventListener(event, () => SIDES.forEach((side) => panes[side].wake()));
}

function show(demo, side, user) {
  panes[side]?.close();
  address.searchParams.set(side, user);
  if (panes[side]) history.replaceState(null, '', address);
  panes[side] = createPane(document.querySelector(`.pane.${side}`), {
    demo,
    user,
    channel: address.searchParams.get('channel') ?? undefined,
    switchUser: (next) => show(demo, side, next),
  });
  const tab = document.querySelector(`.tabs label.${side} span`);
  tab.textContent = panes[side].me.name;
}
