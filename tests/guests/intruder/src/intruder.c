// Tries to get out through WASI, and says how far it came.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin.h"

static char text[512];

static wasi_io_streams_own_output_stream_t out;

static bool write_out(const char *bytes, size_t length) {
  plugin_list_u8_t list = {(uint8_t *)bytes, length};
  wasi_io_streams_stream_error_t error;
  return wasi_io_streams_method_output_stream_blocking_write_and_flush(
      wasi_io_streams_borrow_output_stream(out), &list, &error);
}

static void sleep_ms(uint64_t ms) {
  wasi_clocks_monotonic_clock_own_pollable_t timer =
      wasi_clocks_monotonic_clock_subscribe_duration(ms * 1000000);
  wasi_io_poll_method_pollable_block(wasi_io_poll_borrow_pollable(timer));
  wasi_io_poll_pollable_drop_own(timer);
}

// What it finds of the machine.
static void look_around(void) {
  plugin_list_tuple2_string_string_t environment;
  wasi_cli_environment_get_environment(&environment);
  plugin_list_string_t arguments;
  wasi_cli_environment_get_arguments(&arguments);
  plugin_string_t folder;
  bool has_folder = wasi_cli_environment_initial_cwd(&folder);
  wasi_filesystem_preopens_list_tuple2_own_descriptor_string_t folders;
  wasi_filesystem_preopens_get_directories(&folders);
  wasi_io_streams_own_input_stream_t in = wasi_cli_stdin_get_stdin();
  plugin_list_u8_t read;
  wasi_io_streams_stream_error_t error;
  bool has_input = wasi_io_streams_method_input_stream_blocking_read(
      wasi_io_streams_borrow_input_stream(in), 10, &read, &error);
  snprintf(text, sizeof text, "%zu variables, %zu arguments, %s, %zu folders, %s", environment.len,
           arguments.len, has_folder ? "somewhere" : "nowhere", folders.len,
           has_input ? "input" : error.tag == WASI_IO_STREAMS_STREAM_ERROR_CLOSED ? "closed" : "failed");
}

// Which sockets and names it gets; 1 is `access-denied`.
static void reach_out(void) {
  wasi_sockets_network_own_network_t network = wasi_sockets_instance_network_instance_network();
  wasi_sockets_network_error_code_t tcp = 255, udp = 255, name = 255;
  wasi_sockets_tcp_own_tcp_socket_t tcp_socket;
  wasi_sockets_tcp_create_socket_create_tcp_socket(0, &tcp_socket, &tcp);
  wasi_sockets_udp_own_udp_socket_t udp_socket;
  wasi_sockets_udp_create_socket_create_udp_socket(0, &udp_socket, &udp);
  plugin_string_t host;
  plugin_string_set(&host, "localhost");
  wasi_sockets_ip_name_lookup_own_resolve_address_stream_t stream;
  wasi_sockets_ip_name_lookup_resolve_addresses(wasi_sockets_network_borrow_network(network), &host,
                                                &stream, &name);
  snprintf(text, sizeof text, "tcp %d, udp %d, name %d", tcp, udp, name);
}

static void tell_time(void) {
  wasi_clocks_wall_clock_datetime_t now;
  wasi_clocks_wall_clock_now(&now);
  snprintf(text, sizeof text, "%" PRIu64 ".%03" PRIu32 " and %" PRIu64 " ms", now.seconds,
           now.nanoseconds / 1000000, wasi_clocks_monotonic_clock_now() / 1000000);
}

static void draw(uint64_t length) {
  plugin_list_u8_t bytes;
  wasi_random_random_get_random_bytes(length, &bytes);
  plugin_tuple2_u64_u64_t seed;
  wasi_random_insecure_seed_insecure_seed(&seed);
  uint64_t first = 0;
  memcpy(&first, bytes.ptr, bytes.len < 8 ? bytes.len : 8);
  snprintf(text, sizeof text, "%zu: %" PRIx64 " %" PRIx64 " %" PRIx64, bytes.len, first,
           wasi_random_random_get_random_u64(), seed.f0);
}

