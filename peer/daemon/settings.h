/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What spratd is told by its command line and its configuration file: one table for both, for
 * --help and for suggestions.
 */
#ifndef PEER_DAEMON_SETTINGS_H
#define PEER_DAEMON_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "peer/net/session.h"

enum {
    SETTINGS_FILE_MAX = 1024 * 1024, /* bytes of a configuration file */
    SETTINGS_REST_S_MAX = 86400,
    SETTINGS_LINE_MAX = 190,         /* bytes of one of its lines: inih reads no longer ones */
};

/* Owns its strings. */
struct settings {
    char *state_dir; /* absolute */
    char *socket;    /* absolute */
    char *save_dir;  /* absolute; NULL: clients must say */
    char *completed_dir; /* absolute; NULL: what is complete stays */
    bool reserve;        /* allocate = full */
    struct endpoint listen[SESSION_LISTEN_MAX];
    size_t listen_count;
    uint64_t up_limit, down_limit;
    uint64_t loops;
    uint64_t max_peers, max_connections; /* of a torrent, of all; 0: the defaults */
    uint64_t rest_after_s; /* 0: the default */
    bool no_pex;
    char *ca_file; /* absolute; NULL: none of our own */
    enum seed_policy seed; /* of torrents that come without one */
    double ratio;
    enum log_level log_level;
    bool foreground;
};

enum settings_action { SETTINGS_RUN, SETTINGS_HELP, SETTINGS_VERSION };

/* Reads the words behind the program's name, and the file that -c names; the command line wins. 0,
 * or an error and a sentence: INVAL for wrong usage of the command line, any other for the file or
 * the environment. settings_fini() in every case. */
int settings_read(struct settings *s, int argc, const char *const *argv,
                  enum settings_action *action, struct errbuf *eb);
void settings_fini(struct settings *s);

/* "sparse" or "full". SPRAT_E_INVAL. */
int settings_parse_allocate(const char *value, bool *reserve);

/* "none", "forever" or a ratio. SPRAT_E_INVAL. */
int settings_parse_seed(const char *value, enum seed_policy *seed, double *ratio);

void settings_print_help(void);

#endif
