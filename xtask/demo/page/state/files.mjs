// Files of messages: uploading them, and the links under which they are read. A link holds for a while
// and for its file alone, so it is asked for when a message is shown that needs it.

import { AlthingError } from '../client.mjs';

/** A link that is younger than this and leads nowhere leads to something that can't be shown. */
const FRESH_MS = 60_000;
/** One that is older may soon lead nowhere. The host says how long it holds; an hour, if nobody chose otherwise. */
const OLD_MS = 50 * 60_000;

/** Uploads a file and gives the message that shows it, of the type that the host says the file has. */
export async function upload(chat, file, text) {
  const { id, media_type: mediaType } = await chat.client.rest('POST', `/v1/files?name=${encodeURIComponent(file.name)}`, file)
    .catch((error) => { throw error.status === 413 ? tooLarge(file, error) : error; });
  const [, type = 'file'] = /^(image|video|audio)\//.exec(mediaType) ?? [];
  return { type, data: { file_id: id, ...(text ? { text } : {}) } };
}

/** The host speaks of bytes and bodies, which is for programs. */
function tooLarge({ name }, error) {
  return new AlthingError({ code: error.code, status: error.status, detail: `${name} is larger than a file may be here.` });
}

/** The id of the file that a message shows, if it shows one. */
export function fileIdOf(message) {
  return FILE_TYPES.includes(message?.type) ? message.data?.file_id : undefined;
}

const FILE_TYPES = ['image', 'video', 'audio', 'file'];

/** Asks for the links of those messages' files that have none yet, or an old one. */
export function loadLinks(chat, messages) {
  for (const message of messages) {
    const id = fileIdOf(message);
    if (id === undefined) continue;
    const link = chat.links.get(id);
    // What is shown or plays already isn't begun anew; if it needs more and can't have it, renewLink() is told.
    const isOld = message.type === 'file' && Date.now() - link?.since > OLD_MS;
    if (!link || (isOld && !link.loading)) load(chat, id);
  }
}

/** To be called when what a link leads to couldn't be shown: it may be too old. */
export function renewLink(chat, id) {
  const link = chat.links.get(id);
  if (!link || link.loading) return;
  if (Date.now() - link.since > FRESH_MS) load(chat, id);
  else if (!link.broken) put(chat, id, { ...link, broken: true });
}

async function load(chat, id) {
  chat.links.set(id, { ...chat.links.get(id), loading: true });
  try {
    const { url } = await chat.client.rest('GET', `/v1/files/${encodeURIComponent(id)}`);
    put(chat, id, { url: chat.client.at(url), since: Date.now() });
  } catch (error) {
    // What couldn't be asked for is asked for again with the next change of the thread.
    if (error.retryable) chat.links.delete(id);
    else put(chat, id, { gone: true });
  }
}

function put(chat, id, link) {
  chat.links.set(id, link);
  chat.touch('thread');
}
