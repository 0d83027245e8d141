/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The peers of a torrent in a table with stable numbers. Peers that may be dialled are in a heap by
 * the time of their next try; seeds and hearsay have heaps of their own, so that neither the choice
 * nor the next expiry searches the table.
 */
#include "peer/core/peerlist.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/ds/hashmap.h"
#include "common/ds/heap.h"
#include "common/ds/list.h"
#include "peer/core/peerprio.h"

enum {
    CHUNK_LEN = 32,
    KEY_LEN = 23,  /* ip, family, port, zone */
    BAD_SELF = 1000,
    BAD_UNDIALABLE = 2000,
};

struct entry {
    struct heap_node dial;    /* in a heap while the peer may be dialled */
    struct hashmap_node node; /* in by_addr while the port is known */
    struct list hearsay;      /* in the list of hearsay entries, or in none */
    struct endpoint teller;   /* for hearsay: the site of the peer that told it */
    struct endpoint addr;
    struct mono retry_at;
    uint32_t number;
    uint32_t salt; /* orders equal entries while our own address is unknown */
    uint8_t sources;
    uint8_t failures;
    uint8_t how; /* enum peer_try: how the last try ended */
    bool used;
    bool connected; /* connected, or a connection attempt is under way */
    bool self;
    bool seed;
    bool failing; /* waits for another try after a failure */
};

struct peerlist {
    struct rng *rng;
    struct entry **chunks; /* arrays of CHUNK_LEN entries, which never move */
    uint32_t top;          /* numbers that were ever used: all below |top| */
    uint32_t turn;         /* where the search for a free number continues, so that numbers are
                              reused late */
    uint32_t count;        /* entries in use */
    uint32_t connected;    /* of those entries */
    uint32_t failing;      /* of those entries */
    uint32_t tries[PEER_TRY_COUNT]; /* entries with a port, counted by how the last try ended */
    uint32_t given_up, banned; /* numbers of addresses and sites, ever */
    struct heap heaps[2][2]; /* [hearsay][seeds] */
    struct list hearsay;
    uint32_t hearsay_count;
    struct endpoint own[2]; /* our IPv4 and IPv6 address as peers see them; IP_NONE: not known */
    struct hashmap by_addr;
    struct bans own_bans, *bans; /* |bans| may be shared */
};

static const struct {
    const char *code, *text;
} try_texts[PEER_TRY_COUNT] = {
#define X(name, code, text) {code, text},
    PEER_TRY_TABLE(X)
#undef X
};

const char *
peer_try_code(enum peer_try t)
{
    return try_texts[t].code;
}

const char *
peer_try_text(enum peer_try t)
{
    return try_texts[t].text;
}

enum peer_try
peer_try_from(int err, bool reached)
{
    switch (err) {
    case SPRAT_E_REFUSED: return PEER_TRY_REFUSED;
    case SPRAT_E_TIMEOUT: return reached ? PEER_TRY_SILENT : PEER_TRY_TIMEOUT;
    case SPRAT_E_UNREACHABLE: return PEER_TRY_UNREACHABLE;
    case SPRAT_E_CLOSED:
    case SPRAT_E_RESET: return PEER_TRY_CLOSED;
    case SPRAT_E_PROTOCOL: return PEER_TRY_FOREIGN;
    case SPRAT_E_NOTFOUND: return PEER_TRY_HASH;
    case SPRAT_E_EXISTS: return PEER_TRY_TWIN;
    case SPRAT_E_LIMIT:
    case SPRAT_E_NOMEM: return PEER_TRY_LIMIT;
    }
    return PEER_TRY_OTHER;
}

static void
addr_key(const struct endpoint *e, uint8_t key[KEY_LEN])
{
    memcpy(key, e->ip, sizeof(e->ip));
    key[16] = e->family;
    put_u16be(key + sizeof(e->ip) + 1, e->port);
    put_u32be(key + sizeof(e->ip) + 3, e->zone);
}

