// The feed in place of a thread: stories as a row of faces, a form to post, and posts with what others
// did with them.

import { authorOf, likePost, loadFeed, loadMore, publish, reactionsOf, seeStories, whoSaw } from '../state/feed.mjs';
import { nameOf } from '../state/rooms.mjs';
import { avatar } from './avatar.mjs';
import { openDialog } from './dialogs.mjs';
import { h, render } from './dom.mjs';
import { icon } from './icons.mjs';
import { link, linked } from './links.mjs';
import { briefTimeOf, fullTimeOf, momentOf } from './time.mjs';

const NAMED_MAX = 2;

/** @param {HTMLElement} pane Where dialogs go. */
export function createFeedView(chat, pane) {
  const field = h('textarea', { rows: 2, 'aria-label': 'New post', placeholder: 'What your followers should know', maxlength: 500 });
  const notice = h('p', { class: 'notice', role: 'alert', hidden: true });
  const form = h('form', { class: 'post-form', onsubmit: submit }, field,
    h('div', { class: 'actions' }, notice,
      h('button', { class: 'button', value: 'story', title: 'Gone after a day' }, 'Tell as a story'),
      h('button', { class: 'button primary', value: 'post' }, 'Post')));
  const stories = h('ul', { class: 'stories', 'aria-label': 'Stories', onclick: open });
  const posts = h('div', { class: 'posts', onclick: pressed });
  const element = h('div', { class: 'feed', role: 'region', 'aria-label': 'Posts', tabindex: 0, hidden: true },
    h('div', { class: 'feed-column' }, stories, form, posts));

  function update() {
    const { feed } = chat;
    const people = byPerson(feed.stories);
    stories.hidden = people.length === 0;
    render(stories, people.map(([person, told]) => drawTeller(person, told)));
    render(posts,
      feed.fresh > 0 ? h('button', { type: 'button', class: 'button fresh', 'data-do': 'reload' }, `Show what is new (${feed.fresh})`) : null,
      feed.posts.map(drawPost),
      edge(feed));
  }

  function edge({ posts: shown, fault, loading, loaded, next }) {
    if (fault) return h('div', { class: 'edge', role: 'alert' }, h('p', {}, fault), h('button', { type: 'button', class: 'button', 'data-do': 'reload' }, 'Try again'));
    if (loading && !loaded) return h('div', { class: 'edge' }, 'Loading…');
    if (next) return h('div', { class: 'edge' }, h('button', { type: 'button', class: 'button', 'data-do': 'more', disabled: loading }, 'More'));
    return h('div', { class: 'edge' }, shown.length > 0 ? 'That is all there is.' : 'No posts yet. Write the first one.');
  }

  function drawTeller(person, told) {
    const isNew = person !== chat.me && told.some(({ id }) => !chat.feed.seen.has(id));
    const name = person === chat.me ? 'You' : nameOf(chat, person).split(' ')[0];
    return h('li', { 'data-key': person },
      h('button', { type: 'button', class: isNew ? 'story new' : 'story', 'data-person': person, 'aria-label': `Story of ${name}${isNew ? ', new' : ''}` },
        avatar(userOf(person)), h('span', {}, name)));
  }

  function drawPost(message) {
    const author = authorOf(message);
    const { text, media = [], link: page, share_of: shared } = message.data;
    const { likes, liked_by: names, comments } = reactionsOf(message);
    const liked = names.includes(chat.me);
    return h('article', { class: 'post', 'data-key': message.id, 'data-id': message.id },
      h('header', {}, avatar(userOf(author)), h('b', { class: 'name' }, nameOf(chat, author)), h('time', { datetime: message.ts, title: fullTimeOf(message.ts) }, briefTimeOf(message.ts))),
      text ? h('p', { class: 'text' }, linked(text)) : null,
      media.map(drawMedia),
      page ? h('p', { class: 'post-link' }, link(page.url, page.title || page.url)) : null,
      shared ? h('p', { class: 'muted' }, 'Shares somebody’s post.') : null,
      h('footer', {},
        h('button', { type: 'button', class: 'like', 'data-do': 'like', 'aria-pressed': String(liked), 'aria-label': likes > 0 ? `Like, ${likes} so far` : 'Like' }, icon('heart'), likes > 0 ? String(likes) : 'Like'),
        likes > 0 && names.length > 0 ? h('span', { class: 'muted' }, likers(names, likes)) : null,
        comments > 0 ? h('span', { class: 'muted' }, comments === 1 ? '1 comment' : `${comments} comments`) : null));
  }

  /** Ada, Bruno and 3 more: the last first. */
  function likers(names, likes) {
    const named = names.slice(-NAMED_MAX).reverse().map((id) => (id === chat.me ? 'You' : nameOf(chat, id).split(' ')[0]));
    const more = likes - named.length;
    return more > 0 ? `${named.join(', ')} and ${more} more` : named.join(' and ');
  }

  function drawMedia({ type, url, alt }) {
    if (url && type === 'image') return h('img', { class: 'block-image', src: url, alt: alt ?? '', loading: 'lazy', referrerpolicy: 'no-referrer' });
    return h('p', { class: 'post-link' }, url ? link(url, alt || url) : alt || (type === 'image' ? 'A picture' : 'A video'));
  }

  function userOf(id) {
    return { id, ...chat.people.get(id), name: nameOf(chat, id) };
  }

  async function open(event) {
    const person = event.target.closest('[data-person]')?.dataset.person;
    if (!person) return;
    const told = byPerson(chat.feed.stories).find(([id]) => id === person)?.[1] ?? [];
    const marks = new Map(told.map((story) => [story.id, h('p', { class: 'muted' }, `until ${momentOf(story.data.expires_at_ms)}`)]));
    openDialog(pane, person === chat.me ? 'Your story' : nameOf(chat, person), undefined, told.map((story) => h('div', { class: 'told' },
      story.data.text ? h('p', { class: 'told-text' }, linked(story.data.text)) : null,
      story.data.media ? drawMedia(story.data.media) : null,
      marks.get(story.id))));
    seeStories(chat, told);
    if (person !== chat.me) return;
    // Who has seen it is told to whoever told it, and to nobody else.
    for (const story of told) {
      const { users } = await whoSaw(chat, story).catch(() => ({ users: [] }));
      marks.get(story.id).append(users.length === 0 ? ' · nobody has seen it yet' : ` · seen by ${users.map((id) => nameOf(chat, id).split(' ')[0]).join(', ')}`);
    }
  }

  async function submit(event) {
    event.preventDefault();
    const text = field.value.trim();
    if (text === '') return field.focus();
    const button = event.submitter;
    button.disabled = true;
    try {
      const words = await publish(chat, button.value, text);
      field.value = '';
      say(words);
    } catch (error) {
      say(error.message);
    } finally {
      button.disabled = false;
    }
    return undefined;
  }

  function pressed(event) {
    const button = event.target.closest('[data-do]');
    const message = chat.feed.posts.find(({ id }) => id === button?.closest('article')?.dataset.id);
    if (button?.dataset.do === 'reload') loadFeed(chat);
    else if (button?.dataset.do === 'more') loadMore(chat);
    else if (button?.dataset.do === 'like' && message) likePost(chat, message).then(() => say(), (error) => say(error.message));
  }

  function say(words = '') {
    notice.textContent = words;
    notice.hidden = words === '';
  }

  return { element, update };
}

/** The stories of each person, in the order of the feed. */
function byPerson(stories) {
  const people = new Map();
  for (const story of stories) {
    const author = authorOf(story);
    people.set(author, [...(people.get(author) ?? []), story]);
  }
  return [...people];
}
