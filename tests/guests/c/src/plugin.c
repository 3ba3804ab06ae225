// The plugin that there is in every language: here in C.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "plugin.h"

// A copy that ends with a zero, for as long as the call lasts.
static char *text_of(const plugin_string_t *string) {
  char *text = malloc(string->len + 1);
  memcpy(text, string->ptr, string->len);
  text[string->len] = 0;
  return text;
}

// The value of a field with a text, which has no escapes; or NULL.
static char *field(const plugin_string_t *json, const char *name) {
  char *at = strstr(text_of(json), name);
  char *begin = at ? strchr(at + strlen(name), '"') : NULL;
  char *end = begin ? strchr(begin + 1, '"') : NULL;
  if (!end)
    return NULL;
  *end = 0;
  return begin + 1;
}

// Puts a text into a record that the host reads, formatted as by printf.
#define PUT(string, ...)                                                                           \
  do {                                                                                             \
    char text[512];                                                                                \
    snprintf(text, sizeof text, __VA_ARGS__);                                                      \
    plugin_string_dup(string, text);                                                               \
  } while (0)

// The message guard.

typedef exports_althing_plugin_message_guard_verdict_t verdict_t;

static void judge(althing_plugin_types_context_t *ctx, althing_plugin_types_draft_t *message,
                  verdict_t *ret) {
  const char *text = text_of(&message->text);
  printf("%s sends %s\n", text_of(&ctx->actor), text_of(&message->kind));
  fflush(stdout);
  plugin_string_t settings;
  althing_plugin_config_get(&settings);
  const char *forbidden = field(&settings, "\"forbidden\"");
  *ret = (verdict_t){.tag = EXPORTS_ALTHING_PLUGIN_MESSAGE_GUARD_VERDICT_ALLOW};
  if (!strcmp(text, "trap"))
    abort();
  if (!strcmp(text, "hold on")) {
    ret->tag = EXPORTS_ALTHING_PLUGIN_MESSAGE_GUARD_VERDICT_HOLD;
    PUT(&ret->val.hold, "Somebody should look at this.");
  } else if (forbidden && strstr(text, forbidden)) {
    ret->tag = EXPORTS_ALTHING_PLUGIN_MESSAGE_GUARD_VERDICT_REJECT;
    PUT(&ret->val.reject.code, "forbidden");
    PUT(&ret->val.reject.reason, "No %s here.", forbidden);
  } else if (strstr(text, "teh")) {
    ret->tag = EXPORTS_ALTHING_PLUGIN_MESSAGE_GUARD_VERDICT_CHANGE;
    char *changed = text_of(&message->text);
    for (char *at = changed; (at = strstr(at, "teh")); at += 3)
      memcpy(at, "the", 3);
    ret->val.change.text.is_some = true;
    plugin_string_dup(&ret->val.change.text.val, changed);
  }
}

void exports_althing_plugin_message_guard_before_send(
    exports_althing_plugin_message_guard_context_t *ctx,
    exports_althing_plugin_message_guard_draft_t *message, verdict_t *ret) {
  judge(ctx, message, ret);
}

void exports_althing_plugin_message_guard_before_edit(
    exports_althing_plugin_message_guard_context_t *ctx,
    exports_althing_plugin_message_guard_draft_t *message,
    exports_althing_plugin_message_guard_draft_t *before, verdict_t *ret) {
  (void)before;
  judge(ctx, message, ret);
}

void exports_althing_plugin_message_guard_before_delete(
    exports_althing_plugin_message_guard_context_t *ctx,
    exports_althing_plugin_message_guard_draft_t *message, verdict_t *ret) {
  (void)ctx;
  (void)message;
  *ret = (verdict_t){.tag = EXPORTS_ALTHING_PLUGIN_MESSAGE_GUARD_VERDICT_ALLOW};
}

// Events.

bool exports_althing_plugin_events_handle(exports_althing_plugin_events_context_t *ctx,
                                          exports_althing_plugin_events_event_t *event,
                                          plugin_string_t *err) {
  (void)event;
  if (ctx->actor_role == ALTHING_PLUGIN_TYPES_ROLE_PLUGIN)
    return true;
  althing_plugin_kv_scope_t scope = {.tag = ALTHING_PLUGIN_KV_SCOPE_USER, .val.user = ctx->actor};
  plugin_string_t key;
  plugin_string_set(&key, "said");
  althing_plugin_kv_option_entry_t entry;
  althing_plugin_kv_error_t error;
  if (!althing_plugin_kv_get(&scope, &key, &entry, &error)) {
    PUT(err, "kv.get failed");
    return false;
  }
  int count = 0;
  if (entry.is_some) {
    plugin_string_t value = {entry.val.value.ptr, entry.val.value.len};
    count = atoi(text_of(&value));
  }
  char text[32];
  count++;
  plugin_list_u8_t value = {(uint8_t *)text, (size_t)snprintf(text, sizeof text, "%d", count)};
  uint64_t *version = entry.is_some ? &entry.val.version : NULL;
  if (!althing_plugin_kv_swap(&scope, &key, version, &value, NULL, &error)) {
    PUT(err, "kv.swap failed");
    return false;
  }
  if (count % 3)
    return true;
  althing_plugin_chat_write_post_t post;
  plugin_string_dup(&post.kind, "text");
  plugin_string_dup(&post.blocks, "");
  PUT(&post.body, "%s has said %d things.", text_of(&ctx->actor), count);
  plugin_string_t id;
  althing_plugin_chat_write_error_t refused;
  if (!althing_plugin_chat_write_send(&ctx->channel, &post, &id, &refused)) {
    PUT(err, "chat-write.send failed");
    return false;
  }
  return true;
}

