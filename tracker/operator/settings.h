/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The settings of sprat-tracker, read from the command line and a configuration file. Both use the
 * same names: every long option that takes a value is a key of the file.
 */
#ifndef TRACKER_OPERATOR_SETTINGS_H
#define TRACKER_OPERATOR_SETTINGS_H

#include "common/base/endpoint.h"
#include "common/base/err.h"
#include "common/base/log.h"
#include "tracker/core/tracker.h"
#include "tracker/operator/adminhost.h"
#include "tracker/net/cluster_url.h"
#include "tracker/net/nettext.h"
#include "tracker/net/shards.h"

enum {
    SETTINGS_LISTEN_MAX = 16, /* addresses for each protocol */
    SETTINGS_PATH_MAX = 4096,
    SETTINGS_URLS_MAX = 8,  /* announce URLs */
    SETTINGS_URL_MAX = 512, /* bytes of one */
    SETTINGS_USER_MAX = 256,
};

struct listen_list {
    struct endpoint at[SETTINGS_LISTEN_MAX];
    size_t count;
};

struct settings {
    struct tracker_config tracker;
    struct listen_list http, https, udp, admin;
    bool listens_by_default;  /* no address was given: |http| and |udp| are the defaults */
    uint32_t workers;         /* 0: one for each processor */
    uint32_t rate_limit;      /* requests a minute; 0: none */
    uint32_t connections_max; /* of HTTP, at each address */
    uint32_t http_timeout_s;
    uint32_t udp_buffer; /* bytes at each UDP socket of each worker */
    struct netset proxies;
    uint32_t save_period_s;
    char state_file[SETTINGS_PATH_MAX]; /* "" for none */
    /* Files of info-hashes, at most one of the two; "" for none. */
    char allow_list[SETTINGS_PATH_MAX], deny_list[SETTINGS_PATH_MAX];
    /* Private mode, and the database of users, torrents and accounts; "" for none. */
    uint32_t is_private;
    uint32_t unsealed; /* a private fleet may have no secret */
    char database[SETTINGS_PATH_MAX];
    uint32_t user_sessions, torrent_sessions, user_rate;
    uint32_t accounts_period_s, accounts_max, retention_days, rate_possible_mbit;
    /* The URLs that users announce to, without a passkey. */
    char announce_urls[SETTINGS_URLS_MAX][SETTINGS_URL_MAX];
    size_t announce_url_count;
    /* PEM files for https; the key may stand in the certificate's file, then |tls_key| is "". */
    char tls_cert[SETTINGS_PATH_MAX], tls_key[SETTINGS_PATH_MAX];
    char admin_token_file[SETTINGS_PATH_MAX]; /* "" for none: nothing can be changed over HTTP */
    struct adminhost admin_hosts;             /* beside addresses and "localhost" */
    char user[SETTINGS_USER_MAX]; /* "NAME" or "NAME:GROUP"; "": the user does not change */
    struct cluster_url cluster;   /* no host: no fleet */
    char cluster_name[CLUSTER_NAME_MAX + 1];
    char cluster_password_file[SETTINGS_PATH_MAX]; /* "": the password is in |cluster|, if any */
    char cluster_ca[SETTINGS_PATH_MAX];            /* "": the system's, for rediss:// */
    char cluster_secret_file[SETTINGS_PATH_MAX];   /* "": the fleet's messages are not sealed */
    enum log_level log_level;
    bool log_json;
};

/* What the command line asks for. */
enum settings_action { SETTINGS_RUN, SETTINGS_HELP, SETTINGS_VERSION };

/* Reads the command line (|argc| words after the program's name) and the file that it names with
 * -c. The command line overrides the file. Returns 0; SPRAT_E_INVAL for an error of the command
 * line; or another error for the file. |eb| gets the message. */
int settings_read(struct settings *s, int argc, const char *const *argv,
                  enum settings_action *action, struct errbuf *eb);

/* The maximum of seconds between two announces of a seeder that counts as seed time. */
uint32_t settings_gap_max_s(const struct settings *s);

/* A setting that a configuration file may have: its name, and the bytes of struct settings that
 * have its value. */
struct setting {
    const char *name;
    size_t offset, size;
};

/* The |i|th setting in the order of --help; NULL after the last. */
const struct setting *settings_row(size_t i);

void settings_print_help(void);

/* Prints the answer (common/base/complete.h) for |argc| ≥ 1 words of the daemon's command line that
 * is being typed. */
void settings_complete(int argc, const char *const *argv);

#endif