static bool
same_site(const struct endpoint *a, const struct endpoint *b)
{
    struct endpoint x = endpoint_site(a), y = endpoint_site(b);

    return endpoint_same_host(&x, &y);
}

static bool
addr_match(const struct hashmap_node *node, const void *key, size_t len)
{
    const struct entry *e = LIST_ENTRY(node, const struct entry, node);
    uint8_t own[KEY_LEN];

    addr_key(&e->addr, own);
    return len == KEY_LEN && memcmp(own, key, KEY_LEN) == 0;
}

struct peerlist *
peerlist_new(struct rng *rng, struct bans *bans)
{
    struct peerlist *l = calloc(1, sizeof(*l));
    uint64_t seed[2] = {rng_u64(rng), rng_u64(rng)};

    if (l == NULL)
        return NULL;
    l->rng = rng;
    for (unsigned i = 0; i < 4; i++)
        heap_init(&l->heaps[i / 2][i % 2]);
    list_init(&l->hearsay);
    hashmap_init(&l->by_addr, seed, addr_match);
    bans_init(&l->own_bans, seed);
    l->bans = bans != NULL ? bans : &l->own_bans;
    return l;
}

void
peerlist_free(struct peerlist *l)
{
    if (l == NULL)
        return;
    bans_fini(&l->own_bans);
    hashmap_fini(&l->by_addr);
    for (unsigned i = 0; i < 4; i++)
        heap_fini(&l->heaps[i / 2][i % 2]);
    for (uint32_t i = 0; i < l->top; i += CHUNK_LEN)
        free(l->chunks[i / CHUNK_LEN]);
    free(l->chunks);
    free(l);
}

/* The entry of a number below |top|. */
static struct entry *
entry_at(const struct peerlist *l, uint32_t number)
{
    return &l->chunks[number / CHUNK_LEN][number % CHUNK_LEN];
}

static struct entry *
entry_get(const struct peerlist *l, uint32_t peer)
{
    return peer < l->top && entry_at(l, peer)->used ? entry_at(l, peer) : NULL;
}

static struct entry *
entry_find(const struct peerlist *l, const struct endpoint *addr)
{
    uint8_t key[KEY_LEN];
    struct hashmap_node *node;

    addr_key(addr, key);
    node = hashmap_find(&l->by_addr, key, KEY_LEN);
    return node != NULL ? LIST_ENTRY(node, struct entry, node) : NULL;
}

/* The rank of the best source of an address: 0 is the best. */
static unsigned
rank(uint8_t sources)
{
    if (sources & PEER_FROM_USER)
        return 0;
    if (sources & PEER_FROM_INCOMING)
        return 1;
    return sources & PEER_FROM_TRACKER ? 2 : 3;
}

static bool
is_hearsay(const struct entry *e)
{
    return list_linked(&e->hearsay);
}

static struct heap *
heap_of(struct peerlist *l, const struct entry *e)
{
    return &l->heaps[is_hearsay(e)][e->seed];
}

/* The entry is hearsay no longer. It is in no heap afterwards: entry_queue() puts it into the right
 * one. */
static void
entry_believe(struct peerlist *l, struct entry *e)
{
    if (!is_hearsay(e))
        return;
    heap_remove(heap_of(l, e), &e->dial);
    list_remove(&e->hearsay);
    l->hearsay_count--;
}

static void
entry_set_failing(struct peerlist *l, struct entry *e, bool failing)
{
    l->failing += failing - e->failing;
    e->failing = failing;
}

static void
entry_set_try(struct peerlist *l, struct entry *e, enum peer_try how)
{
    if (e->addr.port != 0) {
        l->tries[e->how]--;
        l->tries[how]++;
    }
    e->how = (uint8_t)how;
}

