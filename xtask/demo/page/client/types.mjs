// The shapes that the host speaks, as JSDoc types. Nothing here runs.

/**
 * @typedef {object} User
 * @property {string} id The app's own id.
 * @property {string} [name]
 * @property {string} [image]
 * @property {string} [plugin] The plugin whose bot it is.
 */

/**
 * @typedef {object} Block One element of a declarative view; see blocks.mjs for the kinds.
 * @property {string} type
 * @property {{ text: string, user?: string, at?: number, show?: string }[]} [marks] What pieces of its words stand for.
 * @property {{ users?: string[], role?: string }} [for] For whom it is, if not for everybody.
 */

/**
 * @typedef {object} View
 * @property {string} text Plain words that say the same as the blocks.
 * @property {Block[]} [blocks]
 */

/**
 * @typedef {object} Message
 * @property {string} id
 * @property {string} channel_id
 * @property {number} seq Its place in the channel, from 1.
 * @property {string} from The sender's user id.
 * @property {string} type `text`, or a kind that a plugin owns.
 * @property {*} data A string for `text`; null once the message is deleted.
 * @property {View} [view]
 * @property {{ plugin: string, blocks: Block[] }[]} [attachments]
 * @property {string} ts RFC 3339.
 * @property {string} [edited_at]
 * @property {string} [deleted_at]
 * @property {string} [client_id] The id that the sender's client chose; for the sender only, and in no event.
 */

/**
 * @typedef {object} Channel
 * @property {string} id
 * @property {string} type
 * @property {string} [name]
 * @property {string[]} [tags]
 * @property {number} head The seq of its last event.
 * @property {boolean} active An inactive channel can be read but takes no messages.
 * @property {number} [unread] How many messages of others aren't read; 100 stands for more, too.
 * @property {number} [last_read_seq] Up to which seq the user has read.
 * @property {Message} [last_message]
 * @property {string} [own_role]
 * @property {string[]} [own_capabilities]
 */

/**
 * @typedef {object} Participant
 * @property {string} user_id
 * @property {string} [name]
 * @property {string} [image]
 * @property {'member'|'admin'|'owner'} role
 * @property {number} last_read_seq
 * @property {boolean} online
 */

/**
 * @typedef {object} ChannelEvent
 * @property {string} event Such as `message.new`.
 * @property {string} channel_id
 * @property {number} [seq] Present on entries of the channel's log; typing and presence have none.
 * @property {string} ts
 * @property {*} data
 */

/**
 * @typedef {object} Reply An answer that only the person who asked sees.
 * @property {string} text
 * @property {Block[]} [blocks]
 */

/**
 * @typedef {object} Command
 * @property {string} name Without the slash.
 * @property {string} usage What may follow the name.
 * @property {string} description
 * @property {string} plugin
 */

/**
 * @typedef {object} ConnectionState
 * @property {'connecting'|'online'|'waiting'|'offline'|'refused'} name
 *   `waiting`: between two attempts. `offline`: disconnect() was called. `refused`: the host said not to
 *   come back; connect() tries anyway.
 * @property {number} [retryAt] When the next attempt is, in milliseconds since 1970; for `waiting`.
 * @property {string} [reason]
 */

export {};
