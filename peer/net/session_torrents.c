/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The session's list of torrents: added, loaded from the state database, found by hash or name,
 * forgotten.
 */
#include <ctype.h>
#include <string.h>

#include "peer/net/session_impl.h"

enum { FIND_DIGITS_MIN = 6 };

struct torrent *
session_find_by_hash(const struct session *s, const uint8_t *hash)
{
    struct session *owner;
    struct torrent *t = house_find(s->house, hash, &owner);

    return owner == s ? t : NULL;
}

static bool
is_known(struct house *h, const struct metainfo *mi)
{
    return (mi->has_v1 && house_find(h, metainfo_wire_hash(mi, false), NULL) != NULL) ||
           (mi->has_v2 && house_find(h, metainfo_wire_hash(mi, true), NULL) != NULL);
}

static int
explain(int err, const struct torrent_add *add, struct errbuf *eb)
{
    if (err == SPRAT_E_EXISTS)
        return errbuf_set(eb, err, "%s is there already", add->mi->name);
    if (err == SPRAT_E_LIMIT)
        return errbuf_set(eb, err, "there are %d torrents already", SESSION_TORRENTS_MAX);
    return errbuf_set(eb, err, "%s", sprat_strerror(err));
}

static int
admit(const struct session *s, const struct torrent_add *add, struct errbuf *eb)
{
    if (s->end.begun)
        return errbuf_set(eb, SPRAT_E_CANCELLED, "the session is ending");
    if (is_known(s->house, add->mi))
        return explain(SPRAT_E_EXISTS, add, eb);
    if (add->peer_count > TORRENT_ADD_PEERS_MAX)
        return errbuf_set(eb, SPRAT_E_LIMIT, "at most %d peers can be named",
                          TORRENT_ADD_PEERS_MAX);
    return 0;
}

int
session_add(struct session *s, const struct torrent_add *add, struct torrent **out,
            struct errbuf *eb)
{
    struct torrent *t;
    int err = admit(s, add, eb);

    if (err == 0)
        err = torrent_new(s, add, &t, eb);
    if (err != 0)
        return err;
    err = house_enter(s->house, t);
    if (err != 0) {
        t->mi = NULL; /* the caller keeps it */
        torrent_free(t);
        return explain(err, add, eb);
    }
    list_push_back(&s->torrents, &t->link);
    event_push(t, TORRENT_EVENT_READY, 0, "");
    if (!t->wish.paused)
        torrent_load(t);
    *out = t;
    return 0;
}

void
session_forget(struct session *s, struct torrent *t)
{
    event_drop(s, t);
    session_forget_wanted(s, t);
    house_leave(s->house, t);
    torrent_free(t);
}

/* What the torrent was added with, when that is known. */
static void
recall(const struct state_wish *wish, struct torrent_add *add)
{
    if (wish->seed == SEED_NONE || wish->seed == SEED_RATIO)
        add->seed = (enum seed_policy)wish->seed;
    add->ratio = wish->ratio;
    add->sequential = wish->sequential;
    add->super_seed = wish->super_seed;
    add->trackers = (const char *const *)wish->trackers;
    add->tracker_count = wish->tracker_count;
    add->peers = (const char *const *)wish->peers;
    add->peer_count = wish->peer_count;
    add->reserve = wish->reserve;
}

static int
load_row(void *user, const struct state_torrent *row)
{
    struct house *h = user;
    struct state_wish wish;
    struct torrent_add add = {.save_dir = row->dir,
                              .seed = SEED_FOREVER,
                              .up_limit = row->up_limit,
                              .down_limit = row->down_limit,
                              .move_to = row->move_to,
                              .row = row,
                              .paused = row->status == STATE_PAUSED};
    struct torrent *t;
    struct errbuf eb;
    int err = state_load_wish(h->state, row->id, &wish, &eb);

    if (err == 0)
        recall(&wish, &add);
    if (err == 0 || err == SPRAT_E_NOTFOUND)
        err = metainfo_parse(row->metainfo, row->metainfo_len, &add.mi, &eb);
    if (err == 0) {
        err = session_add(house_pick(h), &add, &t, &eb);
        if (err != 0)
            metainfo_free(add.mi);
    }
    if (err != 0)
        log_error(&h->log, "a torrent of %s was not loaded: %s", row->dir, eb.text);
    state_wish_fini(&wish);
    return 0;
}

int
sessions_load(struct house *h, struct errbuf *eb)
{
    int err;

    h->managed = h->loading = true;
    err = state_each_managed(h->state, load_row, h, eb);
    h->loading = false;
    return err;
}

struct torrent *
session_next(const struct session *s, const struct torrent *t)
{
    struct list *next = t != NULL ? t->link.next : s->torrents.next;

    return next == &s->torrents ? NULL : LIST_ENTRY(next, struct torrent, link);
}

/* Whether the hex digits of |hash| begin with |what|, in any case. */
static bool
has_prefix(const uint8_t *hash, size_t len, const char *what)
{
    size_t i;

    for (i = 0; what[i] != '\0' && i < 2 * len; i++) {
        unsigned nibble = i % 2 == 0 ? hash[i / 2] >> 4 : hash[i / 2] & 15u;

        if (tolower((unsigned char)what[i]) != "0123456789abcdef"[nibble])
            return false;
    }
    return what[i] == '\0';
}

static bool
is_meant(const struct torrent *t, const char *what)
{
    const struct metainfo *mi = t->mi;

    if (strcmp(mi->name, what) == 0)
        return true;
    if (strlen(what) < FIND_DIGITS_MIN)
        return false;
    return (mi->has_v1 && has_prefix(mi->info_hash_v1, sizeof(mi->info_hash_v1), what)) ||
           (mi->has_v2 && has_prefix(mi->info_hash_v2, sizeof(mi->info_hash_v2), what));
}

size_t
session_find(const struct session *s, const char *what, struct torrent **found)
{
    size_t n = 0;

    LIST_EACH(it, &s->torrents) {
        struct torrent *t = LIST_ENTRY(it, struct torrent, link);

        if (is_meant(t, what)) {
            *found = t;
            n++;
        }
    }
    return n;
}
