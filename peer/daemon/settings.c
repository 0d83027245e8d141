/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The long options that take a value are the keys of the file.
 */
#include "peer/daemon/settings.h"

#include <ini.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/options.h"
#include "common/base/parse.h"
#include "common/base/suggest.h"
#include "common/sys/addr.h"
#include "common/sys/file.h"
#include "common/sys/paths.h"
#include "common/sys/processors.h"
#include "common/sys/unixsock.h"

enum {
    OPT_CONFIG = 1,
    OPT_FOREGROUND,
    OPT_HELP,
    OPT_VERSION,
    OPT_KEYS, /* from here on: keys of the file too */
    OPT_STATE_DIR = OPT_KEYS,
    OPT_SOCKET,
    OPT_SAVE_DIR,
    OPT_COMPLETED_DIR,
    OPT_ALLOCATE,
    OPT_LISTEN,
    OPT_UP_LIMIT,
    OPT_DOWN_LIMIT,
    OPT_LOOPS,
    OPT_MAX_PEERS,
    OPT_MAX_CONNECTIONS,
    OPT_REST_AFTER,
    OPT_PEX,
    OPT_CA,
    OPT_SEED,
    OPT_LOG_LEVEL,
};

static const struct option_spec specs[] = {
    {OPT_CONFIG, 'c', "config", "FILE", "read settings from FILE; the command line wins over it"},
    {OPT_FOREGROUND, 0, "foreground", NULL, "stay in the foreground and log to standard error"},
    {OPT_STATE_DIR, 0, "state-dir", "DIR",
     "keep state there ($XDG_STATE_HOME/sprat or ~/.local/state/sprat)"},
    {OPT_SOCKET, 0, "socket", "PATH",
     "be controlled over this Unix socket ($XDG_RUNTIME_DIR/sprat/spratd.sock)"},
    {OPT_SAVE_DIR, 0, "save-dir", "DIR",
     "where torrents go that are added without a directory (the client's current one)"},
    {OPT_COMPLETED_DIR, 0, "completed-dir", "DIR",
     "move torrents there that were fetched without saying where to (they stay)"},
    {OPT_ALLOCATE, 0, "allocate", "sparse|full",
     "full: take room on the disk for all of a torrent before it is fetched (sparse)"},
    {OPT_LISTEN, 0, "listen", "ADDR:PORT",
     "take connections of peers there (every address, port 6881 or the next free one); repeatable"},
    {OPT_UP_LIMIT, 0, "up-limit", "RATE",
     "send at most that many bytes a second, all torrents together, as in 500K or 2M (no limit)"},
    {OPT_DOWN_LIMIT, 0, "down-limit", "RATE",
     "receive at most that many bytes a second, all torrents together (no limit)"},
    {OPT_LOOPS, 0, "loops", "COUNT",
     "serve torrents from that many threads, each torrent from one (one per processor)"},
    {OPT_MAX_PEERS, 0, "max-peers", "COUNT",
     "be connected to at most that many peers of a torrent (200)"},
    {OPT_MAX_CONNECTIONS, 0, "max-connections", "COUNT",
     "be connected to at most that many peers, all torrents together (4000)"},
    {OPT_REST_AFTER, 0, "rest-after", "SECONDS",
     "put a complete torrent to rest that has had no peer for so long: it is announced and found, and "
     "takes little memory (30)"},
    {OPT_PEX, 0, "pex", "yes|no", "exchange peers with other peers, but for private torrents (yes)"},
    {OPT_CA, 0, "ca", "FILE",
     "trust HTTPS trackers by the authorities in this PEM file too ($SSL_CERT_FILE)"},
    {OPT_SEED, 0, "seed", "none|forever|RATIO",
     "how long complete torrents are seeded that are added without saying so (forever)"},
    {OPT_LOG_LEVEL, 0, "log-level", "LEVEL", "error, warning, info or debug (info)"},
    {OPT_HELP, 'h', "help", NULL, "print this help"},
    {OPT_VERSION, 0, "version", NULL, "print the version"},
};

enum { SPEC_COUNT = sizeof(specs) / sizeof(specs[0]) };

void
settings_print_help(void)
{
    printf("usage: spratd [-c FILE] [--foreground] [--state-dir DIR] [--socket PATH] [options]\n\n"
           "Shares and fetches many torrents in the background. sprat add, ls, info, pause, "
           "resume,\n"
           "limit, rm and shutdown talk to it.\n\noptions:\n");
    options_print(stdout, specs, SPEC_COUNT, 80);
    printf("\nThe long options that take a value are the keys of FILE, as in: up-limit = 2M\n"
           "\nexample:\n  spratd --listen 0.0.0.0:6881 --up-limit 2M --save-dir ~/downloads\n"
           "  sprat add debian-12.torrent\n  sprat ls\n");
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

static int
set_path(char **where, const char *name, const char *value, struct errbuf *eb)
{
    struct errbuf why;
    char *path;

    if (path_absolute(value, &path, &why) != 0)
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
                          "%s: '%s' is no number of bytes a second, as 500K or 2M", name, value);
    return 0;
}

