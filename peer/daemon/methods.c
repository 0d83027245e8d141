/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Adding, finding and changing torrents. How a torrent looks in JSON is render.h's.
 */
#include "peer/daemon/methods.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/hex.h"
#include "common/rpc/base64.h"
#include "common/rpc/jsontext.h"
#include "common/sys/clock.h"
#include "common/sys/file.h"
#include "common/sys/paths.h"
#include "common/sys/writable.h"
#include "config.h"
#include "peer/daemon/daemon.h"
#include "peer/daemon/render.h"
#include "peer/torrent/torrent_link.h"

enum {
    ADDING_MS = 15000,    /* how long torrent.add waits for a disk before it is answered */
    LATE_ADDS_MAX = 1000, /* calls of torrent.add that still wait for a disk after that */
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Once stopping has begun, only calls that read are answered. */
static int
check_running(const struct daemon *d, struct errbuf *eb)
{
    return d->stopping ? errbuf_set(eb, SPRAT_E_BUSY, "the daemon is shutting down") : 0;
}

/* The strings of the array |key|. */
static int
get_strings(const json_t *params, const char *key, const char *out[METHODS_URLS_MAX], size_t *count,
            struct errbuf *eb)
{
    const json_t *list = json_object_get(params, key);
    size_t n = json_array_size(list);

    if (list == NULL || json_is_null(list))
        return 0;
    if (!json_is_array(list) || n > METHODS_URLS_MAX)
        return errbuf_set(eb, SPRAT_E_INVAL, "'%s' must be a list of at most %d strings", key,
                          METHODS_URLS_MAX);
    for (size_t i = 0; i < n; i++) {
        out[i] = json_string_value(json_array_get(list, i));
        if (out[i] == NULL)
            return errbuf_set(eb, SPRAT_E_INVAL, "'%s' must be a list of strings", key);
    }
    *count = n;
    return 0;
}

/* "none", "forever", or a number as string or number. */
static int
get_seed(const json_t *params, struct torrent_add *add, struct errbuf *eb)
{
    const json_t *v = json_object_get(params, "seed");

    if (v == NULL || json_is_null(v))
        return 0;
    if (json_is_string(v) &&
        settings_parse_seed(json_string_value(v), &add->seed, &add->ratio) == 0)
        return 0;
    if (json_is_number(v) && json_number_value(v) >= 0) {
        add->seed = SEED_RATIO;
        add->ratio = json_number_value(v);
        return 0;
    }
    return errbuf_set(eb, SPRAT_E_INVAL, "'seed' must be \"none\", \"forever\" or a ratio");
}

static int
load_path(const char *path, struct metainfo **mi, struct errbuf *eb)
{
    struct errbuf why;
    uint8_t *data;
    size_t len;
    int err;

    err = file_read(path, METAINFO_SIZE_MAX, &data, &len, eb);
    if (err != 0)
        return err;
    err = metainfo_parse(data, len, mi, &why);
    free(data);
    return err != 0 ? errbuf_set(eb, err, "%s: %s", path, why.text) : 0;
}

static int
load_bytes(const char *text, struct metainfo **mi, struct errbuf *eb)
{
    uint8_t *data;
    size_t len;
    int err = base64_decode(text, strlen(text), &data, &len);

    if (err != 0)
        return errbuf_set(eb, err == SPRAT_E_SYNTAX ? SPRAT_E_INVAL : err,
                          "'metainfo' is not base64");
    err = metainfo_parse(data, len, mi, eb);
    free(data);
    return err;
}

static int
get_allocate(const json_t *params, bool *reserve, struct errbuf *eb)
{
    const char *how = NULL;
    int err = rpc_get_string(params, "allocate", false, &how, eb);

    if (err == 0 && how != NULL && settings_parse_allocate(how, reserve) != 0)
        err = errbuf_set(eb, SPRAT_E_INVAL, "'allocate' must be \"sparse\" or \"full\"");
    return err;
}

/* Reads the permissions (torrent_consent), as far as they are given. */
static int
get_consent(const json_t *params, struct torrent_consent *consent, struct errbuf *eb)
{
    int err = rpc_get_bool(params, "adopt", &consent->adopt, eb);

    return err == 0 ? rpc_get_bool(params, "refetch", &consent->refetch, eb) : err;
}

/* Reads the two rates, as far as they are given: bytes a second, 0 for none. */
static int
get_limits(const json_t *params, uint64_t *up, uint64_t *down, struct errbuf *eb)
{
    int err = rpc_get_u64(params, "up_limit", up, eb);

    return err == 0 ? rpc_get_u64(params, "down_limit", down, eb) : err;
}

/* Where the torrent is described: |link|, or the torrent file, from its bytes or, later, from
 * |*path|. */
static int
get_source(const json_t *params, struct metainfo **mi, struct torrent_link *link,
           const char **path, struct errbuf *eb)
{
    const char *bytes = NULL, *magnet = NULL;

    if (rpc_get_string(params, "path", false, path, eb) != 0 ||
        rpc_get_string(params, "metainfo", false, &bytes, eb) != 0 ||
        rpc_get_string(params, "magnet", false, &magnet, eb) != 0)
        return SPRAT_E_INVAL;
    if ((*path != NULL) + (bytes != NULL) + (magnet != NULL) != 1)
        return errbuf_set(eb, SPRAT_E_INVAL,
                          "exactly one of 'path', 'metainfo' and 'magnet' must be given");
    if (*path != NULL && (*path)[0] != '/')
        return errbuf_set(eb, SPRAT_E_INVAL, "'path' must be absolute");
    if (*path != NULL)
        return 0;
    return bytes != NULL ? load_bytes(bytes, mi, eb) : torrent_link_init(link, magnet, eb);
}

/* The data of a method's errand to a torrent. The loop of the torrent is another thread. |params|
 * has a reference of its own: a late loop may read it after the request was answered. */
struct errand {
    struct shards_errand base;
    struct rpc_call *call; /* NULL: it was answered */
    json_t *params;
    json_t *result;
    uint8_t hash[TRACKER_HASH_LEN]; /* of the torrent, while its answer is waited for */
};

typedef void (*errand_done_fn)(struct shards_errand *base, int err, const struct errbuf *eb);
typedef int (*errand_fn)(struct torrent *t, struct shards_errand *base, struct errbuf *eb);

static struct errand *
errand_of(struct shards_errand *base)
{
    return LIST_ENTRY(base, struct errand, base);
}

static void
answer_errand(struct shards_errand *base, int err, const struct errbuf *eb)
{
    struct errand *e = errand_of(base);
    struct rpc_call *call = e->call;
    json_t *result = NULL;

    if (call == NULL)
        return;
    if (err == 0) {
        result = e->result;
        e->result = NULL;
    }
    e->call = NULL;
    rpc_answer(call, err, result, eb);
}

static void
release_errand(struct shards_errand *base)
{
    struct errand *e = errand_of(base);

    json_decref(e->result);
    json_decref(e->params);
    free(e);
}

/* jansson has no const reference; only the count changes. */
static json_t *
keep(const json_t *params)
{
    return json_incref((json_t *)(uintptr_t)params);
}

/* Runs |fn| on the torrent that params name, and then |done|; RPC_LATER. */
static int
begin_errand(const struct daemon *d, const json_t *params, errand_fn fn, errand_done_fn done,
             struct rpc_call *call, struct errbuf *eb)
{
    const char *what = NULL;
    struct errand *e;
    int err = rpc_get_string(params, "torrent", true, &what, eb);