static void
entry_forget(struct peerlist *l, struct entry *e)
{
    heap_remove(heap_of(l, e), &e->dial);
    entry_set_failing(l, e, false);
    entry_believe(l, e);
    l->connected -= e->connected;
    if (e->addr.port != 0) {
        hashmap_remove(&l->by_addr, &e->node);
        l->tries[e->how]--;
    }
    e->used = false;
    l->count--;
}

static const struct endpoint *
own_address(const struct peerlist *l, enum ip_family family)
{
    return &l->own[family == IP_V6];
}

/* Orders equal entries by canonical priority, highest first (BEP 40). */
static uint32_t
turn_of(const struct peerlist *l, const struct entry *e)
{
    const struct endpoint *own = own_address(l, e->addr.family);

    return own->family != IP_NONE ? ~peerprio(own, &e->addr) : e->salt;
}

/* Puts the entry into the heap where it belongs, or into none. Without memory for that, the peer
 * could never be dialled, and is forgotten. */
static void
entry_queue(struct peerlist *l, struct entry *e)
{
    heap_remove(heap_of(l, e), &e->dial);
    entry_set_failing(l, e, false);
    if (e->connected || e->self || e->addr.port == 0)
        return;
    entry_set_failing(l, e, e->failures > 0);
    heap_node_init(&e->dial, (uint64_t)rank(e->sources) << 32 | turn_of(l, e));
    if (heap_set(heap_of(l, e), &e->dial, e->retry_at) < 0)
        entry_forget(l, e);
}

/* How dispensable an entry is: the higher, the sooner the list forgets it. */
static unsigned
badness(const struct entry *e)
{
    if (e->addr.port == 0)
        return BAD_UNDIALABLE;
    if (e->self)
        return BAD_SELF;
    return e->sources & PEER_FROM_USER ? 0 : e->failures * 4u + rank(e->sources);
}

/* Forgets the most dispensable entry above |limit|; false if there is none. */
static bool
make_room(struct peerlist *l, unsigned limit)
{
    struct entry *worst = NULL;

    for (uint32_t i = 0; i < l->top; i++) {
        struct entry *e = entry_at(l, i);

        if (e->used && !e->connected && badness(e) > limit) {
            worst = e;
            limit = badness(e);
        }
    }
    if (worst == NULL)
        return false;
    entry_forget(l, worst);
    return true;
}

/* Allocates entries for the next CHUNK_LEN numbers. */
static bool
add_chunk(struct peerlist *l)
{
    uint32_t n = l->top / CHUNK_LEN;
    struct entry **chunks = realloc(l->chunks, (n + 1) * sizeof(struct entry *));

    if (chunks == NULL)
        return false;
    l->chunks = chunks;
    chunks[n] = calloc(CHUNK_LEN, sizeof(*chunks[n]));
    return chunks[n] != NULL;
}

/* A free number: a new one while there are any, then about the one that was free for longest, since
 * other parts may still hold the number of a forgotten peer. NULL when memory is out. */
static struct entry *
entry_free(struct peerlist *l)
{
    if (l->top < PEERLIST_MAX) {
        if (l->top % CHUNK_LEN == 0 && !add_chunk(l))
            return NULL;
        entry_at(l, l->top)->number = l->top;
        return entry_at(l, l->top++);
    }
    while (entry_at(l, l->turn)->used)
        l->turn = (l->turn + 1) % PEERLIST_MAX;
    return entry_at(l, l->turn);
}

static struct entry *
entry_add(struct peerlist *l, const struct endpoint *addr, enum peer_source source)
{
    uint8_t key[KEY_LEN];
    struct entry *e;

    if (l->count == PEERLIST_MAX && !make_room(l, rank((uint8_t)source)))
        return NULL;
    e = entry_free(l);
    if (e == NULL)
        return NULL;
    *e = (struct entry){
        .addr = *addr,
        .number = e->number,
        .salt = rng_u32(l->rng),
        .sources = (uint8_t)source,
        .dial.index = HEAP_OUT,
    };
    list_init(&e->hearsay);
    addr_key(addr, key);
    if (addr->port != 0 && hashmap_add(&l->by_addr, &e->node, key, KEY_LEN) < 0)
        return NULL;
    e->used = true;
    l->count++;
    l->tries[PEER_TRY_NONE] += addr->port != 0;
    return e;
}

