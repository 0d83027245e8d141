/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One table describes the options of the command line; each long option that takes a value, except
 * --config, is also a key of the configuration file.
 */
#include "peer/daemon/settings.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/complete.h"
#include "common/base/options.h"
#include "common/base/parse.h"
#include "common/sys/conffile.h"
#include "common/sys/confvalue.h"
#include "common/sys/paths.h"
#include "common/sys/processors.h"
#include "common/sys/terminal.h"
#include "common/sys/unixsock.h"
#include "config.h"
#include "peer/engine/searchdefault.h"

enum {
    OPT_CONFIG = 1,
    OPT_FOREGROUND,
    OPT_HELP,
    OPT_VERSION,
    OPT_KEYS, /* the options from here on are keys of the file too */
    OPT_STATE_DIR = OPT_KEYS,
    OPT_SOCKET,
    OPT_SOCKET_GROUP,
    OPT_SAVE_DIR,
    OPT_COMPLETED_DIR,
    OPT_ALLOCATE,
    OPT_SUFFIX,
    OPT_LISTEN,
    OPT_UP_LIMIT,
    OPT_DOWN_LIMIT,
    OPT_LOOPS,
    OPT_MAX_PEERS,
    OPT_MAX_CONNECTIONS,
    OPT_REST_AFTER,
    OPT_PEX,
    OPT_DHT,
    OPT_DHT_BOOTSTRAP,
    OPT_LSD,
    OPT_CA,
    OPT_SEED,
    OPT_LOG_LEVEL,
    OPT_END,
};

static_assert(OPT_END - OPT_KEYS <= SETTINGS_KEYS_MAX, "given[] has an element for each key");

static const struct option_spec specs[] = {
    {OPT_CONFIG, 'c', "config", "FILE",
     "read settings from FILE; 'none' reads no file. Options override the file. (default: "
     "$XDG_CONFIG_HOME/sprat/spratd.conf or ~/.config/sprat/spratd.conf, else " SPRAT_CONFIG_DIR
     "/spratd.conf)"},
    {OPT_FOREGROUND, 0, "foreground", NULL, "stay in the foreground and log to standard error"},
    {OPT_STATE_DIR, 0, "state-dir", "DIR",
     "keep the state in DIR (default: $XDG_STATE_HOME/sprat or ~/.local/state/sprat)"},
    {OPT_SOCKET, 0, "socket", "PATH",
     "Unix socket for commands (default: $XDG_RUNTIME_DIR/sprat/spratd.sock)"},
    {OPT_SOCKET_GROUP, 0, "socket-group", "GROUP",
     "let members of this group use the socket too; they can then read and write all "
     "files that the daemon can (default: no group)"},
    {OPT_SAVE_DIR, 0, "save-dir", "DIR",
     "where torrents are saved that are added without a directory (default: the client's "
     "current directory; $STATE_DIRECTORY/downloads for a system service)"},
    {OPT_COMPLETED_DIR, 0, "completed-dir", "DIR",
     "move torrents here when their download is complete, unless another directory was "
     "given (default: they stay)"},
    {OPT_ALLOCATE, 0, "allocate", "sparse|full",
     "full: reserve disk space for all wanted files of a torrent before its download "
     "starts (default: sparse)"},
    {OPT_SUFFIX, 0, "incomplete-suffix", "yes|no",
     "call each file NAME.incomplete until it is complete, so that other programs do not "
     "open it before (default: no)"},
    {OPT_LISTEN, 0, "listen", "ADDR:PORT",
     "accept connections at this address (default: every address, port 6881 or the next "
     "free one); repeatable"},
    {OPT_UP_LIMIT, 0, "up-limit", "RATE",
     "upload at most this many bytes per second, all torrents together, as in 500K or 2M "
     "(default: no limit)"},
    {OPT_DOWN_LIMIT, 0, "down-limit", "RATE",
     "download at most this many bytes per second, all torrents together (default: no "
     "limit)"},
    {OPT_LOOPS, 0, "loops", "COUNT",
     "number of threads that serve torrents, each torrent by one of them (default: one "
     "per processor)"},
    {OPT_MAX_PEERS, 0, "max-peers", "COUNT",
     "connect to at most this many peers per torrent (default: 200)"},
    {OPT_MAX_CONNECTIONS, 0, "max-connections", "COUNT",
     "connect to at most this many peers, all torrents together (default: 4000)"},
    {OPT_REST_AFTER, 0, "rest-after", "SECONDS",
     "free the memory of a complete torrent when no peer has been connected for this "
     "long; it is still announced and seeded (default: 30)"},
    {OPT_PEX, 0, "pex", "yes|no",
     "exchange peer addresses with other peers, except in private torrents (default: "
     "yes)"},
    {OPT_DHT, 0, "dht", "yes|no",
     "find peers in the DHT and be found there, without trackers, except in private torrents "
     "(default: yes, unless $SPRAT_DHT is no)"},
    {OPT_DHT_BOOTSTRAP, 0, "dht-bootstrap", "HOST:PORT",
     "ask this host for nodes of the DHT if no node of the last run answers (default: two "
     "public hosts); repeatable"},
    {OPT_LSD, 0, "lsd", "yes|no",
     "find peers in the local network and be found there, except in private torrents (default: "
     "yes, unless $SPRAT_LSD is no)"},
    {OPT_CA, 0, "ca", "FILE",
     "also trust the certificate authorities in this PEM file for HTTPS trackers "
     "(default: $SSL_CERT_FILE)"},
    {OPT_SEED, 0, "seed", "none|forever|RATIO",
     "how long to seed complete torrents that are added without --seed (default: "
     "forever)"},
    {OPT_LOG_LEVEL, 0, "log-level", "error|warning|info|debug",
     "log messages of this level and of more severe levels (default: info)"},
    {OPT_HELP, 'h', "help", NULL, "print this help"},
    {OPT_VERSION, 'V', "version", NULL, "print the version"},
};