    if (err != 0)
        return err;
    e = calloc(1, sizeof(*e));
    if (e == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    e->base.fn = fn;
    e->base.done = done;
    e->base.release = release_errand;
    e->call = call;
    e->params = keep(params);
    shards_with(d->shards, what, &e->base);
    return RPC_LATER;
}

static int
with_torrent(const struct daemon *d, const json_t *params, errand_fn fn, struct rpc_call *call,
             struct errbuf *eb)
{
    return begin_errand(d, params, fn, answer_errand, call, eb);
}

static void
on_stored(void *user, int err, const char *why)
{
    struct errbuf eb;

    if (err != 0)
        errbuf_set(&eb, err, "this is in effect, but will be forgotten when the daemon ends: %s",
                   why);
    shards_errand_end(user, err, err != 0 ? eb.text : "");
}

/* Answers when the database has what was changed. */
static int
end_when_stored(struct torrent *t, struct shards_errand *base)
{
    torrent_when_stored(t, on_stored, base);
    return SHARDS_LATER;
}

/* The files that are chosen by the lists of patterns in |params|, beginning with |now|; to be
 * freed, and NULL if there are no lists. */
static int
get_selection(const json_t *params, const struct metainfo *mi, const struct torrent *now,
              uint8_t **out, struct errbuf *eb)
{
    static const struct {
        const char *key;
        enum file_priority priority;
    } lists[] = {
        {"only", FILE_NORMAL}, {"want", FILE_NORMAL}, {"skip", FILE_SKIP}, {"high", FILE_HIGH}};
    const char *patterns[METHODS_URLS_MAX];
    int err = 0;

    *out = malloc(mi->file_count + 1);
    if (*out == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    for (size_t i = 0; i < mi->file_count; i++)
        (*out)[i] = now != NULL ? torrent_file_priority(now, i) : FILE_NORMAL;
    for (size_t l = 0; err == 0 && l < COUNT(lists); l++) {
        size_t n = 0;

        err = get_strings(params, lists[l].key, patterns, &n, eb);
        if (l == 0 && n > 0)
            memset(*out, FILE_SKIP, mi->file_count);
        for (size_t i = 0; err == 0 && i < n; i++)
            err = selection_set(mi, patterns[i], lists[l].priority, *out, eb);
    }
    if (err != 0) {
        free(*out);
        *out = NULL;
    }
    return err;
}

static void
on_selected(void *user, int err, const char *why)
{
    struct errand *e = errand_of(user);
    struct torrent *t = engine_find_by_hash(e->base.at, e->hash);

    if (err == 0 && t != NULL)
        e->result = render_torrent(t);
    shards_errand_end(user, err, why);
}

static int
select_files(struct torrent *t, struct shards_errand *base, struct errbuf *eb)
{
    struct errand *e = errand_of(base);
    uint8_t *selection;
    int err = torrent_need_metainfo(t, eb);

    if (err == 0)
        err = get_selection(e->params, torrent_metainfo(t), t, &selection, eb);

    if (err != 0)
        return err;
    memcpy(e->hash, torrent_info_hash(t, torrent_info_hash(t, false) == NULL), sizeof(e->hash));
    err = torrent_select(t, selection, on_selected, base, eb);
    free(selection);
    return err == 0 ? SHARDS_LATER : err;
}

static int
torrent_select_method(void *ctx, const json_t *params, struct rpc_call *call, json_t **result,
                      struct errbuf *eb)
{
    static const char *const keys[] = {"torrent", "only", "want", "skip", "high"};
    int err = check_running(ctx, eb);

    (void)result;
    if (err == 0)
        err = rpc_check_keys(params, keys, COUNT(keys), eb);
    return err == 0 ? with_torrent(ctx, params, select_files, call, eb) : err;
}

/* Sets |*is_there| if the torrent's content exists. Which name it has is unknown without the
 * metainfo. */
static int
find_content(const struct torrent_add *add, bool *is_there, struct errbuf *eb)
{
    char *content;

    *is_there = false;
    if (add->mi == NULL)
        return 0;
    content = path_join(add->save_dir, add->mi->name);
    if (content == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    *is_there = access(content, F_OK) == 0;
    free(content);
    return 0;
}

/* Whether the torrent's files can be made where they are to be. Content that is there may be seeded
 * from a directory that can only be read. */
static int
check_place(const struct torrent_add *add, struct errbuf *eb)
{
    bool is_there;
    int err = find_content(add, &is_there, eb);

    if (err == 0 && !is_there)
        err = writable_dir(add->save_dir, eb);
    if (err == 0 && add->move_to != NULL && !add->move_only_new)
        err = writable_dir(add->move_to, eb);
    return err;
}

/* Sets the limits that params name; |st| has both afterwards. */
static int
set_limits(struct torrent *t, const json_t *params, struct torrent_status *st, struct errbuf *eb)
{
    uint64_t up, down;
    int err;

    torrent_get_status(t, st);
    up = st->up_limit;
    down = st->down_limit;
    err = get_limits(params, &st->up_limit, &st->down_limit, eb);
    if (err == 0 && (st->up_limit != up || st->down_limit != down))
        torrent_set_limits(t, st->up_limit, st->down_limit);
    return err;
}

/* A torrent.add under way: a disk thread reads its file, then the daemon's torrents are asked for
 * it, and a disk thread looks at its directory before it is added. */
struct adding {
    struct errand errand;
    struct list link; /* in the daemon's list, once the torrent is known */
    bool waits;       /* for an earlier torrent.add of the same torrent */
    struct identity id;
    struct daemon *daemon;
    struct loop_timer *deadline; /* of what a disk is asked for */
    const char *awaited;         /* the path that the disk is asked for; NULL: the engine adds the
                                    torrent */
    bool late;                   /* the deadline has passed */
    const char *path; /* of the torrent file; NULL: the request has its bytes */
    struct torrent_add add;
    const char *trackers[METHODS_URLS_MAX], *peers[METHODS_URLS_MAX];
    char *save_dir, *move_to; /* copies: settings may be read again meanwhile */
    struct torrent_link magnet; /* |magnet.magnet| is NULL: the request has a torrent file */
    bool by_v2; /* the daemon is asked for the v2 info-hash of a hybrid */
    uint8_t *selection;
    bool is_new; /* the daemon does not have it */
    bool taken;  /* the engine has |add.mi| */
};

static struct adding *
adding_of(struct shards_errand *base)
{
    return LIST_ENTRY(errand_of(base), struct adding, errand);
}

static void begin_waiting(struct daemon *d);

/* The request is answered: another of the same torrent may go on. */
static void
leave(struct adding *a)
{
    if (!list_linked(&a->link))
        return;
    list_remove(&a->link);
    begin_waiting(a->daemon);
}

static void
adding_free(struct adding *a)
{
    leave(a);
    a->daemon->late_adds -= a->late;
    loop_timer_free(a->deadline);
    if (!a->taken)
        metainfo_free(a->add.mi);
    torrent_link_fini(&a->magnet);
    free(a->selection);
    free(a->save_dir);
    free(a->move_to);
    json_decref(a->errand.result);
    json_decref(a->errand.params);
    free(a);
}

static void
release_adding(struct shards_errand *base)
{
    adding_free(adding_of(base));
}

static void
answer_adding(struct shards_errand *base, int err, const struct errbuf *eb)
{
    answer_errand(base, err, eb);
    leave(adding_of(base));
}

static int
render_added(struct torrent *t, struct shards_errand *base, struct errbuf *eb)
{
    struct adding *a = adding_of(base);

    (void)eb;
    a->taken = true;
    a->errand.result = render_torrent(t);
    return 0;
}

static void
refuse_adding(struct adding *a, int err, const char *why)
{
    struct errbuf eb;

    errbuf_set(&eb, err, "%s", why);
    answer_errand(&a->errand.base, err, &eb);
    adding_free(a);
}

/* The request is answered; |a| stays until the disk's thread has answered. */
static void
on_deadline(void *ctx)
{
    struct adding *a = ctx;
    struct errbuf eb;

    if (a->errand.call == NULL)
        return;
    if (a->awaited != NULL)
        errbuf_set(&eb, SPRAT_E_TIMEOUT,
                   "%s has not answered for %d s, perhaps because its file system hangs; nothing "
                   "was added; try again later",
                   a->awaited, ADDING_MS / 1000);
    else
        errbuf_set(&eb, SPRAT_E_TIMEOUT,
                   "the request has not ended after %d s, perhaps because a disk is slow; it may "
                   "still take effect; try again later",
                   ADDING_MS / 1000);
    a->late = true;
    a->daemon->late_adds++;
    answer_adding(&a->errand.base, SPRAT_E_TIMEOUT, &eb);
}

/* From now on, a disk is asked for |path|; NULL: the engine adds the torrent. */
static void
await_disk(struct adding *a, const char *path)
{
    a->awaited = path;
    loop_timer_set(a->deadline, mono_add_ms(loop_now(a->daemon->loop), ADDING_MS));
}

/* The disk has answered. Whether the request goes on: 0, or an error that ends it. */
static int
end_wait(struct adding *a, int err)
{
    loop_timer_set(a->deadline, MONO_NEVER);
    if (err != 0)
        return err;
    return a->errand.call == NULL ? SPRAT_E_TIMEOUT : check_running(a->daemon, NULL);
}

/* On a disk thread. */
static int
look_at_place(void *user, struct errbuf *why)
{
    return check_place(&((struct adding *)user)->add, why);
}

static void
on_place(void *user, int err, const char *why)
{
    struct adding *a = user;

    err = end_wait(a, err);
    if (err != 0) {
        refuse_adding(a, err, why[0] != '\0' ? why : "the daemon is shutting down");
        return;
    }
    a->errand.base.fn = render_added;
    a->errand.base.done = answer_adding;
    a->errand.base.release = release_adding;
    await_disk(a, NULL);
    shards_add(a->daemon->shards, &a->add, &a->errand.base);
}

static int
begin_new(struct adding *a, struct errbuf *eb)
{
    const json_t *params = a->errand.params;
    bool selects = json_object_get(params, "only") != NULL ||
                   json_object_get(params, "skip") != NULL ||
                   json_object_get(params, "high") != NULL;
    int err = 0;

    if (selects && a->add.mi == NULL)
        return errbuf_set(eb, SPRAT_E_INVAL,
                          "a magnet link does not say which files the torrent has: 'sprat select' "
                          "can choose files when the metadata is known");
    if (selects)
        err = get_selection(params, a->add.mi, NULL, &a->selection, eb);
    a->add.selection = a->selection;
    await_disk(a, a->add.save_dir);
    return err == 0
               ? shards_disk_call(a->daemon->shards, a->add.save_dir, look_at_place, on_place, a)
               : err;
}

/* The members of a second torrent.add that have an effect: its limits, trackers and peers. */
static int
merge_known(struct torrent *t, struct shards_errand *base, struct errbuf *eb)
{
    struct adding *a = adding_of(base);
    struct torrent_status st;
    struct torrent_merged merged;
    bool learns = torrent_waits_for_metainfo(t) && a->add.mi != NULL;
    int err = learns ? torrent_learn(t, a->add.mi, eb) : 0;
    json_t *o;

    if (learns && err == 0)
        a->add.mi = NULL;
    if (err == 0)
        err = torrent_merge(t, &a->add, &merged, eb);
    if (err == 0)
        err = set_limits(t, a->errand.params, &st, eb);
    if (err != 0)
        return err;
    o = render_torrent(t);
    json_object_set_new(o, "already", json_true());
    json_object_set_new(o, "metadata_added", json_boolean(learns));
    json_object_set_new(o, "trackers_added", json_integer((json_int_t)merged.trackers));
    json_object_set_new(o, "trackers_refused", json_integer((json_int_t)merged.trackers_refused));
    json_object_set_new(o, "peers_added", json_integer((json_int_t)merged.peers));
    a->errand.result = o;
    return end_when_stored(t, base);
}

static void
on_asked(struct shards_errand *base, int err, const struct errbuf *eb)
{
    if (err == SPRAT_E_NOTFOUND)
        adding_of(base)->is_new = true;
    else
        answer_adding(base, err, eb);
}

static void ask(struct adding *a, bool by_v2);

static void
after_asking(struct shards_errand *base)
{
    struct adding *a = adding_of(base);
    struct errbuf eb = {""};
    int err;

    if (!a->is_new) { /* answered */
        adding_free(a);
        return;
    }
    if (!a->by_v2 && identity_is_hybrid(torrent_add_id(&a->add))) {
        ask(a, true);
        return;
    }
    err = begin_new(a, &eb);
    if (err != 0)
        refuse_adding(a, err, eb.text[0] != '\0' ? eb.text : sprat_strerror(err));
}

/* Asks the daemon's torrents for one of the torrent's info-hashes. A torrent from a magnet link may
 * have only one of a hybrid's two. */
static void
ask(struct adding *a, bool by_v2)
{
    char hex[HEX_SIZE(20)];

    a->is_new = false;
    a->by_v2 = by_v2;
    hex_encode(identity_wire_hash(torrent_add_id(&a->add), by_v2), 20, hex);
    a->errand.base.fn = merge_known;
    a->errand.base.done = on_asked;
    a->errand.base.release = after_asking;
    shards_with(a->daemon->shards, hex, &a->errand.base);
}

/* Asks first whether the daemon has the torrent. */
static void
ask_for_known(struct adding *a)
{
    ask(a, !torrent_add_id(&a->add)->has_v1);
}

/* Adds what the magnet link names, as far as there is room. */
static void
take_link(struct adding *a)
{
    const struct magnet *m = a->magnet.magnet;
    struct torrent_add *add = &a->add;

    torrent_link_fill(&a->magnet, add);
    for (size_t i = 0; i < m->tracker_count && add->tracker_count < METHODS_URLS_MAX; i++)
        a->trackers[add->tracker_count++] = m->trackers[i];
    for (size_t i = 0; i < m->peer_count && add->peer_count < METHODS_URLS_MAX; i++)
        a->peers[add->peer_count++] = a->magnet.peers[i];
}

static bool
is_same_torrent(const struct identity *a, const struct identity *b)
{
    return (a->has_v1 && b->has_v1 && memcmp(a->v1, b->v1, sizeof(a->v1)) == 0) ||
           (a->has_v2 && b->has_v2 && memcmp(a->v2, b->v2, sizeof(a->v2)) == 0);
}

/* Whether an earlier torrent.add of the same torrent is under way. */
static bool
is_behind(const struct adding *a)
{
    LIST_EACH (it, &a->daemon->adding) {
        const struct adding *x = LIST_ENTRY(it, struct adding, link);

        if (x == a)
            break;
        if (is_same_torrent(&x->id, &a->id))
            return true;
    }
    return false;
}

static struct adding *
next_waiting(const struct daemon *d)
{
    LIST_EACH (it, &d->adding) {
        struct adding *a = LIST_ENTRY(it, struct adding, link);

        if (a->waits && !is_behind(a))
            return a;
    }
    return NULL;
}

/* A torrent.add may end in the call that begins it, and then the outer call begins the next. */
static void
begin_waiting(struct daemon *d)
{
    struct adding *a;

    if (d->begins_adding)
        return;
    d->begins_adding = true;
    while ((a = next_waiting(d)) != NULL) {
        a->waits = false;
        if (check_running(d, NULL) == 0)
            ask_for_known(a);
        else
            refuse_adding(a, SPRAT_E_BUSY, "the daemon is shutting down");
    }
    d->begins_adding = false;
}

/* A second torrent.add of a torrent waits until the first is answered. Then it finds the torrent,
 * and its trackers and peers are added; or the first has failed, and the second takes its place.
 * RPC_LATER. */
static void
begin_adding(struct adding *a)
{
    a->id = *torrent_add_id(&a->add);
    list_push_back(&a->daemon->adding, &a->link);
    a->waits = true;
    begin_waiting(a->daemon);
}

/* Copies what settings may free. */
static int
own_places(struct adding *a, struct errbuf *eb)
{
    struct torrent_add *add = &a->add;

    if (add->save_dir == NULL || add->save_dir[0] != '/')
        return errbuf_set(eb, SPRAT_E_INVAL, "'save_dir' must be an absolute path");
    if (add->move_to != NULL && add->move_to[0] != '/')
        return errbuf_set(eb, SPRAT_E_INVAL, "'move_to' must be an absolute path");
    a->save_dir = strdup(add->save_dir);
    if (add->move_to != NULL)
        a->move_to = strdup(add->move_to);
    if (a->save_dir == NULL || (add->move_to != NULL && a->move_to == NULL))
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    add->save_dir = a->save_dir;
    add->move_to = a->move_to;
    return 0;
}

static int
read_adding(struct adding *a, const json_t *params, struct errbuf *eb)
{
    const struct daemon *d = a->daemon;
    struct torrent_add *add = &a->add;
    int err;

    *add = (struct torrent_add){.seed = d->settings.seed,
                                .ratio = d->settings.ratio,
                                .save_dir = d->settings.save_dir,
                                .reserve = d->settings.reserve,
                                .worknames = d->settings.incomplete_suffix,
                                .trackers = a->trackers,
                                .peers = a->peers};
    if ((err = get_strings(params, "trackers", a->trackers, &add->tracker_count, eb)) ||
        (err = get_strings(params, "peers", a->peers, &add->peer_count, eb)) ||
        (err = get_seed(params, add, eb)) ||
        (err = rpc_get_string(params, "save_dir", false, &add->save_dir, eb)) ||
        (err = rpc_get_bool(params, "paused", &add->paused, eb)) ||
        (err = rpc_get_bool(params, "check", &add->force_check, eb)) ||
        (err = get_consent(params, &add->consent, eb)) ||
        (err = rpc_get_bool(params, "sequential", &add->sequential, eb)) ||
        (err = rpc_get_bool(params, "private", &add->trackers_only, eb)) ||
        (err = rpc_get_bool(params, "super_seed", &add->super_seed, eb)) ||
        (err = get_limits(params, &add->up_limit, &add->down_limit, eb)) ||
        (err = get_allocate(params, &add->reserve, eb)) ||
        (err = rpc_get_bool(params, "incomplete_suffix", &add->worknames, eb)) ||
        (err = rpc_get_string(params, "move_to", false, &add->move_to, eb)))
        return err;
    if (add->move_to == NULL) {
        add->move_to = d->settings.completed_dir;
        add->move_only_new = true;
    }
    err = own_places(a, eb);
    if (err == 0)
        err = get_source(params, &add->mi, &a->magnet, &a->path, eb);
    if (err == 0 && a->magnet.magnet != NULL)
        take_link(a);
    return err;
}

/* On a disk thread. */
static int
read_file(void *user, struct errbuf *why)
{
    struct adding *a = user;

    return load_path(a->path, &a->add.mi, why);
}

static void
on_read(void *user, int err, const char *why)
{
    struct adding *a = user;

    err = end_wait(a, err);
    if (err != 0)
        refuse_adding(a, err, why[0] != '\0' ? why : "the daemon is shutting down");
    else
        begin_adding(a);
}

static int
torrent_add_method(void *ctx, const json_t *params, struct rpc_call *call, json_t **result,
                   struct errbuf *eb)
{
    static const char *const keys[] = {"path",     "metainfo",   "save_dir",   "trackers",
                                       "peers",    "seed",       "paused",     "check",
                                       "up_limit", "down_limit", "sequential", "super_seed",
                                       "allocate", "move_to",    "only",       "skip",
                                       "high",     "adopt",      "refetch",    "incomplete_suffix",
                                       "magnet",   "private"};
    struct daemon *d = ctx;
    struct adding *a;
    int err = check_running(d, eb);

    (void)result;
    if (err == 0)
        err = rpc_check_keys(params, keys, COUNT(keys), eb);
    if (err == 0 && d->late_adds >= LATE_ADDS_MAX)
        err = errbuf_set(eb, SPRAT_E_BUSY,
                         "%d earlier calls of torrent.add still wait for a file system that hangs",
                         LATE_ADDS_MAX);
    if (err != 0)
        return err;
    a = calloc(1, sizeof(*a));
    if (a == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    a->daemon = d;
    list_init(&a->link);
    a->deadline = loop_timer_new(d->loop, on_deadline, a);
    if (a->deadline == NULL) {
        free(a);
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    }
    a->errand.call = call;
    a->errand.params = keep(params);
    err = read_adding(a, params, eb);
    if (err != 0) {
        adding_free(a);
        return err;
    }
    if (a->path == NULL) {
        begin_adding(a);
        return RPC_LATER;
    }
    await_disk(a, a->path);
    err = shards_disk_call(d->shards, a->path, read_file, on_read, a);
    if (err != 0)
        adding_free(a);
    return err == 0 ? RPC_LATER : errbuf_set(eb, err, "%s", sprat_strerror(err));
}

/* One loop's torrents in the order of adding. */
struct part {
    json_t *list;
    uint64_t *serials;
    size_t count, next;
};

struct listing {
    struct fanout fan;
    struct rpc_call *call;
    uint32_t count; /* of loops */
    struct daemon *daemon;
    struct part parts[ENGINE_LOOPS_MAX];
    struct part silent[ENGINE_LOOPS_MAX]; /* the torrents of loops that are late */
};

static void
list_part(struct engine *s, struct fanout *f)
{
    struct part *p = &LIST_ENTRY(f, struct listing, fan)->parts[engine_index(s)];
    struct torrent *t = NULL;
    size_t n = 0;

    while ((t = engine_next(s, t)) != NULL)
        n++;
    p->list = json_array();
    p->serials = malloc((n + 1) * sizeof(*p->serials));
    while (p->serials != NULL && (t = engine_next(s, t)) != NULL) {
        p->serials[p->count++] = torrent_serial(t);
        json_array_append_new(p->list, render_torrent(t));
    }
}

static void
list_silent(void *ctx, const struct shards_silent *t)
{
    struct part *p = ctx;
    uint64_t *grown = realloc(p->serials, (p->count + 1) * sizeof(*grown));

    if (grown == NULL)
        return;
    p->serials = grown;
    p->serials[p->count++] = t->serial;
    json_array_append_new(p->list, render_silent(t));
}

static bool
comes_before(const struct part *p, const struct part *first)
{
    return p->next < p->count &&
           (first == NULL || p->serials[p->next] < first->serials[first->next]);
}

/* The part whose next torrent was added first; NULL when no part has one. A loop with a bit in
 * |late| may be writing its part, so its torrents are those in |silent|. */
static struct part *
first_part(struct listing *l, uint32_t late)
{
    struct part *first = NULL;

    for (uint32_t i = 0; i < l->count; i++) {
        struct part *p = (late & UINT32_C(1) << i) != 0 ? &l->silent[i] : &l->parts[i];

        if (comes_before(p, first))
            first = p;
    }
    return first;
}

static void
on_listed(struct fanout *f, uint32_t late)
{
    struct listing *l = LIST_ENTRY(f, struct listing, fan);
    json_t *all = json_array();
    struct errbuf eb = {""};
    struct part *p;

    for (uint32_t i = 0; i < l->count; i++) {
        if ((late & UINT32_C(1) << i) == 0)
            continue;
        l->silent[i].list = json_array();
        shards_each_silent(l->daemon->shards, i, list_silent, &l->silent[i]);
    }
    while ((p = first_part(l, late)) != NULL)
        json_array_append(all, json_array_get(p->list, p->next++));
    rpc_answer(l->call, 0, all, &eb);
}

static void
release_listing(struct fanout *f)
{
    struct listing *l = LIST_ENTRY(f, struct listing, fan);

    for (uint32_t i = 0; i < l->count; i++) {
        json_decref(l->parts[i].list);
        free(l->parts[i].serials);
        json_decref(l->silent[i].list);
        free(l->silent[i].serials);
    }
    free(l);
}

static int
torrent_list(void *ctx, const json_t *params, struct rpc_call *call, json_t **result,
             struct errbuf *eb)
{
    struct daemon *d = ctx;
    struct listing *l;
    int err = rpc_check_keys(params, NULL, 0, eb);

    (void)result;
    if (err != 0)
        return err;
    l = calloc(1, sizeof(*l));
    if (l == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    l->fan.visit = list_part;
    l->fan.done = on_listed;
    l->fan.release = release_listing;
    l->call = call;
    l->daemon = d;
    l->count = shards_count(d->shards);
    shards_visit(d->shards, &l->fan);
    return RPC_LATER;
}

static int
show(struct torrent *t, struct shards_errand *base, struct errbuf *eb)
{
    struct errand *e = errand_of(base);
    int err = torrent_waits_for_metainfo(t) ? 0 : torrent_need_metainfo(t, eb);

    if (err == 0)
        e->result = render_torrent_details(t, clock_mono());
    return err;
}

static int
explain(struct torrent *t, struct shards_errand *base, struct errbuf *eb)
{
    struct errand *e = errand_of(base);

    (void)eb;
    e->result = render_why_details(t, clock_mono());
    return 0;
}

static void
explain_silent(void *ctx, const struct shards_silent *t)
{
    json_t **result = ctx;

    if (*result == NULL)
        *result = render_silent_why(t);
}

/* Of a torrent whose loop does not answer, at least that is known. */
static void
answer_why(struct shards_errand *base, int err, const struct errbuf *eb)
{
    json_t *result = NULL;

    if (err == SPRAT_E_TIMEOUT)
        shards_errand_silent(base, explain_silent, &result);
    if (result != NULL)
        rpc_answer(errand_of(base)->call, 0, result, eb);
    else
        answer_errand(base, err, eb);
}

static int
torrent_why_method(void *ctx, const json_t *params, struct rpc_call *call, json_t **result,
                   struct errbuf *eb)
{
    static const char *const keys[] = {"torrent"};
    int err = rpc_check_keys(params, keys, COUNT(keys), eb);

    (void)result;
    return err == 0 ? begin_errand(ctx, params, explain, answer_why, call, eb) : err;
}

static int
torrent_info(void *ctx, const json_t *params, struct rpc_call *call, json_t **result,
             struct errbuf *eb)
{
    static const char *const keys[] = {"torrent"};
    int err = rpc_check_keys(params, keys, COUNT(keys), eb);

    (void)result;
    return err == 0 ? with_torrent(ctx, params, show, call, eb) : err;
}

static int
pause_it(struct torrent *t, struct shards_errand *base, struct errbuf *eb)
{
    (void)eb;
    torrent_pause(t);
    return end_when_stored(t, base);
}

static int
torrent_pause_method(void *ctx, const json_t *params, struct rpc_call *call, json_t **result,
                     struct errbuf *eb)
{
    static const char *const keys[] = {"torrent"};
    int err = check_running(ctx, eb);

    (void)result;
    if (err == 0)
        err = rpc_check_keys(params, keys, COUNT(keys), eb);
    return err == 0 ? with_torrent(ctx, params, pause_it, call, eb) : err;
}

static int
resume_it(struct torrent *t, struct shards_errand *base, struct errbuf *eb)
{
    const struct errand *e = errand_of(base);
    struct torrent_consent consent = {false};
    int err = get_consent(e->params, &consent, eb);

    if (err != 0)
        return err;
    torrent_resume(t, &consent);
    return end_when_stored(t, base);
}

static int
torrent_resume_method(void *ctx, const json_t *params, struct rpc_call *call, json_t **result,
                      struct errbuf *eb)
{
    static const char *const keys[] = {"torrent", "adopt", "refetch"};
    int err = check_running(ctx, eb);

    (void)result;
    if (err == 0)
        err = rpc_check_keys(params, keys, COUNT(keys), eb);
    return err == 0 ? with_torrent(ctx, params, resume_it, call, eb) : err;
}

static int
remove_it(struct torrent *t, struct shards_errand *base, struct errbuf *eb)
{
    struct errand *e = errand_of(base);
    bool data = false;
    int err = rpc_get_bool(e->params, "data", &data, eb);

    if (err == 0)
        err = torrent_remove(t, data, eb);
    if (err != 0)
        return err;
    e->result = json_pack("{s:o, s:o, s:b}", "name", json_text(torrent_name(t)), "save_dir",
                          json_text(torrent_save_dir(t)), "data", data);
    return e->result != NULL ? end_when_stored(t, base) : SPRAT_E_NOMEM;
}

static int
torrent_remove_method(void *ctx, const json_t *params, struct rpc_call *call, json_t **result,
                      struct errbuf *eb)
{
    static const char *const keys[] = {"torrent", "data"};
    int err = check_running(ctx, eb);

    (void)result;
    if (err == 0)
        err = rpc_check_keys(params, keys, COUNT(keys), eb);
    return err == 0 ? with_torrent(ctx, params, remove_it, call, eb) : err;
}

static int
limit_it(struct torrent *t, struct shards_errand *base, struct errbuf *eb)
{
    struct errand *e = errand_of(base);
    struct torrent_status st;
    int err = set_limits(t, e->params, &st, eb);

    if (err != 0)
        return err;
    e->result = json_pack("{s:o, s:I, s:I}", "name", json_text(torrent_name(t)), "up_limit",
                          (json_int_t)st.up_limit, "down_limit", (json_int_t)st.down_limit);
    return e->result != NULL ? end_when_stored(t, base) : SPRAT_E_NOMEM;
}

/* Without a limit in params, returns the current limits. */
static int
torrent_limits(void *ctx, const json_t *params, struct rpc_call *call, json_t **result,
               struct errbuf *eb)
{
    static const char *const keys[] = {"torrent", "up_limit", "down_limit"};
    int err = check_running(ctx, eb);

    (void)result;
    if (err == 0)
        err = rpc_check_keys(params, keys, COUNT(keys), eb);
    return err == 0 ? with_torrent(ctx, params, limit_it, call, eb) : err;
}

static int
daemon_info(void *ctx, const json_t *params, struct rpc_call *call, json_t **result,
            struct errbuf *eb)
{
    const struct daemon *d = ctx;
    const struct endpoint *addrs;
    size_t count = shards_listen(d->shards, &addrs);
    struct udpdoor_counts udp;
    struct lsd_stats lsd;
    int err = rpc_check_keys(params, NULL, 0, eb);

    (void)call;
    if (err != 0)
        return err;
    shards_udp_counts(d->shards, &udp);
    *result = json_pack("{s:s, s:s?, s:i, s:i, s:s, s:s?, s:o, s:s, s:o, s:o, s:I, s:I}", "version",
                        PACKAGE_VERSION, "config", d->settings.file, "pid", (int)getpid(), "loops",
                        (int)shards_count(d->shards), "state_dir", d->settings.state_dir,
                        "save_dir", d->settings.save_dir, "listen", render_listen(addrs, count),
                        "listen_note", shards_listen_note(d->shards), "udp", render_udp(&udp),
                        "lsd", shards_lsd_stats(d->shards, &lsd) ? render_lsd(&lsd) : json_null(),
                        "up_limit", (json_int_t)d->settings.up_limit, "down_limit",
                        (json_int_t)d->settings.down_limit);
    return *result != NULL ? 0 : SPRAT_E_NOMEM;
}

static int
daemon_dht(void *ctx, const json_t *params, struct rpc_call *call, json_t **result,
           struct errbuf *eb)
{
    const struct daemon *d = ctx;
    int err = rpc_check_keys(params, NULL, 0, eb);
    json_t *nodes;

    (void)call;
    if (err != 0)
        return err;
    nodes = json_array();
    for (unsigned i = 0; i < shards_dht_count(d->shards); i++) {
        struct dht_stats st;
        const struct endpoint *at = shards_dht_stats(d->shards, i, &st);

        json_array_append_new(nodes, render_dht(at, &st));
    }
    *result = json_pack("{s:o}", "nodes", nodes);
    return *result != NULL ? 0 : SPRAT_E_NOMEM;
}

static int
daemon_limits(void *ctx, const json_t *params, struct rpc_call *call, json_t **result,
              struct errbuf *eb)
{
    static const char *const keys[] = {"up_limit", "down_limit"};
    struct daemon *d = ctx;
    uint64_t up = d->settings.up_limit, down = d->settings.down_limit;
    int err = rpc_check_keys(params, keys, COUNT(keys), eb);

    (void)call;
    if (err == 0)
        err = get_limits(params, &up, &down, eb);
    if (err != 0)
        return err;
    d->settings.up_limit = up;
    d->settings.down_limit = down;
    shards_set_limits(d->shards, up, down);
    *result = json_pack("{s:I, s:I}", "up_limit", (json_int_t)up, "down_limit", (json_int_t)down);
    return 0;
}

static int
daemon_shutdown(void *ctx, const json_t *params, struct rpc_call *call, json_t **result,
                struct errbuf *eb)
{
    int err = rpc_check_keys(params, NULL, 0, eb);

    (void)call;
    (void)result;
    if (err == 0)
        daemon_stop(ctx);
    return err;
}

static const struct rpc_method methods[] = {
    {"torrent.add", torrent_add_method},
    {"torrent.list", torrent_list},
    {"torrent.info", torrent_info},
    {"torrent.why", torrent_why_method},
    {"torrent.pause", torrent_pause_method},
    {"torrent.resume", torrent_resume_method},
    {"torrent.remove", torrent_remove_method},
    {"torrent.limits", torrent_limits},
    {"torrent.select", torrent_select_method},
    {"daemon.info", daemon_info},
    {"daemon.dht", daemon_dht},
    {"daemon.limits", daemon_limits},
    {"daemon.shutdown", daemon_shutdown},
};

const struct rpc_method *
methods_table(size_t *count)
{
    *count = COUNT(methods);
    return methods;
}
