// The user's session token: fetched when first needed, shared by all who need it at the same time.

/**
 * @typedef {object} Tokens
 * @property {() => Promise<string>} get The current token.
 * @property {(old: string) => Promise<string>} renew A new one, if `old` is still the current one.
 */

/**
 * @param {() => Promise<string>} getToken Asks the app's own backend.
 * @returns {Tokens}
 */
export function createTokens(getToken) {
  let current;
  let pending;

  async function fetchToken() {
    pending ??= getToken().finally(() => { pending = undefined; });
    current = await pending;
    return current;
  }

  return {
    get: async () => current ?? fetchToken(),
    renew: async (old) => (current !== undefined && current !== old ? current : fetchToken()),
  };
}