static int
set_count(uint64_t *where, uint64_t max, const char *name, const char *value, struct errbuf *eb)
{
    if (parse_u64(value, 1, max, where) != 0)
        return errbuf_set(eb, SPRAT_E_INVAL, "%s: '%s' is no number from 1 to %" PRIu64, name,
                          value, max);
    return 0;
}

static int
set_rest_after(struct settings *s, const char *value, struct errbuf *eb)
{
    if (parse_u64(value, 1, SETTINGS_REST_S_MAX, &s->rest_after_s) != 0)
        return errbuf_set(eb, SPRAT_E_INVAL, "rest-after: '%s' is no number of seconds from 1 to %d",
                          value, SETTINGS_REST_S_MAX);
    return 0;
}

static int
set_pex(struct settings *s, const char *value, struct errbuf *eb)
{
    bool pex;

    if (parse_bool(value, &pex) != 0)
        return errbuf_set(eb, SPRAT_E_INVAL, "pex: '%s' is not yes or no", value);
    s->no_pex = !pex;
    return 0;
}

static int
add_listen(struct settings *s, const char *value, struct errbuf *eb)
{
    if (s->listen_count == SESSION_LISTEN_MAX)
        return errbuf_set(eb, SPRAT_E_INVAL, "listen: more than %d of them", SESSION_LISTEN_MAX);
    if (addr_parse(value, &s->listen[s->listen_count]) != 0)
        return errbuf_set(eb, SPRAT_E_INVAL,
                          "listen: '%s' is no address and port like 0.0.0.0:6881 or [::]:6881",
                          value);
    s->listen_count++;
    return 0;
}

/* What both the file and the command line can say. */
static int
set_key(struct settings *s, int id, const char *value, struct errbuf *eb)
{
    switch (id) {
    case OPT_STATE_DIR: return set_path(&s->state_dir, "state-dir", value, eb);
    case OPT_SOCKET: return set_path(&s->socket, "socket", value, eb);
    case OPT_SAVE_DIR: return set_path(&s->save_dir, "save-dir", value, eb);
    case OPT_COMPLETED_DIR: return set_path(&s->completed_dir, "completed-dir", value, eb);
    case OPT_ALLOCATE:
        if (settings_parse_allocate(value, &s->reserve) != 0)
            return errbuf_set(eb, SPRAT_E_INVAL, "allocate: '%s' is not sparse or full", value);
        return 0;
    case OPT_LISTEN: return add_listen(s, value, eb);
    case OPT_UP_LIMIT: return set_rate(&s->up_limit, "up-limit", value, eb);
    case OPT_DOWN_LIMIT: return set_rate(&s->down_limit, "down-limit", value, eb);
    case OPT_LOOPS: return set_count(&s->loops, SESSION_LOOPS_MAX, "loops", value, eb);
    case OPT_MAX_PEERS:
        return set_count(&s->max_peers, SESSION_CONNS_MAX, "max-peers", value, eb);
    case OPT_MAX_CONNECTIONS:
        return set_count(&s->max_connections, SESSION_CONNS_MAX, "max-connections", value, eb);
    case OPT_REST_AFTER: return set_rest_after(s, value, eb);
    case OPT_PEX: return set_pex(s, value, eb);
    case OPT_CA: return set_path(&s->ca_file, "ca", value, eb);
    case OPT_SEED:
        if (settings_parse_seed(value, &s->seed, &s->ratio) != 0)
            return errbuf_set(eb, SPRAT_E_INVAL, "seed: '%s' is not none, forever or a ratio",
                              value);
        return 0;
    case OPT_LOG_LEVEL:
        if (!log_level_parse(value, &s->log_level))
            return errbuf_set(eb, SPRAT_E_INVAL,
                              "log-level: '%s' is not error, warning, info or debug", value);
        return 0;
    }
    return 0;
}

struct file_reader {
    struct settings *settings;
    struct errbuf reason; /* of the first bad line */
    bool failed;
};

static int
unknown_key(const char *name, struct errbuf *eb)
{
    const char *names[SPEC_COUNT], *near;
    size_t n = 0;

    for (size_t i = 0; i < SPEC_COUNT; i++)
        if (specs[i].id >= OPT_KEYS)
            names[n++] = specs[i].name;
    near = suggest_nearest(name, names, n);
    if (near != NULL)
        return errbuf_set(eb, SPRAT_E_SYNTAX, "unknown key '%s'; did you mean '%s'?", name, near);
    return errbuf_set(eb, SPRAT_E_SYNTAX, "unknown key '%s'", name);
}