// The first is ready at once, the others after a second and more.
static void poll_many(uint64_t count) {
  wasi_io_poll_borrow_pollable_t *handles = malloc(count * sizeof *handles);
  for (uint64_t at = 0; at < count; at++)
    handles[at] =
        wasi_io_poll_borrow_pollable(wasi_clocks_monotonic_clock_subscribe_duration(at * 1000000000));
  wasi_io_poll_list_borrow_pollable_t list = {handles, count};
  plugin_list_u32_t ready;
  wasi_io_poll_poll(&list, &ready);
  snprintf(text, sizeof text, "%zu ready", ready.len);
}

// One handle, asked about as often as `count` says.
static void poll_one(uint64_t count) {
  wasi_io_poll_borrow_pollable_t *handles = malloc(count * sizeof *handles);
  wasi_io_poll_own_pollable_t timer = wasi_clocks_monotonic_clock_subscribe_duration(0);
  for (uint64_t at = 0; at < count; at++)
    handles[at] = wasi_io_poll_borrow_pollable(timer);
  wasi_io_poll_list_borrow_pollable_t list = {handles, count};
  plugin_list_u32_t ready;
  wasi_io_poll_poll(&list, &ready);
  snprintf(text, sizeof text, "%zu ready", ready.len);
}

static void busy_poll(void) {
  wasi_io_poll_own_pollable_t timer = wasi_clocks_monotonic_clock_subscribe_duration(1000000000000);
  while (!wasi_io_poll_method_pollable_ready(wasi_io_poll_borrow_pollable(timer))) {
  }
}

bool exports_althing_plugin_commands_run(exports_althing_plugin_commands_context_t *ctx,
                                         exports_althing_plugin_commands_command_t *command,
                                         exports_althing_plugin_commands_option_reply_t *ret,
                                         plugin_string_t *err) {
  (void)ctx;
  (void)err;
  char order[64] = "";
  memcpy(order, command->text.ptr, command->text.len < 63 ? command->text.len : 63);
  char *space = strchr(order, ' ');
  uint64_t number = space ? strtoull(space + 1, NULL, 10) : 0;
  if (space)
    *space = 0;
  strcpy(text, "done");
  if (!out.__handle)
    out = wasi_cli_stdout_get_stdout();

  if (!strcmp(order, "look"))
    look_around();
  else if (!strcmp(order, "reach"))
    reach_out();
  else if (!strcmp(order, "time"))
    tell_time();
  else if (!strcmp(order, "sleep")) {
    sleep_ms(number);
    tell_time();
  } else if (!strcmp(order, "random"))
    draw(number);
  else if (!strcmp(order, "print")) {
    for (uint64_t line = 0; line < number; line++)
      write_out("a line\n", 7);
    write_out("and half a one", 14);
  } else if (!strcmp(order, "pour")) {
    for (;;)
      write_out("................................................................", 64);
  } else if (!strcmp(order, "zeroes")) {
    wasi_io_streams_stream_error_t error;
    wasi_io_streams_method_output_stream_write_zeroes(wasi_io_streams_borrow_output_stream(out),
                                                      number, &error);
  } else if (!strcmp(order, "polls"))
    poll_many(number);
  else if (!strcmp(order, "repeats"))
    poll_one(number);
  else if (!strcmp(order, "spin"))
    busy_poll();
  else if (!strcmp(order, "streams")) {
    for (uint64_t at = 0; at < number; at++)
      wasi_cli_stdout_get_stdout();
  } else if (!strcmp(order, "networks")) {
    for (uint64_t at = 0; at < number; at++)
      wasi_sockets_instance_network_instance_network();
  } else if (!strcmp(order, "exit"))
    wasi_cli_exit_exit(&(wasi_cli_exit_result_void_void_t){.is_err = number != 0});

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
  *ret = (exports_althing_plugin_commands_list_choice_t){0};
}
