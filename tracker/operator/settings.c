/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One table of settings, from which the command line, the configuration file and --help are made.
 */
#include "tracker/operator/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/complete.h"
#include "common/base/options.h"
#include "common/sys/addr.h"
#include "common/sys/conffile.h"
#include "common/sys/confvalue.h"
#include "common/sys/terminal.h"

/*  X(name in struct settings, option, default, least, most, argument, text): as the tracker's
 * table, for the daemon. */
#define DAEMON_OPTION_TABLE(X)                                                                     \
    X(workers, "workers", 0, 0, SHARDS_MAX, "COUNT",                                               \
      "threads that answer requests; 0: one for each usable processor")                            \
    X(rate_limit, "rate-limit", 20000, 0, THROTTLE_RATE_MAX, "COUNT",                              \
      "requests per minute from one address or IPv6 /64; 0: no limit")                             \
    X(connections_max, "connections-max", 4096, 1, 1000000, "COUNT",                               \
      "maximum number of HTTP connections at each address; beyond it an idle one is closed")       \
    X(http_timeout_s, "http-timeout", 20, 1, 3600, "SECONDS",                                      \
      "time in which an HTTP client must send a request")                                          \
    X(udp_buffer, "udp-buffer", 4194304, 65536, 1073741824, "BYTES",                               \
      "memory for the packets that wait at each UDP socket of a worker")                           \
    X(save_period_s, "save-interval", 300, 1, 86400, "SECONDS",                                    \
      "time between two writes of the state file")                                                 \
    X(is_private, "private", 0, 0, 1, "yes|no",                                                    \
      "serve only users with a passkey and registered torrents; needs a database")                 \
    X(unsealed, "cluster-unsealed", 0, 0, 1, "yes|no",                                             \
      "let a private fleet run without a secret")                                                  \
    X(accounts_period_s, "accounts-interval", 10, 1, 3600, "SECONDS",                              \
      "time between two writes of the accounts to the database")                                   \
    X(accounts_max, "accounts-max", 1000000, 1000, 16000000, "COUNT",                              \
      "maximum number of sessions that wait for the database")                                     \
    X(user_sessions, "user-sessions", 20000, 0, 10000000, "COUNT",                                 \
      "maximum number of sessions of a user; 0: any number")                                       \
    X(user_rate, "user-rate-limit", 20000, 0, THROTTLE_RATE_MAX, "COUNT",                          \
      "announces per minute of a user, from all addresses together; 0: no limit")                  \
    X(torrent_sessions, "user-torrent-sessions", 4, 1, 100, "COUNT",                               \
      "maximum number of sessions of a user in one torrent")                                       \
    X(retention_days, "session-retention", 2, 1, 3650, "DAYS",                                     \
      "time for which the counters of a client that no longer announces are kept")                 \
    X(rate_possible_mbit, "rate-possible", 10000, 1, 4000000, "MBIT",                              \
      "fastest plausible line of a user; counters beyond it are not credited, but listed as a "    \
      "signal")