static int
take_line(struct file_reader *r, const char *section, const char *name, const char *value)
{
    if (section[0] != '\0')
        return errbuf_set(&r->reason, SPRAT_E_SYNTAX, "unknown section '%s'", section);
    for (size_t i = 0; i < SPEC_COUNT; i++)
        if (specs[i].id >= OPT_KEYS && strcmp(specs[i].name, name) == 0)
            return set_key(r->settings, specs[i].id, value, &r->reason);
    return unknown_key(name, &r->reason);
}

/* inih goes on behind a bad line and tells the number of the first in the end, so its reason is
 * kept. */
static int
on_line(void *user, const char *section, const char *name, const char *value)
{
    struct file_reader *r = user;

    if (!r->failed)
        r->failed = take_line(r, section, name, value) != 0;
    return !r->failed;
}

/* What inih would take for something else: lines that it would cut, and binary files. */
static int
check_text(const char *text, size_t len, const char *path, struct errbuf *eb)
{
    int line = 1;

    if (memchr(text, '\0', len) != NULL)
        return errbuf_set(eb, SPRAT_E_SYNTAX, "%s: this is no text file", path);
    for (const char *p = text, *end = text + len; p < end; line++) {
        const char *lf = memchr(p, '\n', (size_t)(end - p));
        size_t n = (size_t)((lf != NULL ? lf : end) - p);

        if (n > SETTINGS_LINE_MAX)
            return errbuf_set(eb, SPRAT_E_SYNTAX, "%s:%d: longer than %d bytes", path, line,
                              SETTINGS_LINE_MAX);
        p += n + 1;
    }
    return 0;
}

static int
read_file(struct settings *s, const char *path, struct errbuf *eb)
{
    struct file_reader r = {.settings = s, .reason = {"not of the form: key = value"}};
    uint8_t *text;
    size_t len;
    int line = 0, err = file_read(path, SETTINGS_FILE_MAX, &text, &len, eb);

    if (err != 0)
        return err == SPRAT_E_INVAL ? SPRAT_E_IO : err; /* no wrong usage, but a bad file */
    err = check_text((const char *)text, len, path, eb);
    if (err == 0)
        line = ini_parse_string((const char *)text, on_line, &r);
    free(text);
    if (line < 0)
        return errbuf_set(eb, SPRAT_E_NOMEM, "%s: out of memory", path);
    if (line > 0)
        return errbuf_set(eb, SPRAT_E_SYNTAX, "%s:%d: %s", path, line, r.reason.text);
    return err;
}

/* One pass over the command line, all of it into |s|. */
static int
read_command_line(struct settings *s, int argc, const char *const *argv, const char **config,
                  enum settings_action *action, struct errbuf *eb)
{
    struct options o;
    const char *value;
    size_t from_file = s->listen_count;
    int id, got, err = 0;

    options_init(&o, argc, argv, specs, SPEC_COUNT);
    while (err == 0 && (got = options_next(&o, &id, &value, eb)) == 1) {
        /* Addresses given here are instead of the file's. */
        if (id == OPT_LISTEN && from_file > 0)
            s->listen_count = from_file = 0;
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

    *s = (struct settings){.seed = SEED_FOREVER,
                           .log_level = LOG_INFO,
                           .loops = cpus < SESSION_LOOPS_MAX ? cpus : SESSION_LOOPS_MAX};
}

/* The paths that nobody named. */
static int
default_paths(struct settings *s, struct errbuf *eb)
{
    if (s->state_dir == NULL)
        s->state_dir = path_state_dir();
    if (s->state_dir == NULL)
        return errbuf_set(eb, SPRAT_E_NOENT, "there is no home directory: give --state-dir");
    if (s->socket == NULL)
        s->socket = unixsock_path("spratd.sock");
    if (s->socket == NULL)
        return errbuf_set(eb, SPRAT_E_NOENT, "there is no home directory: give --socket");
    return 0;
}

int
settings_read(struct settings *s, int argc, const char *const *argv, enum settings_action *action,
              struct errbuf *eb)
{
    const char *config = NULL;
    int err;

    *action = SETTINGS_RUN;
    set_defaults(s);
    err = read_command_line(s, argc, argv, &config, action, eb);
    if (err != 0 || *action != SETTINGS_RUN)
        return err;
    if (config != NULL) {
        settings_fini(s);
        set_defaults(s);
        err = read_file(s, config, eb);
        if (err == SPRAT_E_INVAL)
            err = SPRAT_E_SYNTAX;
        if (err == 0)
            err = read_command_line(s, argc, argv, &config, action, eb);
    }
    return err != 0 ? err : default_paths(s, eb);
}

void
settings_fini(struct settings *s)
{
    free(s->state_dir);
    free(s->socket);
    free(s->save_dir);
    free(s->completed_dir);
    free(s->ca_file);
    s->state_dir = s->socket = s->save_dir = s->completed_dir = s->ca_file = NULL;
}
