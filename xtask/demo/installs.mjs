// How the demo's tenant has its plugins: what each may do, what becomes of a message when it fails, and
// its settings. Plain data; plugins.mjs puts it on the host.

/**
 * The plugins in the order in which guards see a message. `grants` is the most that each may get.
 * @param {{ hostUrl: string, appId: string, timeZone: string }} demo
 */
export function installsOf({ hostUrl, appId, timeZone }) {
  return [
    {
      name: 'moderation',
      grants: ['counters'],
      on_fault: 'open',
      config: {
        words: [
          { name: 'mild words', words: ['darn', 'dang', 'heck'], action: 'mask' },
          { name: 'scams', words: ['scam', 'free crypto', 'wire transfer'], action: 'reject', reason: 'Offers that smell of a scam are not sent here.' },
          { name: 'to look at', words: ['lottery'], action: 'hold' },
        ],
        links: 'allow_listed',
        link_domains: ['ubuntu.com', 'wikipedia.org', 'wikimedia.org', 'openstreetmap.org', 'github.com', 'example.com'],
        link_action: 'reject',
        flood_messages: 12,
        flood_seconds: 10,
      },
    },
    {
      name: 'assistant',
      grants: ['kv', 'timers', 'chat-read', 'chat-write', 'counters', 'http'],
      on_fault: 'open',
      config: {
        greeting: 'Welcome to {channel}, {name}! /help says what I can do.',
        answers: [
          {
            question: 'What is Althing?',
            answer: 'A chat host that you run yourself. One binary gives every app on it messaging, presence and history, over REST and one WebSocket.',
            keywords: ['chat host', 'about'],
          },
          {
            question: 'What is a plugin?',
            answer: 'A WebAssembly component that a tenant enables for an app. It runs in a sandbox, sees only what it was granted, and nothing it does can hurt the host or another tenant.',
            keywords: ['wasm', 'component', 'sandbox', 'extension'],
          },
          {
            question: 'Can a message get lost?',
            answer: 'Not once it is acknowledged: it is on disk by then. A client that was away names the last number it saw and gets everything since, or is told plainly that it must load anew.',
            keywords: ['durable', 'crash', 'reconnect', 'offline'],
          },
          {
            question: 'Which database does it need?',
            answer: 'None of yours to begin with: SQLite in one folder. Postgres, NATS and S3 come in when one machine is not enough, with the same binary.',
            keywords: ['sqlite', 'postgres', 'scale', 'storage'],
          },
          {
            question: 'Where does the name come from?',
            answer: 'The althing was the assembly of old Iceland: everyone met in one place, and what was said there counted.',
            keywords: ['norse', 'iceland', 'why althing'],
          },
        ],
      },
    },
    { name: 'poll', grants: ['kv', 'chat-read', 'chat-write', 'timers'], on_fault: 'closed', config: {} },
    {
      name: 'task',
      grants: ['kv', 'timers', 'chat-read', 'chat-write'],
      on_fault: 'closed',
      config: { time_zone: timeZone, remind_minutes_before: [60] },
    },
    {
      name: 'event',
      grants: ['kv', 'timers', 'chat-read', 'chat-write', 'public-routes'],
      on_fault: 'closed',
      config: { time_zone: timeZone, remind_minutes_before: [15], feed_address: `${hostUrl}/v1/apps/${appId}/x/event` },
    },
    {
      name: 'place',
      grants: ['kv', 'timers', 'chat-read', 'chat-write'],
      on_fault: 'closed',
      config: { time_zone: timeZone, live_minutes_max: 60 },
    },
    {
      name: 'unfurl',
      grants: ['http', 'chat-attach', 'kv', 'counters'],
      on_fault: 'open',
      // Pictures stay off: readers' browsers would load them from wherever somebody links to.
      config: { max_previews: 2, timeout_ms: 3_000 },
    },
    {
      name: 'feed',
      grants: ['chat-read', 'chat-write', 'chat-moderate', 'timers', 'kv'],
      on_fault: 'closed',
      config: { order: 'newest', story_hours: 24 },
    },
  ];
}
