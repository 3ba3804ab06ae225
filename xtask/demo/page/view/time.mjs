// Times as people read them, in the browser's own language and zone.

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });
const dated = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long', year: 'numeric' });
const short = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const near = { weekday: 'short', day: 'numeric', month: 'short' };
const far = { day: 'numeric', month: 'short', year: 'numeric' };
const moment = { hour: '2-digit', minute: '2-digit' };
const dates = { near: new Intl.DateTimeFormat(undefined, near), far: new Intl.DateTimeFormat(undefined, far) };
const moments = { near: new Intl.DateTimeFormat(undefined, { ...near, ...moment }), far: new Intl.DateTimeFormat(undefined, { ...far, ...moment }) };
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });

/** 14:05 */
export const timeOf = (ts) => clock.format(new Date(ts));

/** The same without AM or PM, where there is no room. */
export const tightTimeOf = (ts) => clock.formatToParts(new Date(ts)).filter(({ type }) => type !== 'dayPeriod').map(({ value }) => value).join('').trim();

/** Fri 4 Dec, or in another year 4 Dec 2020. */
export const dateOf = (ts) => dates[reachOf(ts)].format(new Date(ts));

/** The same with the time. */
export const dateTimeOf = (ts) => moments[reachOf(ts)].format(new Date(ts));

/** All of it, for a tooltip. */
export const fullTimeOf = (ts) => full.format(new Date(ts));

/** A key that is the same for all of a day. */
export const dayKeyOf = (ts) => new Date(ts).toDateString();

/** Today, Yesterday, Friday, 20 November, or with the year. */
export function dayOf(ts, now = new Date()) {
  const date = new Date(ts);
  const days = Math.round((midnight(now) - midnight(date)) / 86_400_000);
  if (days === 0) return 'Today';
  if (days === 1) return 'Yesterday';
  return date.getFullYear() === now.getFullYear() ? weekday.format(date) : dated.format(date);
}

/** For lists: the time today, else the day. */
export function briefTimeOf(ts) {
  return dayKeyOf(ts) === new Date().toDateString() ? timeOf(ts) : short.format(new Date(ts));
}

/** The same with the time in any case: 14:05, or 28 Nov, 14:05. */
export function momentOf(ts) {
  return dayKeyOf(ts) === new Date().toDateString() ? timeOf(ts) : `${short.format(new Date(ts))}, ${timeOf(ts)}`;
}

function reachOf(ts) {
  return new Date(ts).getFullYear() === new Date().getFullYear() ? 'near' : 'far';
}

function midnight(date) {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}