static bool
all_zero(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (p[i] != 0)
            return false;
    return true;
}

/* Can a peer have this address at all? */
static bool
is_unicast(const struct endpoint *a)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    if (a->family == IP_V4)
        return a->ip[0] != 0 && a->ip[0] < 224;
    if (a->family != IP_V6 || (endpoint_is_link_local(a) && a->zone == 0))
        return false;
    return a->ip[0] != 0xff && !all_zero(a->ip, 16) && memcmp(a->ip, mapped, sizeof(mapped)) != 0;
}

uint32_t
peerlist_add(struct peerlist *l, const struct endpoint *addr, enum peer_source source)
{
    struct entry *e = NULL;

    if (!is_unicast(addr) || (addr->port == 0 && source != PEER_FROM_INCOMING) ||
        bans_has(l->bans, addr))
        return PEERLIST_NONE;
    if (addr->port != 0)
        e = entry_find(l, addr);
    if (e == NULL)
        e = entry_add(l, addr, source);
    if (e == NULL)
        return PEERLIST_NONE;
    e->sources |= (uint8_t)source;
    entry_believe(l, e);
    if (source == PEER_FROM_USER)
        e->retry_at = (struct mono){0};
    entry_queue(l, e);
    return e->used ? e->number : PEERLIST_NONE;
}

/* Is there room for the address |addr| that |teller| named? */
static bool
may_hear(const struct peerlist *l, const struct endpoint *addr, const struct endpoint *teller,
         enum peer_source source)
{
    bool near = endpoint_scope(addr) != SCOPE_GLOBAL;
    unsigned told = 0, about = 0, local = 0;

    if (l->hearsay_count >= PEERLIST_HEARSAY_MAX)
        return false;
    for (const struct list *i = l->hearsay.next; i != &l->hearsay; i = i->next) {
        const struct entry *e = LIST_ENTRY(i, const struct entry, hearsay);

        told += same_site(&e->teller, teller);
        about += !near && same_site(&e->addr, addr);
        local += (e->sources & PEER_FROM_LSD) != 0 && same_site(&e->addr, addr);
    }
    return told < PEERLIST_HEARSAY_TELLER_MAX && about < PEERLIST_HEARSAY_SITE_MAX &&
           (source != PEER_FROM_LSD || local < PEERLIST_HEARSAY_LSD_MAX);
}

uint32_t
peerlist_hear(struct peerlist *l, const struct endpoint *addr, bool is_seed,
              const struct endpoint *teller, enum peer_source source)
{
    struct entry *e;

    if (!is_unicast(addr) || addr->port == 0 || bans_has(l->bans, addr))
        return PEERLIST_NONE;
    e = entry_find(l, addr);
    if (e != NULL) {
        e->sources |= (uint8_t)source;
        return e->number;
    }
    if (!may_hear(l, addr, teller, source))
        return PEERLIST_NONE;
    e = entry_add(l, addr, source);
    if (e == NULL)
        return PEERLIST_NONE;
    e->teller = *teller;
    e->seed = is_seed;
    list_push_back(&l->hearsay, &e->hearsay);
    l->hearsay_count++;
    entry_queue(l, e);
    return e->used ? e->number : PEERLIST_NONE;
}

void
peerlist_set_own(struct peerlist *l, const struct endpoint *own)
{
    struct endpoint *known = &l->own[own->family == IP_V6];

    if (endpoint_equal(known, own))
        return;
    *known = *own;
    for (uint32_t i = 0; i < l->top; i++)
        if (entry_at(l, i)->used && entry_at(l, i)->addr.family == own->family)
            entry_queue(l, entry_at(l, i));
}

