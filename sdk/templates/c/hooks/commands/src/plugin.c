// `/roll 2d6` throws dice.
//
// plugin.h and its functions are made of `wit` by `althing plugin build`. What a hook returns is
// allocated: `plugin_string_dup` copies a text.

#include <stdio.h>
#include <string.h>

#include "plugin.h"

// Random numbers from the seed of the call (SplitMix64): below `end`.
static unsigned below(uint64_t *seed, unsigned end) {
  uint64_t bits = *seed += 0x9e3779b97f4a7c15;
  bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9;
  bits = (bits ^ bits >> 27) * 0x94d049bb133111eb;
  bits ^= bits >> 31;
  return (unsigned)(((unsigned __int128)bits * end) >> 64);
}

// `2d6` is two dice with six sides; nothing is one. Gives what is wrong, for whoever typed it.
static const char *parse(const plugin_string_t *text, unsigned *count, unsigned *sides) {
  char line[32] = "1d6", rest;
  if (text->len >= sizeof line)
    return "Say how many dice of how many sides: `2d6`.";
  if (text->len > 0) {
    memcpy(line, text->ptr, text->len);
    line[text->len] = 0;
  }
  if (sscanf(line, "%4ud%4u%c", count, sides, &rest) != 2)
    return "Say how many dice of how many sides: `2d6`.";
  if (*count < 1 || *count > 20 || *sides < 2 || *sides > 1000)
    return "1 to 20 dice with 2 to 1000 sides, please.";
  return NULL;
}

bool exports_althing_plugin_commands_run(exports_althing_plugin_commands_context_t *ctx,
                                         exports_althing_plugin_commands_command_t *command,
                                         exports_althing_plugin_commands_option_reply_t *ret,
                                         plugin_string_t *err) {
  unsigned count, sides, sum = 0;
  const char *wrong = parse(&command->text, &count, &sides);
  if (wrong) {
    plugin_string_dup(err, wrong);
    return false;
  }
  char text[256] = "[";
  size_t length = 1;
  for (unsigned at = 0; at < count; at++) {
    unsigned thrown = below(&ctx->seed, sides) + 1;
    sum += thrown;
    length += (size_t)snprintf(text + length, sizeof text - length, "%s%u", at ? ", " : "", thrown);
  }
  snprintf(text + length, sizeof text - length, "] = %u", sum);
  ret->is_some = true;
  plugin_string_dup(&ret->val.text, text);
  plugin_string_dup(&ret->val.blocks, "");
  return true;
}

void exports_althing_plugin_commands_complete(exports_althing_plugin_commands_context_t *ctx,
                                              exports_althing_plugin_commands_command_t *command,
                                              exports_althing_plugin_commands_list_choice_t *ret) {
  (void)ctx;
  (void)command;
  ret->len = 0;
}
