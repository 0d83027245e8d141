/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The way to spratd for the subcommands that control it: one connection, calls that wait.
 */
#ifndef PEER_CLI_CLIENT_H
#define PEER_CLI_CLIENT_H

#include <jansson.h>
#include <stdbool.h>

#include "peer/cli/command.h"
#include "peer/core/why.h"

/* The rows that these subcommands share; their own ids stay below. */
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

/* Takes a shared option. */
void client_option(struct client_options *o, int id, const char *value);

/* A descriptor; or NOENT or REFUSED (spratd is not running), ACCESS (another user's) and a sentence
 * that says what to do. Without --socket it is $SPRAT_SOCKET, else the user's own, else, where none
 * is served, the system's. */
int client_connect(const struct client_options *o, struct errbuf *eb);

/* The beginning of a subcommand that has no options but CLIENT_SOCKET_ROW and CLIENT_JSON_ROW:
 * reads them into |o|, and |min| to |max| operands into |args|, and connects. A descriptor; or -1,
 * and |args->status| is what the subcommand ends with. */
int client_begin(const struct cli_command *self, int argc, const char *const *argv, size_t min,
                 size_t max, struct cli_args *args, struct client_options *o);

/* One call; |params| (may be NULL) is taken. As rpc_response(), CLOSED when the daemon hangs up. */
int client_call(int fd, const char *method, json_t *params, json_t **result, struct errbuf *eb);

/* Prints |value| indented. CLI_OK or CLI_FAILED. */
int client_print_json(const json_t *value);

/* Prints a result for a person. Returns the exit status. */
typedef int (*client_print_fn)(const json_t *result);

/* One call whose result is printed: as JSON with --json, else by |print| (NULL: not at all).
 * |params| (may be NULL) is taken. Returns the exit status; an error was printed. */
int client_show(int fd, const struct client_options *o, const char *method, json_t *params,
                client_print_fn print);

/* The word that means every torrent of the daemon, as the only operand. */
#define CLIENT_ALL "all"

/* Connects and calls client_show() for each torrent that |args| name, or for every torrent of the
 * daemon if CLIENT_ALL is the only operand. Each call has |params| (not taken) and the torrent. All
 * torrents are tried; CLI_FAILED if one failed. */
int client_show_each(const struct client_options *o, const struct cli_args *args,
                     const char *method, const json_t *params, client_print_fn print);

/* An option without a value, and the key that it sets to true in the call. */
struct client_flag {
    int id;
    const char *key;
};

/* A whole subcommand that calls |method| for each torrent and prints nothing but errors, and with
 * --json the answers. |flags| are its own options and end with a NULL key; NULL: it has none. */
int client_for_each(const struct cli_command *self, int argc, const char *const *argv,
                    const char *method, const struct client_flag *flags);

/* Appends |value| to the list |key| of |params|, which is made if it is not there. */
void client_append(json_t *params, const char *key, const char *value);

/* Puts the RATE of an option into |params| as bytes a second; "none" and 0 are 0. INVAL and a
 * sentence. */
int client_put_rate(json_t *params, const char *key, const char *option, const char *value,
                    struct errbuf *eb);

/* The sentence of |o|'s member "why" with the time of the next try; NULL if there is none or data
 * moves. Returns |out|. */
const char *client_why(const json_t *o, char out[WHY_SENTENCE_MAX]);

/* The member |key| of |o|, or 0 or "". */
int64_t client_int(const json_t *o, const char *key);
const char *client_text(const json_t *o, const char *key);

#endif