bool
peerlist_is_hearsay(const struct peerlist *l, uint32_t peer)
{
    const struct entry *e = entry_get(l, peer);

    return e != NULL && is_hearsay(e);
}

unsigned
peerlist_sources(const struct peerlist *l, uint32_t peer)
{
    const struct entry *e = entry_get(l, peer);

    return e != NULL ? e->sources : 0;
}

const struct endpoint *
peerlist_addr(const struct peerlist *l, uint32_t peer)
{
    const struct entry *e = entry_get(l, peer);

    return e != NULL ? &e->addr : NULL;
}

void
peerlist_set_port(struct peerlist *l, uint32_t peer, uint16_t port)
{
    struct entry *e = entry_get(l, peer), *twin;
    struct endpoint addr;
    uint8_t key[KEY_LEN];

    if (e == NULL || e->addr.port != 0 || port == 0)
        return;
    addr = e->addr;
    addr.port = port;
    twin = entry_find(l, &addr);
    if (twin != NULL) {
        if (twin->connected || twin->self) {
            e->sources |= twin->sources & (PEER_FROM_TRACKER | PEER_FROM_PEX | PEER_FROM_LSD);
            return;
        }
        e->sources |= twin->sources;
        entry_forget(l, twin);
    }
    addr_key(&addr, key);
    if (hashmap_add(&l->by_addr, &e->node, key, KEY_LEN) < 0)
        return;
    e->addr = addr;
    l->tries[e->how]++;
    entry_queue(l, e);
}

/* The top of the heaps of hearsay, or of the other heaps. */
static const struct heap_node *
first_of(const struct peerlist *l, bool hearsay, unsigned without)
{
    const struct heap_node *leech = heap_first(&l->heaps[hearsay][0]);
    const struct heap_node *seed = heap_first(&l->heaps[hearsay][1]);

    if (seed == NULL || (without & PEERLIST_NO_SEEDS) != 0)
        return leech;
    if (leech == NULL || mono_before(seed->at, leech->at))
        return seed;
    return seed->at.us == leech->at.us && seed->tie < leech->tie ? seed : leech;
}

uint32_t
peerlist_next(struct peerlist *l, unsigned without, struct mono now)
{
    const struct heap_node *first = first_of(l, false, without);

    if ((first == NULL || !mono_due(first->at, now)) && (without & PEERLIST_NO_HEARSAY) == 0)
        first = first_of(l, true, without);
    if (first == NULL || !mono_due(first->at, now))
        return PEERLIST_NONE;
    return LIST_ENTRY(first, struct entry, dial)->number;
}

struct mono
peerlist_expiry(const struct peerlist *l, unsigned without)
{
    const struct heap_node *first = first_of(l, false, without);
    struct mono at = first != NULL ? first->at : MONO_NEVER;

    if ((without & PEERLIST_NO_HEARSAY) == 0) {
        first = first_of(l, true, without);
        at = first != NULL ? mono_min(at, first->at) : at;
    }
    return at;
}

void
peerlist_on_connecting(struct peerlist *l, uint32_t peer)
{
    struct entry *e = entry_get(l, peer);

    if (e == NULL || e->connected)
        return;
    e->connected = true;
    l->connected++;
    entry_queue(l, e);
}

void
peerlist_on_up(struct peerlist *l, uint32_t peer)
{
    struct entry *e = entry_get(l, peer);

    if (e == NULL)
        return;
    entry_believe(l, e);
    entry_set_try(l, e, PEER_TRY_UP);
}

/* Time until the next try after |failures| > 0 failures in a row, ± a quarter at random, so that
 * peers that were lost at the same time do not all return at the same time. */
static int64_t
backoff_ms(struct peerlist *l, unsigned failures)
{
    int64_t ms = PEERLIST_RETRY_MIN_MS;

    for (unsigned i = 1; i < failures && ms < PEERLIST_RETRY_MAX_MS; i++)
        ms *= 2;
    if (ms > PEERLIST_RETRY_MAX_MS)
        ms = PEERLIST_RETRY_MAX_MS;
    return ms - ms / 4 + rng_below(l->rng, (uint32_t)ms / 2 + 1);
}