enum { SPEC_COUNT = sizeof(specs) / sizeof(specs[0]) };

void
settings_print_help(void)
{
    unsigned width = terminal_help_columns();

    printf("usage: spratd [options]\n\n");
    options_print_text(stdout,
                       "Downloads and seeds many torrents in the background. It is controlled with "
                       "sprat add, ls, why, info, pause, resume, limit, select, rm and shutdown.",
                       0, width);
    printf("\noptions:\n");
    options_print(stdout, specs, SPEC_COUNT, width);
    printf("\n");
    options_print_text(stdout,
                       "Every long option with a value, except --config, is also a key of FILE, "
                       "as in:",
                       0, width);
    printf("up-limit = 2M\n"
           "\nexample:\n  spratd --listen 0.0.0.0:6881 --up-limit 2M --save-dir ~/downloads\n"
           "  sprat add debian-12.torrent\n  sprat ls\n");
}

void
settings_complete(int argc, const char *const *argv)
{
    struct complete_args a = {.argc = argc, .argv = argv, .specs = specs, .count = SPEC_COUNT};

    complete_arguments(stdout, &a);
}

int
settings_parse_allocate(const char *value, bool *reserve)
{
    *reserve = strcmp(value, "full") == 0;
    return *reserve || strcmp(value, "sparse") == 0 ? 0 : SPRAT_E_INVAL;
}

int
settings_parse_seed(const char *value, enum seed_policy *seed, double *ratio)
{
    if (strcmp(value, "none") == 0)
        *seed = SEED_NONE;
    else if (strcmp(value, "forever") == 0)
        *seed = SEED_FOREVER;
    else if (parse_ratio(value, ratio) == 0)
        *seed = SEED_RATIO;
    else
        return SPRAT_E_INVAL;
    return 0;
}

/* Returns the absolute path of |value|, to be freed: relative to the directory in which spratd was
 * started, or, after ~/, to the home directory. NULL and a sentence on error. */
static char *
resolve(const struct settings *s, const char *value, struct errbuf *eb)
{
    char *home = value[0] == '~' && value[1] == '/' ? path_home_dir() : NULL;
    char *from, *path = NULL;

    if (home != NULL)
        from = path_join(home, value + 2);
    else
        from = path_join(value[0] == '/' || value[0] == '\0' ? "" : s->base, value);
    if (from == NULL)
        errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    else if (path_absolute(from, &path, eb) != 0)
        path = NULL;
    free(home);
    free(from);
    return path;
}

static int
set_path(const struct settings *s, char **where, const char *name, const char *value,
         struct errbuf *eb)
{
    struct errbuf why;
    char *path = resolve(s, value, &why);

    if (path == NULL)
        return errbuf_set(eb, SPRAT_E_INVAL, "%s: %s", name, why.text);
    free(*where);
    *where = path;
    return 0;
}

static int
set_rate(uint64_t *where, const char *name, const char *value, struct errbuf *eb)
{
    if (parse_rate(value, where) != 0)
        return errbuf_set(eb, SPRAT_E_INVAL,
                          "%s: '%s' is not a rate in bytes per second, such as 500K or 2M", name,
                          value);
    return 0;
}