/*  X(ID, field of struct settings, option, argument, text): the settings that are not numbers */
#define VALUE_OPTION_TABLE(X)                                                                      \
    X(LISTEN_HTTP, http, "listen-http", "ADDR:PORT",                                               \
      "answer HTTP here; may be given several times; port 0 takes any")                            \
    X(LISTEN_HTTPS, https, "listen-https", "ADDR:PORT",                                            \
      "answer HTTPS here, with the certificate of --tls-cert; may be given several times")         \
    X(LISTEN_UDP, udp, "listen-udp", "ADDR:PORT",                                                  \
      "answer UDP here; may be given several times; port 0 takes any")                             \
    X(LISTEN_ADMIN, admin, "listen-admin", "ADDR:PORT",                                            \
      "serve the operator here: a status page, /metrics, /stats, /health and the API; not by "     \
      "default")                                                                                   \
    X(TLS_CERT, tls_cert, "tls-cert", "FILE",                                                      \
      "the certificate for HTTPS with its intermediate certificates, PEM; SIGHUP reads it "        \
      "again")                                                                                     \
    X(TLS_KEY, tls_key, "tls-key", "FILE",                                                         \
      "the certificate's private key, PEM; default: in the file of --tls-cert")                    \
    X(ADMIN_TOKEN_FILE, admin_token_file, "admin-token-file", "FILE",                              \
      "a file with the token that the API of --listen-admin requires for changes")                 \
    X(ADMIN_HOST, admin_hosts, "admin-host", "NAME",                                               \
      "a host name that requests to --listen-admin may use, beside addresses and localhost; "      \
      "may be given several times")                                                                \
    X(USER, user, "user", "NAME[:GROUP]",                                                          \
      "change to this user once the addresses are bound; needs a start as root")                   \
    X(TRUSTED_PROXY, proxies, "trusted-proxy", "ADDR[/BITS]",                                      \
      "trust the X-Forwarded-For of HTTP proxies in this network; may be given several times")     \
    X(EXEMPT_NETWORK, tracker.exempt, "exempt-network", "ADDR[/BITS]",                             \
      "apply no limit by address to clients in this network; may be given several times")          \
    X(EXTERNAL_ADDRESS, tracker.external, "external-address", "ADDR",                              \
      "this host's address as other hosts see it; answers to them contain it instead of a "        \
      "peer's loopback address; once for IPv4, once for IPv6")                                     \
    X(STATE_FILE, state_file, "state-file", "FILE",                                                \
      "save the peers in FILE, so that they survive a restart; not by default")                    \
    X(ALLOW_LIST, allow_list, "allow-list", "FILE",                                                \
      "serve only the torrents whose info-hashes are in FILE, one per line; SIGHUP reads it "      \
      "again")                                                                                     \
    X(DENY_LIST, deny_list, "deny-list", "FILE", "serve all torrents except those in FILE")        \
    X(DATABASE, database, "database", "FILE", "users, torrents and accounts of a private tracker") \
    X(ANNOUNCE_URL, announce_urls, "announce-url", "URL",                                          \
      "the URL that 'user add' prints with the user's passkey; may be given several times")        \
    X(CLUSTER, cluster, "cluster", "URL",                                                          \
      "share swarms with other trackers through the Redis at URL, as redis://HOST or, with "       \
      "TLS, rediss://HOST")                                                                        \
    X(CLUSTER_NAME, cluster_name, "cluster-name", "NAME",                                          \
      "the prefix of all keys in that Redis; default sprat:")                                      \
    X(CLUSTER_PASSWORD_FILE, cluster_password_file, "cluster-password-file", "FILE",               \
      "a file with the password of that Redis")                                                    \
    X(CLUSTER_CA, cluster_ca, "cluster-ca", "FILE",                                                \
      "the certificates, PEM, of the authorities that may sign that of a Redis at rediss://; "     \
      "default: those of the system")                                                              \
    X(CLUSTER_SECRET_FILE, cluster_secret_file, "cluster-secret-file", "FILE",                     \
      "a file with the secret word that all trackers of a private fleet share; messages that "     \
      "were not sealed with it are ignored")

#define LOG_OPTION_TABLE(X)                                                                        \
    X(LOG_LEVEL, log_level, "log-level", "error|warning|info|debug",                               \
      "print messages of this level and more severe ones")                                         \
    X(LOG_FORMAT, log_json, "log-format", "text|json", "json: one object per line; default text")

/* The settings in the order of --help, and the bounds of the numbers. */
static const struct row {
    struct setting at;
    uint32_t least, most; /* 0 and 0: not a number */
} rows[] = {
#define V(id, field, option, arg, text)                                                            \
    {{option, offsetof(struct settings, field), sizeof(((struct settings *)NULL)->field)}, 0, 0},
#define X(name, option, dflt, least, most, arg, text)                                              \
    {{option, offsetof(struct settings, tracker.name), sizeof(uint32_t)}, least, most},
    VALUE_OPTION_TABLE(V) TRACKER_OPTION_TABLE(X)
#undef X
#define X(name, option, dflt, least, most, arg, text)                                              \
    {{option, offsetof(struct settings, name), sizeof(uint32_t)}, least, most},
        DAEMON_OPTION_TABLE(X) LOG_OPTION_TABLE(V)
#undef X
#undef V
};

enum { ROW_COUNT = sizeof(rows) / sizeof(rows[0]) };

/* Ids from OPT_SETTING on are settings, in the order of |rows|. */
enum {
    OPT_CONFIG = 1,
    OPT_HELP,
    OPT_VERSION,
    OPT_SETTING,
    OPT_BEFORE_SETTINGS = OPT_SETTING - 1,
#define V(id, field, option, arg, text)               OPT_##id,
#define X(name, option, dflt, least, most, arg, text) OPT_##name,
    VALUE_OPTION_TABLE(V) TRACKER_OPTION_TABLE(X) DAEMON_OPTION_TABLE(X) LOG_OPTION_TABLE(V)
#undef X
#undef V
};