static unsigned
failures_max(const struct entry *e)
{
    return is_hearsay(e) ? PEERLIST_HEARSAY_FAILURES + 1 : PEERLIST_FAILURES_MAX;
}

/* The peer is forgotten when its connection closes. */
static bool
is_unwanted(const struct peerlist *l, const struct entry *e)
{
    return e->sources == 0 || bans_has(l->bans, &e->addr);
}

/* The peer is not connected any more: plans the next try, or forgets the peer. */
static void
entry_release(struct peerlist *l, struct entry *e, bool failed, struct mono now)
{
    l->connected -= e->connected;
    e->connected = false;
    if (!failed)
        e->failures = 0;
    else if (e->failures < PEERLIST_FAILURES_MAX)
        e->failures++;
    if (is_unwanted(l, e) || (e->failures >= failures_max(e) && !(e->sources & PEER_FROM_USER))) {
        l->given_up += e->failures >= failures_max(e) && e->addr.port != 0;
        entry_forget(l, e);
        return;
    }
    if (is_hearsay(e) && e->failures >= PEERLIST_HEARSAY_FAILURES)
        e->retry_at = mono_add_ms(now, PEERLIST_HEARSAY_REST_MS);
    else
        e->retry_at = mono_add_ms(now, backoff_ms(l, e->failures > 0 ? e->failures : 1));
    entry_queue(l, e);
}

/* The peer is not connected any more, and nothing was learned about its address. */
static void
entry_postpone(struct peerlist *l, struct entry *e, struct mono now)
{
    l->connected -= e->connected;
    e->connected = false;
    if (is_unwanted(l, e)) {
        entry_forget(l, e);
        return;
    }
    e->retry_at = mono_add_ms(now, backoff_ms(l, e->failures > 0 ? e->failures : 1));
    entry_queue(l, e);
}

void
peerlist_on_failed(struct peerlist *l, uint32_t peer, enum peer_try how, struct mono now)
{
    struct entry *e = entry_get(l, peer);

    if (e == NULL)
        return;
    entry_set_try(l, e, e->self ? PEER_TRY_SELF : how);
    if (how == PEER_TRY_LIMIT)
        entry_postpone(l, e, now);
    else
        entry_release(l, e, true, now);
}

void
peerlist_on_closed(struct peerlist *l, uint32_t peer, bool useful, struct mono now)
{
    struct entry *e = entry_get(l, peer);

    if (e == NULL)
        return;
    if (e->how == PEER_TRY_UP)
        entry_set_try(l, e, PEER_TRY_LEFT);
    entry_release(l, e, !useful, now);
}

void
peerlist_on_dropped(struct peerlist *l, uint32_t peer, struct mono now)
{
    struct entry *e = entry_get(l, peer);

    if (e != NULL)
        entry_postpone(l, e, now);
}

void
peerlist_dial_soon(struct peerlist *l, uint32_t peer, struct mono now)
{
    struct entry *e = entry_get(l, peer);

    if (e == NULL || e->connected)
        return;
    heap_remove(heap_of(l, e), &e->dial);
    e->retry_at = now;
    entry_queue(l, e);
}

void
peerlist_keep_only_one(struct peerlist *l, uint32_t peer, unsigned sources)
{
    struct entry *e = entry_get(l, peer);

    if (e == NULL)
        return;
    e->sources &= sources;
    if (e->sources == 0 && !e->connected)
        entry_forget(l, e);
}

void
peerlist_keep_only(struct peerlist *l, unsigned sources)
{
    for (uint32_t i = 0; i < l->top; i++)
        peerlist_keep_only_one(l, i, sources);
}

