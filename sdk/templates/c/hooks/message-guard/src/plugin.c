// Refuses messages that are all capitals.
//
// plugin.h and its functions are made of `wit` by `althing plugin build`. What a hook returns is
// allocated: `plugin_string_dup` copies a text.

#include <ctype.h>

#include "plugin.h"

// Those of ASCII. A word of one or two letters may be an abbreviation.
static bool is_shouted(const plugin_string_t *text) {
  unsigned letters = 0;
  for (size_t at = 0; at < text->len; at++) {
    if (islower(text->ptr[at]))
      return false;
    letters += isupper(text->ptr[at]) != 0;
  }
  return letters > 2;
}

static void judge(const exports_althing_plugin_message_guard_draft_t *message,
                  exports_althing_plugin_message_guard_verdict_t *ret) {
  ret->tag = EXPORTS_ALTHING_PLUGIN_MESSAGE_GUARD_VERDICT_ALLOW;
  if (is_shouted(&message->text)) {
    ret->tag = EXPORTS_ALTHING_PLUGIN_MESSAGE_GUARD_VERDICT_REJECT;
    plugin_string_dup(&ret->val.reject.code, "shouting");
    plugin_string_dup(&ret->val.reject.reason, "Please don't shout.");
    ret->val.reject.retry_after_ms.is_some = false;
  }
}

void exports_althing_plugin_message_guard_before_send(
    exports_althing_plugin_message_guard_context_t *ctx,
    exports_althing_plugin_message_guard_draft_t *message,
    exports_althing_plugin_message_guard_verdict_t *ret) {
  (void)ctx;
  judge(message, ret);
}

void exports_althing_plugin_message_guard_before_edit(
    exports_althing_plugin_message_guard_context_t *ctx,
    exports_althing_plugin_message_guard_draft_t *message,
    exports_althing_plugin_message_guard_draft_t *before,
    exports_althing_plugin_message_guard_verdict_t *ret) {
  (void)ctx;
  (void)before;
  // Else an edit would get around it.
  judge(message, ret);
}

void exports_althing_plugin_message_guard_before_delete(
    exports_althing_plugin_message_guard_context_t *ctx,
    exports_althing_plugin_message_guard_draft_t *message,
    exports_althing_plugin_message_guard_verdict_t *ret) {
  (void)ctx;
  (void)message;
  ret->tag = EXPORTS_ALTHING_PLUGIN_MESSAGE_GUARD_VERDICT_ALLOW;
}
