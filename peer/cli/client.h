/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The client side of spratd's control protocol, for the subcommands that control spratd: one
 * connection, with calls that block.
 */
#ifndef PEER_CLI_CLIENT_H
#define PEER_CLI_CLIENT_H

#include <jansson.h>
#include <stdbool.h>

#include "peer/cli/command.h"
#include "peer/core/why.h"

/* The option rows that these subcommands share. The ids of a subcommand's own options are smaller
 * than CLIENT_OPT_SOCKET. */
enum { CLIENT_OPT_SOCKET = 100, CLIENT_OPT_JSON };

#define CLIENT_SOCKET_ROW                                                                          \
    {                                                                                              \
        CLIENT_OPT_SOCKET, 0, "socket", "PATH",                                                    \
            "the daemon's socket (default: $SPRAT_SOCKET, else the user's socket, else the "       \
            "system's)"                                                                            \
    }
#define CLIENT_JSON_ROW                                                                            \
    {                                                                                              \
        CLIENT_OPT_JSON, 0, "json", NULL, "print the daemon's answer as JSON"                      \
    }

struct client_options {
    const char *socket; /* NULL: the default */
    bool json;
};

/* Stores a shared option. */
void client_option(struct client_options *o, int id, const char *value);

/* Connects to spratd and returns a descriptor; or NOENT or REFUSED (spratd is not running), ACCESS
 * (the socket belongs to another user), with a sentence that says what to do. Without --socket the
 * path is $SPRAT_SOCKET, else the user's own socket, else, if no spratd serves that, the system's.
 */
int client_connect(const struct client_options *o, struct errbuf *eb);

/* Begins a subcommand whose only options are CLIENT_SOCKET_ROW and CLIENT_JSON_ROW: reads the
 * options into |o|, and |min| to |max| operands into |args|, and connects. Returns a descriptor; or
 * -1, and |args->status| is the subcommand's exit status. */
int client_begin(const struct cli_command *self, int argc, const char *const *argv, size_t min,
                 size_t max, struct cli_args *args, struct client_options *o);

/* Makes one call; |params| (may be NULL) is taken. As rpc_response(), CLOSED when the daemon closes
 * the connection. */
int client_call(int fd, const char *method, json_t *params, json_t **result, struct errbuf *eb);

/* Prints |value| indented. CLI_OK or CLI_FAILED. */
int client_print_json(const json_t *value);

/* Prints a result as text for the user. Returns the exit status. */
typedef int (*client_print_fn)(const json_t *result);

/* Makes one call and prints its result: as JSON with --json, else by |print| (NULL: no output).
 * |params| (may be NULL) is taken. Returns the exit status; errors have been printed. */
int client_show(int fd, const struct client_options *o, const char *method, json_t *params,
                client_print_fn print);

/* A method of the daemon, and the function that prints its result. */
struct client_question {
    const char *method;
    client_print_fn print;
};

/* Runs a complete subcommand whose only options are CLIENT_SOCKET_ROW and CLIENT_JSON_ROW, and that
 * makes one call: |of_daemon| without an operand, |of_torrent| with a torrent as the operand. The
 * operand is required if |of_daemon| is NULL, and refused if |of_torrent| is NULL. Returns the exit
 * status. */
int client_ask(const struct cli_command *self, int argc, const char *const *argv,
               const struct client_question *of_daemon, const struct client_question *of_torrent);

/* The only operand of a command that acts on every torrent of the daemon. */
#define CLIENT_ALL "all"

/* Connects and calls client_show() for each torrent in |args|, or for every torrent of the daemon
 * if CLIENT_ALL is the only operand. The parameters of each call are |params| (not taken) and the
 * torrent. An error does not end the series; CLI_FAILED if a call failed. */
int client_show_each(const struct client_options *o, const struct cli_args *args,
                     const char *method, const json_t *params, client_print_fn print);

/* An option without a value, and the parameter that it sets to true. */
struct client_flag {
    int id;
    const char *key;
};

/* Runs a complete subcommand that calls |method| for each torrent and prints only errors, and with
 * --json the answers. |flags| are the subcommand's own options and end with a NULL key; NULL: no
 * options. */
int client_for_each(const struct cli_command *self, int argc, const char *const *argv,
                    const char *method, const struct client_flag *flags);

/* INVAL and a sentence that begins with |what| if |value| is not valid UTF-8, which JSON can't
 * hold.
 */
int client_check_text(const char *what, const char *value, struct errbuf *eb);

/* Appends |value| to the list |key| of |params|, and makes the list if it does not exist. INVAL as
 * client_check_text(). */
int client_append(json_t *params, const char *key, const char *value, struct errbuf *eb);

/* Sets |key| of |params| to the RATE of an option in bytes/s; "none" and 0 are 0. INVAL and a
 * sentence. */
int client_put_rate(json_t *params, const char *key, const char *option, const char *value,
                    struct errbuf *eb);

/* Writes the sentence of |o|'s member "why" with the time of the next attempt; NULL if there is
 * none or data moves. Returns |out|. */
const char *client_why(const json_t *o, char out[WHY_SENTENCE_MAX]);

/* The member |key| of |o|; 0 or "" if it does not exist. */
int64_t client_int(const json_t *o, const char *key);
const char *client_text(const json_t *o, const char *key);

#endif