void
peerlist_on_seed(struct peerlist *l, uint32_t peer, bool is_seed)
{
    struct entry *e = entry_get(l, peer);

    if (e == NULL || e->seed == is_seed)
        return;
    heap_remove(heap_of(l, e), &e->dial);
    e->seed = is_seed;
    entry_queue(l, e);
}

void
peerlist_on_self(struct peerlist *l, uint32_t peer)
{
    struct entry *e = entry_get(l, peer);

    if (e == NULL)
        return;
    e->self = true;
    entry_queue(l, e);
}

/* Connected peers of the site are forgotten when their connections close. */
static void
forget_site(struct peerlist *l, const struct endpoint *site)
{
    for (uint32_t i = 0; i < l->top; i++) {
        struct entry *e = entry_at(l, i);

        if (e->used && !e->connected && same_site(&e->addr, site))
            entry_forget(l, e);
    }
}

void
peerlist_ban(struct peerlist *l, uint32_t peer, struct mono now)
{
    const struct entry *e = entry_get(l, peer);
    struct endpoint host;

    if (e == NULL)
        return;
    host = e->addr;
    bans_add(l->bans, &host, mono_add_ms(now, BANS_MS));
    l->banned++;
    forget_site(l, &host);
}

bool
peerlist_offend(struct peerlist *l, uint32_t peer, struct mono now)
{
    const struct entry *e = entry_get(l, peer);
    struct endpoint host;

    if (e == NULL)
        return false;
    host = e->addr;
    if (!bans_offend(l->bans, &host, now))
        return false;
    l->banned++;
    forget_site(l, &host);
    return true;
}

void
peerlist_forget_banned(struct peerlist *l)
{
    for (uint32_t i = 0; i < l->top; i++) {
        struct entry *e = entry_at(l, i);

        if (e->used && !e->connected && bans_has(l->bans, &e->addr))
            entry_forget(l, e);
    }
}

bool
peerlist_is_banned(const struct peerlist *l, const struct endpoint *addr)
{
    return bans_has(l->bans, addr);
}

uint32_t
peerlist_count(const struct peerlist *l)
{
    size_t waiting = 0;

    for (unsigned i = 0; i < 4; i++)
        waiting += l->heaps[i / 2][i % 2].count;
    return l->connected + (uint32_t)waiting;
}

uint32_t
peerlist_promising(const struct peerlist *l)
{
    return peerlist_count(l) - l->failing;
}

bool
peerlist_hopeless(const struct peerlist *l)
{
    for (uint32_t i = 0; i < l->top; i++) {
        const struct entry *e = entry_at(l, i);
        bool waits = e->used && !e->connected && !e->self && !e->seed && e->addr.port != 0;

        if (waits && (e->failures < 2 || (e->sources & PEER_FROM_USER) != 0))
            return false;
    }
    return true;
}

void
peerlist_tries(const struct peerlist *l, uint32_t counts[PEER_TRY_COUNT])
{
    memcpy(counts, l->tries, sizeof(l->tries));
}

uint32_t
peerlist_given_up(const struct peerlist *l)
{
    return l->given_up;
}

uint32_t
peerlist_banned(const struct peerlist *l)
{
    return l->banned;
}

bool
peerlist_try_status(const struct peerlist *l, uint32_t peer, struct peer_try_status *st)
{
    const struct entry *e = entry_get(l, peer);

    if (e == NULL || e->addr.port == 0)
        return false;
    *st = (struct peer_try_status){
        .how = (enum peer_try)e->how,
        .failures = e->failures,
        .connected = e->connected,
        .retry_at = e->connected || e->self ? MONO_NEVER : e->retry_at,
    };
    return true;
}

uint32_t
peerlist_walk(const struct peerlist *l, uint32_t peer)
{
    for (uint32_t i = peer == PEERLIST_NONE ? 0 : peer + 1; i < l->top; i++)
        if (entry_at(l, i)->used)
            return i;
    return PEERLIST_NONE;
}
