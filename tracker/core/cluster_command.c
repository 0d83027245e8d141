/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Functions that all modules of the cluster use for commands and replies.
 */
#include "tracker/core/cluster_command.h"

#include "common/base/hex.h"

enum { RETRY_MS_MIN = 500 };

/* ---- commands ---- */

void
cluster_sent(struct cluster *c, enum command_kind kind, struct shared *torrent, struct mono now)
{
    uint32_t at = (c->flight_first + c->flight_count++) % CLUSTER_IN_FLIGHT_MAX;

    ASSERT(c->flight_count <= CLUSTER_IN_FLIGHT_MAX);
    c->flight[at] = (struct in_flight){.kind = kind, .torrent = torrent, .sent_at = now};
    c->last_sent = &c->flight[at];
    c->stats.commands++;
}

uint64_t
cluster_keep_s(const struct cluster *c)
{
    return 2 * (uint64_t)c->timeout_s;
}

void
cluster_put_key(struct cluster *c, struct cluster_command *cmd, const struct shared *t,
                const char *end)
{
    char hex[HEX_SIZE(TRACKER_HASH_LEN)];

    snprintf(c->key, sizeof(c->key), "%s{%s}%s", c->config.name,
             hex_encode(t->hash, TRACKER_HASH_LEN, hex), end);
    command_text(cmd, c->key);
}

/* ---- replies ---- */

int
cluster_read_count(uint32_t *out, const struct cluster_reply *r)
{
    if (r->type != CLUSTER_REPLY_INTEGER || r->integer < 0 || r->integer > UINT32_MAX)
        return SPRAT_E_PROTOCOL;
    *out = (uint32_t)r->integer;
    return 0;
}

static bool
begins(const struct cluster_reply *r, const char *word)
{
    return r->len >= strlen(word) && memcmp(r->str, word, strlen(word)) == 0;
}

bool
cluster_concerns_all(const struct cluster_reply *r)
{
    static const char *const words[] = {
        "LOADING",  "OOM",    "MISCONF",    "BUSY",     "MASTERDOWN", "CLUSTERDOWN",
        "TRYAGAIN", "NOAUTH", "NOREPLICAS", "NOSCRIPT", "NOPERM",     "WRONGPASS",
        "MOVED",    "ASK",    "CROSSSLOT",  "READONLY", "UNKILLABLE"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (begins(r, words[i]))
            return true;
    return false;
}

int
cluster_refused(struct cluster *c, const struct cluster_reply *r, struct errbuf *eb)
{
    c->stats.errors++;
    return errbuf_set(eb, SPRAT_E_REMOTE, "%.*s", (int)(r->len < 200 ? r->len : 200),
                      (const char *)r->str);
}

/* A server that became a replica is left by connecting again; a lost script is loaded again. */
int
cluster_pause(struct cluster *c, const struct cluster_reply *r, struct errbuf *eb, struct mono now)
{
    int err = cluster_refused(c, r, eb);

    if (c->state != LINK_PAUSED) {
        c->retry_at = mono_add_ms(
            now, backoff_next(&c->backoff, RETRY_MS_MIN, CLUSTER_RETRY_MS_MAX, &c->rng));
    }
    if (begins(r, "NOSCRIPT"))
        c->retry_at = now;
    c->state = LINK_PAUSED;
    return begins(r, "READONLY") ? SPRAT_E_READONLY : err;
}
