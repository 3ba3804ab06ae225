// The feed: posts of those whom the user follows, page by page, and the stories that are told now. The
// host chooses and orders them; what is liked or new comes as events of the channels that they are in.

import { loadUsers } from './participants.mjs';
import { isProfile } from './rooms.mjs';

const POSTS_PER_PAGE = 10;
const STORIES_MAX = 50;

export function createFeed() {
  return {
    /** @type {import('../client/types.mjs').Message[]} In the feed's own order. */
    posts: [],
    /** @type {import('../client/types.mjs').Message[]} Those of one person stand together. */
    stories: [],
    next: undefined,
    loaded: false,
    loading: false,
    /** Why it couldn't be loaded. */
    fault: undefined,
    /** How many posts and stories of others came since. */
    fresh: 0,
    /** The ids of stories opened in this pane. */
    seen: new Set(),
    /** What events said while a page was on its way, by message id. */
    ahead: new Map(),
  };
}

/** Shows the feed in place of a channel. */
export async function openPosts(chat) {
  Object.assign(chat, { page: 'posts', openId: undefined, watching: undefined });
  chat.touch('open');
  chat.touch('channels');
  await loadFeed(chat);
}

/** Loads the feed from its beginning. A failure is shown in it. */
export function loadFeed(chat) {
  return load(chat, async () => {
    const [posts, stories] = await Promise.all([read(chat, 'posts', `limit=${POSTS_PER_PAGE}`), read(chat, 'stories', `limit=${STORIES_MAX}`)]);
    return { posts: posts.messages, next: posts.next, stories: stories.messages, loaded: true, fresh: 0 };
  });
}

/** Loads the next page of posts. */
export function loadMore(chat) {
  return load(chat, async () => {
    const { messages, next } = await read(chat, 'posts', `limit=${POSTS_PER_PAGE}&next=${encodeURIComponent(chat.feed.next)}`);
    return { posts: [...chat.feed.posts, ...messages], next };
  });
}

async function load(chat, work) {
  const { feed } = chat;
  if (feed.loading) return;
  feed.loading = true;
  chat.touch('feed');
  try {
    Object.assign(feed, await work(), { fault: undefined });
    for (const message of feed.ahead.values()) replace(feed, message);
    loadUsers(chat, [...feed.posts, ...feed.stories].map(authorOf));
  } catch (error) {
    feed.fault = error.message;
  } finally {
    feed.loading = false;
    feed.ahead.clear();
    chat.touch('feed');
  }
}

function read(chat, name, query) {
  return chat.client.rest('GET', `/v1/feeds/${name}?${query}`);
}

/** Applies what an event says about a message, which may be a post or a story: that it has changed, or is new. */
export function takePost(chat, message, isNew = false) {
  if (message.type !== 'post' && message.type !== 'story') return;
  const { feed } = chat;
  if (feed.loading) feed.ahead.set(message.id, message);
  if (isNew && !message.deleted_at && authorOf(message) !== chat.me) feed.fresh += 1;
  replace(feed, message);
  chat.touch('feed');
}

function replace(feed, message) {
  const put = (messages) => messages.map((known) => (known.id === message.id ? message : known)).filter(({ deleted_at: deleted }) => !deleted);
  feed.posts = put(feed.posts);
  feed.stories = put(feed.stories);
}

/** Whose it is: what the plugin posts for somebody, with /post, is that person's. */
export function authorOf({ from, data, view }) {
  return reactionsOf({ view }).author || data?.posted_by || from;
}

/** What others did with a post, in numbers. */
export function reactionsOf({ view }) {
  return view?.blocks?.find(({ type }) => type === 'reactions') ?? { likes: 0, liked_by: [], comments: 0 };
}

/** Likes a post, or takes that back. */
export function likePost(chat, message) {
  const value = !reactionsOf(message).liked_by.includes(chat.me);
  return chat.client.request('act', { message_id: message.id, action: 'like', value });
}

/** Posts to those who follow this user, or tells them a story. Gives what the user should know, if anything. */
export async function publish(chat, type, text) {
  const own = [...chat.rooms.values()].find((room) => isProfile(room) && room.channel.own_role === 'owner');
  if (!own) throw new Error('You have no profile to post to.');
  const sent = await chat.client.request('send', { channel_id: own.id, type, data: { text }, client_id: crypto.randomUUID() });
  if (sent.held) return `It waits for review: ${sent.reason}`;
  await loadFeed(chat);
  return undefined;
}

/** Notes that this user has seen stories. */
export function seeStories(chat, stories) {
  for (const story of stories) {
    const { id } = story;
    if (chat.feed.seen.has(id)) continue;
    chat.feed.seen.add(id);
    if (authorOf(story) !== chat.me) chat.client.request('act', { message_id: id, action: 'seen' }).catch(() => {});
  }
  chat.touch('feed');
}

/** Who has seen a story of this user's own: `{ count, users }`. */
export function whoSaw(chat, { id }) {
  return chat.client.rest('GET', `/v1/x/feed/stories/${encodeURIComponent(id)}/seen`);
}
