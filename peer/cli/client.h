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
            "spratd's socket ($SPRAT_SOCKET, else the user's own, else the system's)"              \
    }
#define CLIENT_JSON_ROW                                                                            \
    {                                                                                              \
        CLIENT_OPT_JSON, 0, "json", NULL, "print what the daemon answers, as JSON"                 \
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

/* The beginning of a subcommand without operands or options of its own: reads the command line into
 * |o| and connects. A descriptor; or -1, and |*status| is what the subcommand ends with. */
int client_begin(const struct cli_command *self, int argc, const char *const *argv,
                 struct client_options *o, int *status);

/* One call; |params| (may be NULL) is taken. As rpc_response(), CLOSED when the daemon hangs up. */
int client_call(int fd, const char *method, json_t *params, json_t **result, struct errbuf *eb);

/* Prints |value| indented. CLI_OK or CLI_FAILED. */
int client_print_json(const json_t *value);

/* A whole subcommand that calls |method| with {"torrent": OPERAND} for each operand and prints only
 * errors (and with --json the answers). */
int client_for_each(const struct cli_command *self, int argc, const char *const *argv,
                    const char *method);

/* The word that means every torrent of the daemon, as the only operand. */
#define CLIENT_ALL "all"

/* The torrents that |args| name, as a list of strings for client_call(): the operands, or for
 * CLIENT_ALL alone the info-hashes of all. Errors as client_call(). */
int client_torrents(int fd, const struct cli_args *args, json_t **out, struct errbuf *eb);

/* An option without a value, and the key that it sets to true in the call. */
struct client_flag {
    int id;
    const char *key;
};

/* The same with options of its own; |flags| ends with a NULL key. */
int client_for_each_with(const struct cli_command *self, int argc, const char *const *argv,
                         const char *method, const struct client_flag *flags);

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
