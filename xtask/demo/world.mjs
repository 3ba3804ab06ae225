// What the demo's app holds at first: its people, its channels, what was said before the visitor
// came. Plain data; seed.mjs puts it on the host.

/** The people of the app. The first two are those that the page opens with. */
export const PEOPLE = [
  { id: 'ada', name: 'Ada Lindqvist' },
  { id: 'bruno', name: 'Bruno Costa' },
  { id: 'chen', name: 'Chen Wei' },
  { id: 'dora', name: 'Dóra Nagy' },
  { id: 'emeka', name: 'Emeka Obi' },
  { id: 'freya', name: 'Freya Dahl' },
  { id: 'goran', name: 'Goran Petrov' },
  { id: 'hana', name: 'Hana Suzuki' },
];

const everyone = PEOPLE.map(({ id }) => id);

/** Channels with ids of the app's own choosing. #ubuntu also gets the nicks of the excerpt. */
export const CHANNELS = [
  { id: 'ubuntu', name: 'ubuntu', owner: 'ada', members: everyone, tags: ['support', 'linux', 'archive'] },
  { id: 'random', name: 'random', owner: 'freya', members: everyone, tags: [] },
  { id: 'planning', name: 'planning', owner: 'dora', members: everyone, tags: ['tasks', 'events'] },
  { id: 'general', name: 'general', owner: 'ada', members: everyone, tags: ['welcome'] },
];

/** Each person's own channel, for posts and stories; its members are the followers. */
export const PROFILES = PEOPLE.map(({ id, name }) => ({ id: `profile-${id}`, type: 'profile', name, owner: id, members: everyone }));

/** Who sees what waits for review. */
export const REVIEWERS = ['ada'];

/** Two people with a channel of their own. */
export const DIRECT = ['ada', 'bruno'];

/** What was said, by channel, in order. */
export const LINES = {
  random: [
    ['freya', 'The coffee machine on the second floor is back. It only speaks Italian now.'],
    ['goran', 'So do I, before nine.'],
    ['hana', 'Does anyone have a spare USB-C to Ethernet adapter until Thursday?'],
    ['emeka', 'Top drawer of my desk, the one with the label that says "not here".'],
    ['hana', 'Found it, thank you!'],
  ],
  direct: [
    ['ada', 'Did you see that the poll updates on both sides at once?'],
    ['bruno', 'Yes. It is one message with a state that the plugin owns; everyone gets the new view.'],
    ['ada', 'And this channel is only for the two of us.'],
    ['bruno', 'Until somebody looks over your shoulder.'],
  ],
  general: [
    ['ada', 'Welcome! Two people of one app, side by side, each with a connection of their own. Write on the left, watch the right.'],
    ['bruno', 'Type / for what plugins can do: /ask what is a plugin, /remind, /poll, /task, /event, /here. The paper clip sends files.'],
    ['chen', 'Moderation is a plugin, too: write "darn", "lottery" or "scam". What is refused you can appeal; Ada reviews it.'],
    ['dora', 'Tasks, an event and a place are in #planning, posts and stories behind "Posts", a real day of IRC in #ubuntu.'],
    ['emeka', 'The plug cuts a connection. Write from the other side, plug it in again: nothing is missing.'],
  ],
  planning: [
    ['dora', 'What we do and where we meet, so that nobody has to ask twice. Press the buttons: everybody sees what becomes of it.'],
  ],
};

/** The poll that closes the welcome. */
export const POLL = {
  from: 'goran',
  channel: 'general',
  data: { question: 'What would you build on this first?', options: ['Support chat', 'A community', 'Chat in our product', 'An assistant'] },
};

/**
 * One live example of each plugin's kind, in order, with what people did with it. `now` is the time at
 * which they are made, in milliseconds since 1970, `zone` where their clocks are.
 */
export function examplesAt(now, zone) {
  return [
    {
      name: 'task',
      message: {
        channel_id: 'planning',
        as: 'dora',
        type: 'task',
        data: {
          title: 'Order the catering',
          assignees: ['bruno'],
          due_at_ms: now + 3 * DAY_MS,
          priority: 'high',
          notes: 'Twelve people, two of them vegan.',
          items: ['Ask who comes', 'Compare two offers', 'Order'],
        },
      },
      actions: [{ as: 'bruno', action: 'status', value: 'doing' }, { as: 'bruno', action: 'tick', value: { item: 1, done: true } }],
    },
    {
      name: 'event',
      message: {
        channel_id: 'planning',
        as: 'dora',
        type: 'event',
        data: {
          title: 'Team lunch',
          starts: `${dateIn(now + 7 * DAY_MS, zone)}T12:30`,
          ends: `${dateIn(now + 7 * DAY_MS, zone)}T13:30`,
          place: 'Lækjarbrekka, Reykjavík',
          capacity: 8,
        },
      },
      actions: [{ as: 'ada', action: 'answer', value: 'yes' }, { as: 'chen', action: 'answer', value: 'yes' }, { as: 'emeka', action: 'answer', value: 'maybe' }],
    },
    {
      name: 'place',
      message: {
        channel_id: 'planning',
        as: 'hana',
        type: 'place',
        data: { latitude: 64.2559, longitude: -21.1295, label: 'Þingvellir', address: 'Where the first althing met, in 930' },
      },
    },
    { name: 'link', message: { channel_id: 'random', as: 'goran', type: 'text', data: 'For whoever asks where our name comes from: https://en.wikipedia.org/wiki/Althing' } },
    {
      name: 'post-bridge',
      message: { channel_id: 'profile-freya', as: 'freya', type: 'post', data: { text: 'Cycled to the office along the harbour. The drawbridge was up for a sailing ship, so I am late and not sorry.' } },
      actions: [{ as: 'hana', action: 'like', value: true }, { as: 'ada', action: 'like', value: true }],
    },
    {
      name: 'post-plugin',
      message: { channel_id: 'profile-chen', as: 'chen', type: 'post', data: { text: 'My first plugin works: forty lines of Rust that turn every "soon" into a date.', link: { url: 'https://github.com/WebAssembly/component-model', title: 'The component model' } } },
      actions: ['ada', 'bruno', 'dora'].map((as) => ({ as, action: 'like', value: true })),
    },
    {
      name: 'post-sourdough',
      message: { channel_id: 'profile-freya', as: 'freya', type: 'post', data: { text: 'Day four of the sourdough. It has a name now, and opinions.' } },
      actions: [{ as: 'chen', action: 'like', value: true }],
    },
  ];
}

/** A story lasts a day, so each day on which the demo starts has its own. */
export const STORIES = [
  { channel_id: 'profile-freya', as: 'freya', type: 'story', data: { text: 'Coffee on the roof. Come up, there is sun.' } },
  { channel_id: 'profile-chen', as: 'chen', type: 'story', data: { text: 'Conference talk in an hour. Slides: done. Nerves: also.' } },
];

const DAY_MS = 86_400_000;

/** `2026-12-04` by the clocks of a zone. */
export function dateIn(ms, timeZone) {
  return new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' }).format(ms);
}
