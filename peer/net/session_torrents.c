/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The session's list of torrents: added, loaded from the state database, found by hash or name,
 * forgotten.
 */
#include <ctype.h>
#include <string.h>

#include "peer/net/session_impl.h"

enum { FIND_DIGITS_MIN = 6 };

bool
session_key_matches(const struct hashmap_node *node, const void *key, size_t len)
{
    return memcmp(LIST_ENTRY(node, struct hash_key, node)->hash, key, len) == 0;
}

struct torrent *
session_find_by_hash(const struct session *s, const uint8_t *hash)
{
    struct hashmap_node *node = hashmap_find(&s->by_hash, hash, TRACKER_HASH_LEN);

    return node != NULL ? LIST_ENTRY(node, struct hash_key, node)->torrent : NULL;
}

static void
remove_keys(struct session *s, struct torrent *t)
{
    for (int i = 0; i < 2; i++)
        if (t->keys[i].hash != NULL)
            hashmap_remove(&s->by_hash, &t->keys[i].node);
    t->keys[0].hash = t->keys[1].hash = NULL;
}

static int
add_key(struct session *s, struct torrent *t, int i)
{
    const uint8_t *hash = metainfo_wire_hash(t->mi, i == 1);

    if (session_find_by_hash(s, hash) != NULL)
        return SPRAT_E_EXISTS;
    if (hashmap_add(&s->by_hash, &t->keys[i].node, hash, TRACKER_HASH_LEN) != 0)
        return SPRAT_E_NOMEM;
    t->keys[i].hash = hash;
    t->keys[i].torrent = t;
    return 0;
}

static bool
is_known(const struct session *s, const struct metainfo *mi)
{
    return (mi->has_v1 && session_find_by_hash(s, metainfo_wire_hash(mi, false)) != NULL) ||
           (mi->has_v2 && session_find_by_hash(s, metainfo_wire_hash(mi, true)) != NULL);
}

static int
admit(const struct session *s, const struct torrent_add *add, struct errbuf *eb)
{
    if (s->end.begun)
        return errbuf_set(eb, SPRAT_E_CANCELLED, "the session is ending");
    if (is_known(s, add->mi))
        return errbuf_set(eb, SPRAT_E_EXISTS, "%s is there already", add->mi->name);
    if (s->torrent_count >= SESSION_TORRENTS_MAX)
        return errbuf_set(eb, SPRAT_E_LIMIT, "there are %d torrents already",
                          SESSION_TORRENTS_MAX);
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
    if (t->mi->has_v1)
        err = add_key(s, t, 0);
    if (err == 0 && t->mi->has_v2)
        err = add_key(s, t, 1);
    if (err != 0) {
        remove_keys(s, t);
        t->mi = NULL; /* the caller keeps it */
        torrent_free(t);
        return errbuf_set(eb, err, "%s", sprat_strerror(err));
    }
    list_push_back(&s->torrents, &t->link);
    s->torrent_count++;
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
    remove_keys(s, t);
    s->torrent_count--;
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
    struct session *s = user;
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
    int err = state_load_wish(s->disk.state, row->id, &wish, &eb);

    if (err == 0)
        recall(&wish, &add);
    if (err == 0 || err == SPRAT_E_NOTFOUND)
        err = metainfo_parse(row->metainfo, row->metainfo_len, &add.mi, &eb);
    if (err == 0) {
        err = session_add(s, &add, &t, &eb);
        if (err != 0)
            metainfo_free(add.mi);
    }
    if (err != 0)
        log_error(&s->log, "a torrent of %s was not loaded: %s", row->dir, eb.text);
    state_wish_fini(&wish);
    return 0;
}

int
session_load(struct session *s, struct errbuf *eb)
{
    int err;

    s->managed = s->loading = true;
    err = state_each_managed(s->disk.state, load_row, s, eb);
    s->loading = false;
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

struct torrent *
session_find(const struct session *s, const char *what, struct errbuf *eb)
{
    struct torrent *found = NULL;

    LIST_EACH(it, &s->torrents) {
        struct torrent *t = LIST_ENTRY(it, struct torrent, link);

        if (!is_meant(t, what))
            continue;
        if (found != NULL) {
            errbuf_set(eb, SPRAT_E_INVAL, "%s names more than one torrent", what);
            return NULL;
        }
        found = t;
    }
    if (found == NULL)
        errbuf_set(eb, SPRAT_E_NOTFOUND, "there is no torrent %s", what);
    return found;
}