static int
set_pex(struct settings *s, const char *value, struct errbuf *eb)
{
    bool pex = !s->no_pex;
    int err = confvalue_bool(&pex, "pex", value, eb);

    s->no_pex = !pex;
    return err;
}

static int
set_text(char **where, const char *name, const char *value, struct errbuf *eb)
{
    char *text = strdup(value);

    if (text == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    if (value[0] == '\0') {
        free(text);
        return errbuf_set(eb, SPRAT_E_INVAL, "%s: the value is empty", name);
    }
    free(*where);
    *where = text;
    return 0;
}

static bool
is_path(int id)
{
    return id == OPT_STATE_DIR || id == OPT_SOCKET || id == OPT_SAVE_DIR ||
           id == OPT_COMPLETED_DIR || id == OPT_CA;
}

/* Stores the text of |value| in given[]; several values of one key are joined into one text. */
static int
remember(struct settings *s, int id, const char *value, struct errbuf *eb)
{
    char **given = &s->given[id - OPT_KEYS], *text;

    if ((id != OPT_LISTEN && id != OPT_DHT_BOOTSTRAP) || *given == NULL)
        text = strdup(value);
    else if (asprintf(&text, "%s, %s", *given, value) < 0)
        text = NULL;
    if (text == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    free(*given);
    *given = text;
    return 0;
}

static int
add_dht_name(struct settings *s, const char *value, struct errbuf *eb)
{
    int err = searchdefault_check_dht_name("dht-bootstrap", value, eb);

    if (err != 0)
        return err;
    if (s->dht_name_count == DHTNAMES_BOOTSTRAP_MAX)
        return errbuf_set(eb, SPRAT_E_INVAL, "dht-bootstrap: more than %d of them",
                          DHTNAMES_BOOTSTRAP_MAX);
    s->dht_names[s->dht_name_count] = strdup(value);
    if (s->dht_names[s->dht_name_count] == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    s->dht_name_count++;
    return 0;
}

static void
forget_dht_names(struct settings *s)
{
    while (s->dht_name_count > 0)
        free(s->dht_names[--s->dht_name_count]);
    free(s->given[OPT_DHT_BOOTSTRAP - OPT_KEYS]);
    s->given[OPT_DHT_BOOTSTRAP - OPT_KEYS] = NULL;
}

static void
forget_listen(struct settings *s)
{
    s->listen_count = 0;
    free(s->given[OPT_LISTEN - OPT_KEYS]);
    s->given[OPT_LISTEN - OPT_KEYS] = NULL;
}

static int
parse_key(struct settings *s, int id, const char *value, struct errbuf *eb)
{
    switch (id) {
    case OPT_STATE_DIR: return set_path(s, &s->state_dir, "state-dir", value, eb);
    case OPT_SOCKET: return set_path(s, &s->socket, "socket", value, eb);
    case OPT_SOCKET_GROUP: return set_text(&s->socket_group, "socket-group", value, eb);
    case OPT_SAVE_DIR: return set_path(s, &s->save_dir, "save-dir", value, eb);
    case OPT_COMPLETED_DIR: return set_path(s, &s->completed_dir, "completed-dir", value, eb);
    case OPT_ALLOCATE:
        if (settings_parse_allocate(value, &s->reserve) != 0)
            return errbuf_set(eb, SPRAT_E_INVAL, "allocate: '%s' is not sparse or full", value);
        return 0;
    case OPT_SUFFIX: return confvalue_bool(&s->incomplete_suffix, "incomplete-suffix", value, eb);
    case OPT_LISTEN:
        return confvalue_add_listen(s->listen, &s->listen_count, ENGINE_LISTEN_MAX, "listen", value,
                                    eb);
    case OPT_UP_LIMIT: return set_rate(&s->up_limit, "up-limit", value, eb);
    case OPT_DOWN_LIMIT: return set_rate(&s->down_limit, "down-limit", value, eb);
    case OPT_LOOPS: return confvalue_u64(&s->loops, 1, ENGINE_LOOPS_MAX, "loops", value, eb);
    case OPT_MAX_PEERS:
        return confvalue_u64(&s->max_peers, 1, ENGINE_CONNS_MAX, "max-peers", value, eb);
    case OPT_MAX_CONNECTIONS:
        return confvalue_u64(&s->max_connections, 1, ENGINE_CONNS_MAX, "max-connections", value,
                             eb);
    case OPT_REST_AFTER:
        return confvalue_u64(&s->rest_after_s, 1, SETTINGS_REST_S_MAX, "rest-after", value, eb);
    case OPT_PEX: return set_pex(s, value, eb);
    case OPT_DHT: return confvalue_bool(&s->dht, "dht", value, eb);
    case OPT_DHT_BOOTSTRAP: return add_dht_name(s, value, eb);
    case OPT_LSD: return confvalue_bool(&s->lsd, "lsd", value, eb);
    case OPT_CA: return set_path(s, &s->ca_file, "ca", value, eb);
    case OPT_SEED:
        if (settings_parse_seed(value, &s->seed, &s->ratio) != 0)
            return errbuf_set(eb, SPRAT_E_INVAL, "seed: '%s' is not none, forever or a ratio",
                              value);
        return 0;
    case OPT_LOG_LEVEL: return confvalue_log_level(&s->log_level, value, eb);
    }
    return 0;
}

/* Sets a key, from the file or the command line. */
static int
set_key(struct settings *s, int id, const char *value, struct errbuf *eb)
{
    int err = parse_key(s, id, value, eb);

    return err == 0 ? remember(s, id, value, eb) : err;
}

/* Refuses relative paths in the file: their meaning would depend on where spratd is started. */
static int
check_path(int id, const char *key, const char *value, struct errbuf *eb)
{
    if (!is_path(id) || value[0] == '/' || strncmp(value, "~/", 2) == 0)
        return 0;
    return errbuf_set(eb, SPRAT_E_SYNTAX,
                      "%s: '%s' is not an absolute path; begin it with / or ~/", key,
                      value);
}

static int
on_line(void *ctx, const char *key, const char *value, struct errbuf *eb)
{
    const struct option_spec *spec = conffile_find_key(key, specs, SPEC_COUNT, eb);
    int err = spec != NULL ? check_path(spec->id, key, value, eb) : SPRAT_E_SYNTAX;

    return err == 0 ? set_key(ctx, spec->id, value, eb) : err;
}

/* Reads the command line into |s|, whose values so far are those of the file. */
static int
read_command_line(struct settings *s, int argc, const char *const *argv, const char **config,
                  enum settings_action *action, struct errbuf *eb)
{
    struct options o;
    const char *value;
    size_t from_file = s->listen_count, names_of_file = s->dht_name_count;
    int id, got, err = 0;

    options_init(&o, argc, argv, specs, SPEC_COUNT);
    while (err == 0 && (got = options_next(&o, &id, &value, eb)) == 1) {
        /* The first --listen replaces all addresses of the file. */
        if (id == OPT_LISTEN && from_file > 0) {
            forget_listen(s);
            from_file = 0;
        }
        if (id == OPT_DHT_BOOTSTRAP && names_of_file > 0) {
            forget_dht_names(s);
            names_of_file = 0;
        }
        switch (id) {
        case OPTION_OPERAND:
            return errbuf_set(eb, SPRAT_E_INVAL, "unexpected argument '%s'", value);
        case OPT_CONFIG: *config = value; break;
        case OPT_FOREGROUND: s->foreground = true; break;
        case OPT_HELP: *action = SETTINGS_HELP; break;
        case OPT_VERSION: *action = SETTINGS_VERSION; break;
        default: err = set_key(s, id, value, eb);
        }
    }
    return err != 0 || got < 0 ? SPRAT_E_INVAL : 0;
}

static void
set_defaults(struct settings *s)
{
    unsigned cpus = processors_usable();

    *s = (struct settings){.base = s->base,
                           .seed = SEED_FOREVER,
                           .log_level = LOG_INFO,
                           .dht = searchdefault_dht(),
                           .lsd = searchdefault_lsd(),
                           .loops = cpus < ENGINE_LOOPS_MAX ? cpus : ENGINE_LOOPS_MAX};
}

/* Returns the default save-dir of a system service, in the first directory of StateDirectory= in
 * its unit, to be freed. NULL if there is none, and when memory is out. */
static char *
service_save_dir(void)
{
    const char *dirs = getenv("STATE_DIRECTORY");
    char *first = dirs != NULL && dirs[0] == '/' ? strndup(dirs, strcspn(dirs, ":")) : NULL;
    char *dir = first != NULL ? path_join(first, "downloads") : NULL;

    free(first);
    return dir;
}

/* Fills in the default paths. */
static int
default_paths(struct settings *s, struct errbuf *eb)
{
    if (s->state_dir == NULL)
        s->state_dir = path_state_dir();
    if (s->state_dir == NULL)
        return errbuf_set(eb, SPRAT_E_NOENT, "no home directory is known: give --state-dir");
    if (s->socket == NULL)
        s->socket = unixsock_path("spratd.sock");
    if (s->socket == NULL)
        return errbuf_set(eb, SPRAT_E_NOENT, "no home directory is known: give --socket");
    if (s->save_dir == NULL)
        s->save_dir = service_save_dir();
    return 0;
}

/* Whether the file exists. A file that can't be examined counts as existing, so that reading it
 * reports the error. */
static bool
is_there(const char *path)
{
    return access(path, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

int
settings_find_file(const char *const dirs[], size_t count, char **out, struct errbuf *eb)
{
    *out = NULL;
    for (size_t i = 0; i < count; i++) {
        char *path = dirs[i] != NULL ? path_join(dirs[i], SETTINGS_FILE_NAME) : NULL;

        if (dirs[i] != NULL && path == NULL)
            return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
        if (path != NULL && is_there(path)) {
            *out = path;
            return 0;
        }
        free(path);
    }
    return 0;
}

/* Chooses the configuration file: |config| if the command line has one, else the user's or the
 * system's, else none. */
static int
choose_file(struct settings *s, const char *config, struct errbuf *eb)
{
    char *own;
    int err;

    if (config != NULL && strcmp(config, SETTINGS_NO_FILE) == 0)
        return 0;
    if (config != NULL) {
        s->file = resolve(s, config, eb);
        return s->file != NULL ? 0 : SPRAT_E_IO;
    }
    own = path_config_dir();
    err = settings_find_file((const char *const[]){own, SPRAT_CONFIG_DIR}, 2, &s->file, eb);
    free(own);
    return err;
}

static int
read_all(struct settings *s, int argc, const char *const *argv, enum settings_action *action,
         struct errbuf *eb)
{
    const char *config = NULL;
    char *file;
    int err = read_command_line(s, argc, argv, &config, action, eb);

    if (err != 0 || *action != SETTINGS_RUN)
        return err;
    err = choose_file(s, config, eb);
    if (err == 0 && s->file != NULL) {
        file = s->file;
        s->file = NULL;
        settings_fini(s);
        set_defaults(s);
        s->file = file;
        err = conffile_read(s->file, NULL, on_line, s, eb);
        if (err == 0)
            err = read_command_line(s, argc, argv, &config, action, eb);
    }
    return err != 0 ? err : default_paths(s, eb);
}

int
settings_read(struct settings *s, const char *base, int argc, const char *const *argv,
              enum settings_action *action, struct errbuf *eb)
{
    *action = SETTINGS_RUN;
    s->base = base;
    set_defaults(s);
    return read_all(s, argc, argv, action, eb);
}

void
settings_fini(struct settings *s)
{
    free(s->file);
    free(s->state_dir);
    free(s->socket);
    free(s->socket_group);
    free(s->save_dir);
    free(s->completed_dir);
    free(s->ca_file);
    forget_dht_names(s);
    s->file = s->state_dir = s->socket = s->socket_group = NULL;
    s->save_dir = s->completed_dir = s->ca_file = NULL;
    for (size_t i = 0; i < SETTINGS_KEYS_MAX; i++) {
        free(s->given[i]);
        s->given[i] = NULL;
    }
}

/* --- reload --- */

static void
swap_text(char **a, char **b)
{
    char *was = *a;

    *a = *b;
    *b = was;
}

/* Copies the value of |id| from |from| to |s|. False: this setting can't change at run time. */
static bool
change_key(struct settings *s, struct settings *from, int id)
{
    switch (id) {
    case OPT_SAVE_DIR: swap_text(&s->save_dir, &from->save_dir); return true;
    case OPT_COMPLETED_DIR: swap_text(&s->completed_dir, &from->completed_dir); return true;
    case OPT_ALLOCATE: s->reserve = from->reserve; return true;
    case OPT_SUFFIX: s->incomplete_suffix = from->incomplete_suffix; return true;
    case OPT_UP_LIMIT: s->up_limit = from->up_limit; return true;
    case OPT_DOWN_LIMIT: s->down_limit = from->down_limit; return true;
    case OPT_SEED:
        s->seed = from->seed;
        s->ratio = from->ratio;
        return true;
    case OPT_LOG_LEVEL: s->log_level = from->log_level; return true;
    }
    return false;
}

static bool
same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

void
settings_change(struct settings *s, struct settings *from, settings_change_fn report, void *ctx)
{
    swap_text(&s->file, &from->file);
    for (size_t i = 0; i < SPEC_COUNT; i++) {
        char **now, **then;

        if (specs[i].id < OPT_KEYS)
            continue;
        now = &s->given[specs[i].id - OPT_KEYS];
        then = &from->given[specs[i].id - OPT_KEYS];
        if (same(*now, *then))
            continue;
        bool changed = change_key(s, from, specs[i].id);
        report(ctx, specs[i].name, *now, *then, changed);
        if (changed)
            swap_text(now, then);
    }
}