static const struct option_spec specs[] = {
    {OPT_CONFIG, 'c', "config", "FILE", "read settings from FILE; the command line overrides them"},
#define V(id, field, option, arg, text) {OPT_##id, 0, option, arg, text},
#define X(name, option, dflt, least, most, arg, text)                                              \
    {OPT_##name, 0, option, arg, text "; default " #dflt},
    VALUE_OPTION_TABLE(V) TRACKER_OPTION_TABLE(X) DAEMON_OPTION_TABLE(X) LOG_OPTION_TABLE(V)
#undef X
#undef V
        {OPT_HELP, 'h', "help", NULL, "print this help and exit"},
    {OPT_VERSION, 'V', "version", NULL, "print the version and exit"},
};

enum { SPEC_COUNT = sizeof(specs) / sizeof(specs[0]) };

void
settings_print_help(void)
{
    unsigned width = terminal_help_columns();

    printf("usage: sprat-tracker [-c FILE] [--listen-http ADDR:PORT]... "
           "[--listen-udp ADDR:PORT]...\n"
           "A BitTorrent tracker for HTTP, HTTPS and UDP, IPv4 and IPv6.\n\n");
    options_print(stdout, specs, SPEC_COUNT, width);
    printf("\n");
    options_print_text(stdout,
                       "Without an address it listens on port 6969 of all addresses, HTTP and UDP. "
                       "The keys of FILE are the long options that take a value: interval = 900\n\n"
                       "A private tracker's users and torrents are managed by commands: "
                       "sprat-tracker user, torrent, client and stats; 'sprat-tracker user --help' "
                       "describes one.",
                       0, width);
    printf("\n"
           "Example: a tracker for this machine alone, on any free port\n"
           "  sprat-tracker --listen-http 127.0.0.1:0 --listen-udp 127.0.0.1:0\n");
}

void
settings_complete(int argc, const char *const *argv)
{
    struct complete_args a = {.argc = argc, .argv = argv, .specs = specs, .count = SPEC_COUNT};

    complete_arguments(stdout, &a);
}

static const struct row *
row_of(int id)
{
    return &rows[id - OPT_SETTING];
}

static int
set_listen(struct listen_list *list, const char *name, const char *value, struct errbuf *eb)
{
    return confvalue_add_listen(list->at, &list->count, SETTINGS_LISTEN_MAX, name, value, eb);
}

static int
set_number(struct settings *s, int id, const char *value, struct errbuf *eb)
{
    const struct row *r = row_of(id);
    uint32_t *where = (uint32_t *)(void *)((char *)s + r->at.offset);
    uint64_t v = *where;
    bool yes = false;
    int err;

    if (r->least == 0 && r->most == 1) {
        err = confvalue_bool(&yes, r->at.name, value, eb);
        v = yes;
    } else {
        err = confvalue_u64(&v, r->least, r->most, r->at.name, value, eb);
    }
    if (err == 0)
        *where = (uint32_t)v;
    return err;
}

/* Also clears the bytes behind the text, since restart.c compares all of them. */
static void
set_text(char *dst, size_t size, const char *value)
{
    memset(dst, 0, size);
    strcpy(dst, value);
}

static int
set_path(struct settings *s, int id, const char *value, struct errbuf *eb)
{
    const struct setting *at = &row_of(id)->at;

    if (value[0] == '\0' || strlen(value) >= at->size)
        return errbuf_set(eb, SPRAT_E_INVAL, "%s: '%s' is not a file name", at->name, value);
    set_text((char *)s + at->offset, at->size, value);
    return 0;
}

static int
add_net(struct netset *nets, int id, const char *value, struct errbuf *eb)
{
    const char *name = row_of(id)->at.name;
    int err = nettext_add(nets, value);

    if (err == SPRAT_E_LIMIT)
        return errbuf_set(eb, SPRAT_E_INVAL, "%s is given more than %d times", name, NETSET_MAX);
    if (err != 0)
        return errbuf_set(eb, SPRAT_E_INVAL,
                          "%s: '%s' is neither an address nor a network like 10.0.0.0/8", name,
                          value);
    return 0;
}

static int
set_external(struct settings *s, const char *value, struct errbuf *eb)
{
    struct external *x = &s->tracker.external;
    struct endpoint e;

    if (addr_parse_ip(value, 0, &e) != 0 || e.zone != 0 || addr_is_any(&e) || addr_is_loopback(&e))
        return errbuf_set(
            eb, SPRAT_E_INVAL,
            "external-address: '%s' is not an address at which other hosts reach this "
            "host, such as 192.0.2.7 or 2001:db8::7",
            value);
    *(e.family == IP_V4 ? &x->v4 : &x->v6) = e;
    return 0;
}

/* Whether the URL's host is 0.0.0.0 or [::]. A tracker can listen there, but nobody can announce to
 * such an address. */
static bool
names_any_address(const char *url)
{
    const char *host = strstr(url, "://") + 3;
    size_t len = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/");
    char text[ADDR_TEXT_MAX];
    struct endpoint e;

    if (len >= sizeof(text))
        return false;
    memcpy(text, host, len);
    text[len] = '\0';
    return addr_parse_ip(text, 0, &e) == 0 && addr_is_any(&e);
}

/* Adds a URL whose path ends in "/announce", so that a passkey can be inserted before that. */
static int
add_announce_url(struct settings *s, const char *value, struct errbuf *eb)
{
    static const char end[] = "/announce";
    size_t len = strlen(value);

    if (s->announce_url_count == SETTINGS_URLS_MAX)
        return errbuf_set(eb, SPRAT_E_INVAL, "announce-url is given more than %d times",
                          SETTINGS_URLS_MAX);
    if (len >= SETTINGS_URL_MAX || len < sizeof(end) || strstr(value, "://") == NULL ||
        strcmp(value + len - strlen(end), end) != 0)
        return errbuf_set(eb, SPRAT_E_INVAL, "announce-url: '%s' is no URL that ends in /announce",
                          value);
    if (names_any_address(value))
        return errbuf_set(eb, SPRAT_E_INVAL,
                          "announce-url: nobody can connect to the address in '%s': write this "
                          "tracker's host name or address",
                          value);
    strcpy(s->announce_urls[s->announce_url_count++], value);
    return 0;
}

static int
add_admin_host(struct settings *s, const char *value, struct errbuf *eb)
{
    int err = adminhost_add(&s->admin_hosts, value);

    if (err == SPRAT_E_LIMIT)
        return errbuf_set(eb, SPRAT_E_INVAL, "admin-host is given more than %d times",
                          ADMINHOST_MAX);
    if (err != 0)
        return errbuf_set(eb, SPRAT_E_INVAL, "admin-host: '%s' is not a host name without a port",
                          value);
    return 0;
}

static int
set_user(struct settings *s, const char *value, struct errbuf *eb)
{
    if (value[0] == '\0' || strlen(value) >= SETTINGS_USER_MAX)
        return errbuf_set(eb, SPRAT_E_INVAL, "user: '%s' is not NAME or NAME:GROUP", value);
    set_text(s->user, sizeof(s->user), value);
    return 0;
}

static int
set_log_format(struct settings *s, const char *value, struct errbuf *eb)
{
    s->log_json = strcmp(value, "json") == 0;
    if (!s->log_json && strcmp(value, "text") != 0)
        return errbuf_set(eb, SPRAT_E_INVAL, "log-format: '%s' is neither text nor json", value);
    return 0;
}

static int
set_cluster(struct settings *s, const char *value, struct errbuf *eb)
{
    struct errbuf why = {""};

    if (cluster_url_parse(value, &s->cluster, &why) != 0)
        return errbuf_set(eb, SPRAT_E_INVAL, "cluster: %s", why.text);
    return 0;
}

/* Excludes braces, which Redis Cluster would take for a hash tag. */
static int
set_cluster_name(struct settings *s, const char *value, struct errbuf *eb)
{
    static const char good[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/";
    size_t len = strlen(value);

    if (len == 0 || len > CLUSTER_NAME_MAX || strspn(value, good) != len)
        return errbuf_set(eb, SPRAT_E_INVAL,
                          "cluster-name: '%s' is not 1 to %d letters, digits and characters of "
                          "\"-_.:/\"",
                          value, CLUSTER_NAME_MAX);
    set_text(s->cluster_name, sizeof(s->cluster_name), value);
    return 0;
}

/* Sets what both the file and the command line may contain. */
static int
set(struct settings *s, int id, const char *name, const char *value, struct errbuf *eb)
{
    switch (id) {
    case OPT_LISTEN_HTTP: return set_listen(&s->http, name, value, eb);
    case OPT_LISTEN_HTTPS: return set_listen(&s->https, name, value, eb);
    case OPT_LISTEN_UDP: return set_listen(&s->udp, name, value, eb);
    case OPT_LISTEN_ADMIN: return set_listen(&s->admin, name, value, eb);
    case OPT_TRUSTED_PROXY: return add_net(&s->proxies, id, value, eb);
    case OPT_EXEMPT_NETWORK: return add_net(&s->tracker.exempt, id, value, eb);
    case OPT_EXTERNAL_ADDRESS: return set_external(s, value, eb);
    case OPT_ADMIN_HOST: return add_admin_host(s, value, eb);
    case OPT_USER: return set_user(s, value, eb);
    case OPT_LOG_FORMAT: return set_log_format(s, value, eb);
    case OPT_ANNOUNCE_URL: return add_announce_url(s, value, eb);
    case OPT_CLUSTER: return set_cluster(s, value, eb);
    case OPT_CLUSTER_NAME: return set_cluster_name(s, value, eb);
    case OPT_LOG_LEVEL: return confvalue_log_level(&s->log_level, value, eb);
    case OPT_TLS_CERT:
    case OPT_TLS_KEY:
    case OPT_ADMIN_TOKEN_FILE:
    case OPT_STATE_FILE:
    case OPT_ALLOW_LIST:
    case OPT_DENY_LIST:
    case OPT_DATABASE:
    case OPT_CLUSTER_PASSWORD_FILE:
    case OPT_CLUSTER_CA:
    case OPT_CLUSTER_SECRET_FILE: return set_path(s, id, value, eb);
    default: return set_number(s, id, value, eb);
    }
}

uint32_t
settings_gap_max_s(const struct settings *s)
{
    return 2 * s->tracker.interval;
}

const struct setting *
settings_row(size_t i)
{
    return i < ROW_COUNT ? &rows[i].at : NULL;
}

/* ---- the file ---- */

static int
on_line(void *ctx, const char *name, const char *value, struct errbuf *eb)
{
    struct settings *s = ctx;
    const struct option_spec *spec = conffile_find_key(name, specs, SPEC_COUNT, eb);

    return spec != NULL ? set(s, spec->id, name, value, eb) : SPRAT_E_SYNTAX;
}

/* ---- the file and the command line together ---- */

static void
set_defaults(struct settings *s)
{
    *s = (struct settings){.log_level = LOG_INFO,
                           .cluster_name = "sprat:",
#define X(name, option, dflt, least, most, arg, text) .name = (dflt),
                           DAEMON_OPTION_TABLE(X)
#undef X
    };
    tracker_config_init(&s->tracker);
}

static void
default_listens(struct settings *s)
{
    static const struct endpoint any[2] = {{.family = IP_V4, .port = 6969},
                                           {.family = IP_V6, .port = 6969}};

    memcpy(s->http.at, any, sizeof(any));
    memcpy(s->udp.at, any, sizeof(any));
    s->http.count = s->udp.count = 2;
    s->listens_by_default = true;
}

/* Makes one pass over the command line. The first pass finds the name of the configuration file;
 * the second comes after that file was read and overrides it. Addresses on the command line replace
 * all addresses of the file. */
static int
read_command_line(struct settings *s, int argc, const char *const *argv, const char **config,
                  enum settings_action *action, struct errbuf *eb)
{
    struct listen_list given[4] = {{.count = 0}};
    struct options o;
    const char *value;
    int id, got, err = 0;

    options_init(&o, argc, argv, specs, SPEC_COUNT);
    while (err == 0 && (got = options_next(&o, &id, &value, eb)) == 1) {
        if (id == OPTION_OPERAND)
            return errbuf_set(eb, SPRAT_E_INVAL, "unexpected argument '%s'", value);
        if (id == OPT_CONFIG)
            *config = value;
        else if (id == OPT_HELP)
            *action = SETTINGS_HELP;
        else if (id == OPT_VERSION && *action == SETTINGS_RUN)
            *action = SETTINGS_VERSION;
        else if (id == OPT_LISTEN_HTTP)
            err = set_listen(&given[0], "--listen-http", value, eb);
        else if (id == OPT_LISTEN_UDP)
            err = set_listen(&given[1], "--listen-udp", value, eb);
        else if (id == OPT_LISTEN_ADMIN)
            err = set_listen(&given[2], "--listen-admin", value, eb);
        else if (id == OPT_LISTEN_HTTPS)
            err = set_listen(&given[3], "--listen-https", value, eb);
        else if (id != OPT_VERSION)
            err = set(s, id, "", value, eb);
        if (err == 0 && id == OPT_CLUSTER && s->cluster.password[0] != '\0')
            err = errbuf_set(eb, SPRAT_E_INVAL,
                             "cluster: every user of this machine can read a password on the "
                             "command line; name a file with it in cluster-password-file");
    }
    if (err != 0 || got < 0)
        return SPRAT_E_INVAL;
    if (given[0].count + given[1].count + given[3].count > 0) {
        s->http = given[0];
        s->udp = given[1];
        s->https = given[3];
    }
    if (given[2].count > 0)
        s->admin = given[2];
    return 0;
}

/* A private tracker serves the torrents of its registry, so it has no lists. In a fleet one tracker
 * has the database, and sends users and torrents to the others. */
static int
check_private(const struct settings *s, struct errbuf *eb)
{
    if (s->is_private == 0)
        return 0;
    if (s->database[0] == '\0' && s->cluster.host[0] == '\0')
        return errbuf_set(eb, SPRAT_E_INVAL,
                          "a private tracker needs a database, or a cluster in which another "
                          "tracker has the database");
    if (s->allow_list[0] != '\0' || s->deny_list[0] != '\0')
        return errbuf_set(eb, SPRAT_E_INVAL,
                          "a private tracker has no lists: it serves the torrents of its database");
    return 0;
}

/* Refuses a password in a file that every user of the machine may read. */
static int
check_config_mode(const struct settings *s, const char *config, struct errbuf *eb)
{
    struct stat st;

    if (s->cluster.password[0] == '\0' || stat(config, &st) != 0 || (st.st_mode & S_IROTH) == 0)
        return 0;
    return errbuf_set(eb, SPRAT_E_ACCESS,
                      "%s has the password of Redis, but every user of this machine may read it: "
                      "run 'chmod o-r' on it, or name a file in cluster-password-file",
                      config);
}

/* What a private fleet exchanges moves accounts, and its seal is all that protects that from other
 * programs that can write to Redis. A Redis on this machine is as safe as the machine. */
static int
check_secret(const struct settings *s, struct errbuf *eb)
{
    if (s->is_private == 0 || s->cluster.host[0] == '\0' || s->cluster_secret_file[0] != '\0' ||
        s->unsealed != 0 || cluster_url_is_here(&s->cluster))
        return 0;
    return errbuf_set(eb, SPRAT_E_INVAL,
                      "a private fleet needs cluster-secret-file: without it every program that "
                      "can write to the Redis at %s can change users and accounts. Make a secret "
                      "with 'openssl rand -hex 32' and give it to all trackers of the fleet, or "
                      "accept the risk with cluster-unsealed = yes",
                      s->cluster.host);
}

static int
check_cluster(const struct settings *s, struct errbuf *eb)
{
    if (s->cluster_password_file[0] != '\0' && s->cluster.password[0] != '\0')
        return errbuf_set(eb, SPRAT_E_INVAL,
                          "give the password of Redis in cluster or in cluster-password-file, not "
                          "in both");
    return check_secret(s, eb);
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
    if (err == 0 && config != NULL && *action == SETTINGS_RUN) {
        set_defaults(s);
        err = conffile_read(config, "tracker", on_line, s, eb);
        if (err == 0)
            err = check_config_mode(s, config, eb);
        if (err == 0)
            err = read_command_line(s, argc, argv, &config, action, eb);
    }
    if (err == 0 && s->allow_list[0] != '\0' && s->deny_list[0] != '\0')
        err = errbuf_set(eb, SPRAT_E_INVAL, "give an allow-list or a deny-list, not both");
    if (err == 0)
        err = check_private(s, eb);
    if (err == 0)
        err = check_cluster(s, eb);
    if (err == 0 && s->https.count > 0 && s->tls_cert[0] == '\0')
        err = errbuf_set(eb, SPRAT_E_INVAL, "listen-https needs a certificate: give tls-cert");
    if (err == 0 && s->http.count + s->https.count + s->udp.count == 0)
        default_listens(s);
    if (err == 0 && s->tracker.min_interval > s->tracker.interval)
        s->tracker.min_interval = s->tracker.interval;
    return err;
}
