/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The common part of get and seed: one torrent in an engine of its own, in the foreground, until it
 * is complete, failed or stopped; and the options for that.
 */
#ifndef PEER_CLI_TRANSFER_H
#define PEER_CLI_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#include "peer/cli/command.h"
#include "peer/engine/engine.h"

/* The option rows of both get and seed. The ids of a subcommand's own options are smaller than
 * TRANSFER_OPT_TRACKER. */
enum {
    TRANSFER_OPT_TRACKER = 100,
    TRANSFER_OPT_LISTEN,
    TRANSFER_OPT_UP_LIMIT,
    TRANSFER_OPT_DOWN_LIMIT,
    TRANSFER_OPT_MAX_PEERS,
    TRANSFER_OPT_NO_PEX,
    TRANSFER_OPT_NO_DHT,
    TRANSFER_OPT_DHT_BOOTSTRAP,
    TRANSFER_OPT_NO_LSD,
    TRANSFER_OPT_CA,
    TRANSFER_OPT_STATE_DIR,
    TRANSFER_OPT_CHECK,
    TRANSFER_OPT_GIVE_UP,
    TRANSFER_OPT_JSON,
};

#define TRANSFER_ROWS                                                                              \
    {TRANSFER_OPT_TRACKER, 't', "tracker", "URL", "announce to this tracker too; repeatable"},     \
        {TRANSFER_OPT_LISTEN, 0, "listen", "ADDR:PORT",                                            \
         "accept connections at this address (default: every address, port 6881 or the next "      \
         "free one); repeatable"},                                                                 \
        {TRANSFER_OPT_UP_LIMIT, 0, "up-limit", "RATE",                                             \
         "upload at most this many bytes per second, as in 500K or 2M (default: no limit)"},       \
        {TRANSFER_OPT_DOWN_LIMIT, 0, "down-limit", "RATE",                                         \
         "download at most this many bytes per second (default: no limit)"},                       \
        {TRANSFER_OPT_MAX_PEERS, 0, "max-peers", "COUNT",                                          \
         "connect to at most this many peers (default: 200)"},                                     \
        {TRANSFER_OPT_NO_PEX, 0, "no-pex", NULL,                                                   \
         "do not exchange peer addresses with other peers"},                                       \
        {TRANSFER_OPT_NO_DHT, 0, "no-dht", NULL,                                                   \
         "do not use the DHT (default: it is used, unless $SPRAT_DHT is no)"},                     \
        {TRANSFER_OPT_DHT_BOOTSTRAP, 0, "dht-bootstrap", "HOST:PORT",                              \
         "ask this host for nodes of the DHT if no node of the last run answers (default: two "    \
         "public hosts); repeatable"},                                                             \
        {TRANSFER_OPT_NO_LSD, 0, "no-lsd", NULL,                                                   \
         "do not search the local network for peers (default: it is searched, unless $SPRAT_LSD "  \
         "is no)"},                                                                                \
        {TRANSFER_OPT_CA, 0, "ca", "FILE",                                                         \
         "also trust the certificate authorities in this PEM file for HTTPS trackers "             \
         "(default: $SSL_CERT_FILE)"},                                                             \
        {TRANSFER_OPT_STATE_DIR, 0, "state-dir", "DIR",                                            \
         "keep the state in DIR (default: $XDG_STATE_HOME/sprat or ~/.local/state/sprat)"},        \
        {TRANSFER_OPT_CHECK, 0, "check", NULL,                                                     \
         "hash all data on disk, also pieces that the state database lists as verified"},          \
        {TRANSFER_OPT_GIVE_UP, 0, "give-up-after", "TIME",                                         \
         "end with status 4 after this time without progress, as in 90s, 10m or 2h (default: "     \
         "never)"},                                                                                \
    {                                                                                              \
        TRANSFER_OPT_JSON, 0, "json", NULL, "print events, one JSON object per line"               \
    }

/* The metainfo of a magnet link: called once, and then the run ends with the status that is
 * returned. */
typedef int (*transfer_metainfo_fn)(void *user, const struct metainfo *mi);

struct transfer_options {
    struct cli_list trackers;
    struct endpoint listen[ENGINE_LISTEN_MAX];
    size_t listen_count;
    uint64_t up_limit, down_limit;
    uint64_t max_peers; /* 0: the default */
    bool no_pex;
    bool no_dht, no_lsd;
    struct cli_list dht_names;
    const char *ca_file;   /* NULL: only the system's authorities */
    const char *state_dir; /* NULL: the default */
    bool force_check;
    uint64_t give_up_s; /* 0: never */
    uint64_t linger_s;  /* how long a complete download stays for others (lingering.h); 0: it ends
                           when its seed policy says so */
    uint64_t until;     /* a seed ends when so many whole copies are out; 0: never */
    bool json;
    transfer_metainfo_fn on_metainfo; /* NULL: the content is transferred */
    void *user;
};

/* Stores one of the common options. 0, or an error and a sentence. */
int transfer_option(struct transfer_options *o, int id, const char *value, struct errbuf *eb);

/* Whether the DHT, or local discovery, is used, for a torrent that is not private. */
bool transfer_uses_dht(const struct transfer_options *o);
bool transfer_uses_lsd(const struct transfer_options *o);

/* The path of the state directory according to |o|, to be freed; NULL and a sentence on failure. */
char *transfer_state_dir(const struct transfer_options *o, struct errbuf *eb);

struct screen;

/* Runs the torrent |add| to its end and returns the exit status. Owns |add->mi| from now on, in
 * every case. |torrent_path| (may be NULL) is printed when the torrent is ready, and a seed's link.
 * |screen| is the screen in use so far. */
int transfer_run(const struct cli_command *command, const struct transfer_options *o,
                 struct torrent_add *add, const char *torrent_path, struct screen *screen);

#endif
