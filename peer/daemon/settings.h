/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The settings of spratd, read from its command line and its configuration file. One table of
 * options serves both, --help, and completion.
 */
#ifndef PEER_DAEMON_SETTINGS_H
#define PEER_DAEMON_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/log.h"
#include "peer/engine/dhtnames.h"
#include "peer/engine/engine.h"

enum {
    SETTINGS_KEYS_MAX = 64,
    SETTINGS_REST_S_MAX = 86400,
};

#define SETTINGS_FILE_NAME "spratd.conf"
#define SETTINGS_NO_FILE   "none" /* as the value of -c */

/* The settings. The struct owns its strings, except |base|. */
struct settings {
    const char *base; /* the base directory of relative paths on the command line */
    char *file;       /* absolute path of the configuration file that was read; NULL: none */
    char *given[SETTINGS_KEYS_MAX]; /* each key's value as given; NULL: not given */
    char *state_dir; /* absolute */
    char *socket;    /* absolute */
    char *socket_group; /* NULL: only the user can connect */
    char *save_dir;  /* absolute; NULL: clients must name a directory */
    char *completed_dir; /* absolute; NULL: complete files stay where they are */
    bool reserve;        /* allocate = full */
    bool incomplete_suffix;
    struct endpoint listen[ENGINE_LISTEN_MAX];
    size_t listen_count;
    uint64_t up_limit, down_limit;
    uint64_t loops;
    uint64_t max_peers, max_connections; /* maximum per torrent, maximum in all; 0: the defaults */
    uint64_t rest_after_s; /* 0: the default */
    bool no_pex;
    bool dht;
    char *dht_names[DHTNAMES_BOOTSTRAP_MAX]; /* without any: the default names */
    size_t dht_name_count;
    bool lsd;
    char *ca_file; /* absolute; NULL: only the system's */
    enum seed_policy seed; /* of torrents that are added without a policy */
    double ratio;
    enum log_level log_level;
    bool foreground;
};

enum settings_action { SETTINGS_RUN, SETTINGS_HELP, SETTINGS_VERSION };

/* Reads the arguments behind the program's name, and one configuration file: the file that -c
 * names, else the first existing file of the user's and the system's. The command line has
 * precedence. |base| must outlive |s|. 0, or an error and a sentence: INVAL for wrong usage of the
 * command line, any other error for the file or the environment. settings_fini() is due in every
 * case. */
int settings_read(struct settings *s, const char *base, int argc, const char *const *argv,
                  enum settings_action *action, struct errbuf *eb);
void settings_fini(struct settings *s);

/* The path of the first existing configuration file in |count| |dirs| (NULLs are skipped), to be
 * freed, or NULL. A file that can't be examined counts as existing. NOMEM. */
int settings_find_file(const char *const dirs[], size_t count, char **out, struct errbuf *eb);

/* Receives a changed key from settings_change(): its value |before| and |after| (NULL: not given),
 * and whether the setting is |changed| or needs a restart. */
typedef void (*settings_change_fn)(void *ctx, const char *key, const char *before,
                                   const char *after, bool changed);

/* Copies the settings that can change at run time from |from| to |s|, and reports each key whose
 * text differs. settings_fini() of |from| is still due. */
void settings_change(struct settings *s, struct settings *from, settings_change_fn report,
                     void *ctx);

/* Parses "sparse" or "full". SPRAT_E_INVAL. */
int settings_parse_allocate(const char *value, bool *reserve);

/* Parses "none", "forever" or a ratio. SPRAT_E_INVAL. */
int settings_parse_seed(const char *value, enum seed_policy *seed, double *ratio);

void settings_print_help(void);

/* Prints the completions (common/base/complete.h) of a command line with |argc| ≥ 1 words behind
 * spratd. */
void settings_complete(int argc, const char *const *argv);

#endif