// Commands.

static uint64_t next(uint64_t *state) {
  uint64_t bits = *state += 0x9e3779b97f4a7c15;
  bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9;
  bits = (bits ^ bits >> 27) * 0x94d049bb133111eb;
  return bits ^ bits >> 31;
}

static bool dice(uint64_t seed, const char *order, char *text, size_t size) {
  int count, sides;
  if (sscanf(order, "%dd%d", &count, &sides) != 2)
    return false;
  int sum = 0;
  size_t length = (size_t)snprintf(text, size, "[");
  for (int at = 0; at < count && length < size; at++) {
    int thrown = (int)(((unsigned __int128)next(&seed) * (unsigned)sides) >> 64) + 1;
    sum += thrown;
    length += (size_t)snprintf(text + length, size - length, "%s%d", at ? ", " : "", thrown);
  }
  if (length < size)
    snprintf(text + length, size - length, "] = %d", sum);
  return true;
}

bool exports_althing_plugin_commands_run(exports_althing_plugin_commands_context_t *ctx,
                                         exports_althing_plugin_commands_command_t *command,
                                         exports_althing_plugin_commands_option_reply_t *ret,
                                         plugin_string_t *err) {
  char *order = text_of(&command->text);
  char thrown[512];
  char *rest = strchr(order, ' ');
  rest = rest ? *rest = 0, rest + 1 : "";
  const char *reply;
  if (!strcmp(order, "clock")) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    if (now_ms != ctx->now_ms) {
      PUT(err, "The clock shows %" PRIu64 ", not %" PRIu64 ".", now_ms, ctx->now_ms);
      return false;
    }
    reply = "The clock shows the time of the call.";
  } else if (!strcmp(order, "random")) {
    uint64_t random[2];
    if (getentropy(random, sizeof random) || random[0] == random[1]) {
      PUT(err, "These are not random.");
      return false;
    }
    reply = "Random numbers differ.";
  } else if (!strcmp(order, "dice")) {
    if (!dice(ctx->seed, rest, thrown, sizeof thrown)) {
      PUT(err, "Say how many dice of how many sides.");
      return false;
    }
    reply = thrown;
  } else if (!strcmp(order, "fail")) {
    PUT(err, "This always fails.");
    return false;
  } else if (!strcmp(order, "trap")) {
    abort();
  } else {
    PUT(err, "I don't know `%s`.", order);
    return false;
  }
  ret->is_some = true;
  PUT(&ret->val.text, "%s", reply);
  PUT(&ret->val.blocks, "%s", "");
  return true;
}

void exports_althing_plugin_commands_complete(exports_althing_plugin_commands_context_t *ctx,
                                              exports_althing_plugin_commands_command_t *command,
                                              exports_althing_plugin_commands_list_choice_t *ret) {
  (void)ctx;
  static const char *const WORDS[] = {"clock", "random", "dice", "fail"};
  const char *begun = text_of(&command->text);
  ret->ptr = malloc(sizeof WORDS / sizeof *WORDS * sizeof *ret->ptr);
  ret->len = 0;
  for (size_t at = 0; at < sizeof WORDS / sizeof *WORDS; at++) {
    if (strncmp(WORDS[at], begun, strlen(begun)))
      continue;
    PUT(&ret->ptr[ret->len].value, "%s", WORDS[at]);
    PUT(&ret->ptr[ret->len].label, "Probe %s", WORDS[at]);
    ret->len++;
  }
}

// The kind of message.

typedef exports_althing_plugin_message_kind_shown_t shown_t;

static void show(const char *title, int count, shown_t *shown) {
  PUT(&shown->state, "{\"count\":%d}", count);
  PUT(&shown->view.text, "%s: %d", title, count);
  PUT(&shown->view.blocks, "%s", "");
}

bool exports_althing_plugin_message_kind_create(
    exports_althing_plugin_message_kind_context_t *ctx, plugin_string_t *kind,
    exports_althing_plugin_message_kind_json_t *data,
    exports_althing_plugin_message_kind_created_t *ret, plugin_string_t *err) {
  (void)ctx;
  (void)kind;
  const char *title = field(data, "\"title\"");
  if (!title) {
    PUT(err, "A tally needs a title.");
    return false;
  }
  PUT(&ret->data, "{\"title\":\"%s\"}", title);
  show(title, 0, &ret->shown);
  return true;
}

bool exports_althing_plugin_message_kind_act(exports_althing_plugin_message_kind_context_t *ctx,
                                             plugin_string_t *kind,
                                             exports_althing_plugin_message_kind_json_t *data,
                                             exports_althing_plugin_message_kind_json_t *state,
                                             plugin_string_t *action,
                                             exports_althing_plugin_message_kind_json_t *value,
                                             shown_t *ret, plugin_string_t *err) {
  (void)ctx;
  (void)kind;
  if (strcmp(text_of(action), "add")) {
    PUT(err, "There is no such action.");
    return false;
  }
  const char *count = strchr(text_of(state), ':');
  char *end;
  long more = strtol(text_of(value), &end, 10);
  if (!count || *end) {
    PUT(err, "Say how many.");
    return false;
  }
  show(field(data, "\"title\""), atoi(count + 1) + (int)more, ret);
  return true;
}
