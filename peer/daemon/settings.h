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
#include "peer/engine/engine.h"

enum {
    SETTINGS_KEYS_MAX = 64,
    SETTINGS_REST_S_MAX = 86400,
};

#define SETTINGS_FILE_NAME "spratd.conf"
#define SETTINGS_NO_FILE   "none" /* as the value of -c */

/* Owns its strings, but for |base|. */
struct settings {
    const char *base; /* the directory that relative paths of the command line begin in */
    char *file;       /* the configuration file that was read, absolute; NULL: none */
    char *said[SETTINGS_KEYS_MAX]; /* each key's value as it was given; NULL: it was not */
    char *state_dir; /* absolute */
    char *socket;    /* absolute */
    char *socket_group; /* NULL: nobody but the user */
    char *save_dir;  /* absolute; NULL: clients must say */
    char *completed_dir; /* absolute; NULL: what is complete stays */
    bool reserve;        /* allocate = full */
    bool incomplete_suffix;
    struct endpoint listen[ENGINE_LISTEN_MAX];
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

/* Reads the words behind the program's name, and one configuration file: the one that -c names,
 * else the first that is there of the user's and the system's. The command line wins. |base| must
 * outlive |s|. 0, or an error and a sentence: INVAL for wrong usage of the command line, any other
 * for the file or the environment. settings_fini() in every case. */
int settings_read(struct settings *s, const char *base, int argc, const char *const *argv,
                  enum settings_action *action, struct errbuf *eb);
void settings_fini(struct settings *s);

/* The path of the first configuration file that is there among |count| |dirs| (NULLs are passed
 * over), to be freed, or NULL. One that can't be looked at counts as there. NOMEM. */
int settings_find_file(const char *const dirs[], size_t count, char **out, struct errbuf *eb);

/* What settings_change() tells of a key: how it was given |before| and |after| (NULL: it was not),
 * and whether it is |changed| or needs a restart. */
typedef void (*settings_change_fn)(void *ctx, const char *key, const char *before,
                                   const char *after, bool changed);

/* Makes |s| what |from| is, as far as it can change while spratd runs, and tells of each key whose
 * text differs. |from| is to be given to settings_fini() as before. */
void settings_change(struct settings *s, struct settings *from, settings_change_fn tell, void *ctx);

/* "sparse" or "full". SPRAT_E_INVAL. */
int settings_parse_allocate(const char *value, bool *reserve);

/* "none", "forever" or a ratio. SPRAT_E_INVAL. */
int settings_parse_seed(const char *value, enum seed_policy *seed, double *ratio);

void settings_print_help(void);

/* Prints the answer (common/base/complete.h) for a command line of |argc| ≥ 1 words behind spratd
 * that is being typed. */
void settings_complete(int argc, const char *const *argv);

#endif
