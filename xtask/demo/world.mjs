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
  { id: 'general', name: 'general', owner: 'ada', members: everyone, tags: ['welcome'] },
];

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
    ['ada', 'Welcome! You are looking at two people of one app, side by side. Each side has its own connection to the host.'],
    ['bruno', 'Write something on the left and watch the right: the typing indicator, the message, the read mark under it.'],
    ['chen', 'Type / for the commands. They come from plugins: small WebAssembly components in a sandbox. Try /ask what is a plugin'],
    ['dora', 'Moderation is a plugin too. "darn" gets masked before anyone sees it, "lottery" waits for review, "scam" is refused, and you are told why.'],
    ['emeka', 'The plug at the top of a side cuts its connection. Write from the other side meanwhile, then plug it in again: nothing is missing.'],
    ['freya', 'There is a real day of IRC in #ubuntu if you want something to scroll through.'],
  ],
};

/** The poll that closes the welcome. */
export const POLL = {
  from: 'goran',
  channel: 'general',
  data: { question: 'What would you build on this first?', options: ['Support chat', 'A community', 'Chat in our product', 'An assistant'] },
};
