/* SPDX-License-Identifier: BSD-2-Clause
 *
 * All choices are made in one walk over the candidates by distance. The window is the closest
 * set as it would be if everybody in it answered: the walk ends behind it.
 */
#include "peer/core/dht_lookup.h"

#include <string.h>

#include "common/base/bytes.h"
#include "peer/core/dht_net.h"

void
dht_lookup_init(struct dht_lookup *l, const uint8_t target[DHT_ID_LEN], uint64_t radius)
{
    memset(l, 0, sizeof(*l));
    memcpy(l->target, target, DHT_ID_LEN);
    l->radius = radius;
}

static uint64_t
distance(const struct dht_lookup *l, const struct dht_candidate *c)
{
    return c->has_id ? get_u64be(c->id) ^ get_u64be(l->target) : UINT64_MAX;
}

static bool
is_closer(const struct dht_lookup *l, const struct dht_candidate *a, const struct dht_candidate *b)
{
    if (a->has_id != b->has_id)
        return a->has_id;
    return a->has_id && dht_id_compare(a->id, b->id, l->target) < 0;
}

/* Puts a candidate into its place by distance; |l->count| counts it already. */
static void
put_in_order(struct dht_lookup *l, uint8_t candidate)
{
    unsigned i = l->count - 1u;

    for (; i > 0; i--) {
        if (!is_closer(l, &l->candidates[candidate], &l->candidates[l->order[i - 1]]))
            break;
        l->order[i] = l->order[i - 1];
    }
    l->order[i] = candidate;
}

static void
take_from_order(struct dht_lookup *l, uint8_t candidate)
{
    unsigned i = 0;

    while (l->order[i] != candidate)
        i++;
    memmove(&l->order[i], &l->order[i + 1], l->count - 1u - i);
}

/* False if the lookup knows a node of the site, or enough nodes of the network. */
static bool
has_room_for(const struct dht_lookup *l, const struct dht_candidate *c)
{
    unsigned of_network = 0;

    for (unsigned i = 0; i < l->count; i++) {
        const struct dht_candidate *known = &l->candidates[l->order[i]];

        if (known->site == c->site)
            return false;
        of_network += known->network == c->network;
    }
    return of_network < DHT_LOOKUP_NETWORK_MAX;
}

/* The farthest candidate that was not asked yet, of those that the source with the most such
 * candidates named; DHT_CANDIDATE_NONE if all were asked. */
static uint8_t
least_wanted(const struct dht_lookup *l)
{
    uint8_t named[UINT8_MAX + 1] = {0}, worst = DHT_CANDIDATE_NONE;
    unsigned most = 0;

    for (unsigned i = 0; i < l->count; i++) {
        const struct dht_candidate *c = &l->candidates[l->order[i]];

        if (c->state == DHT_CANDIDATE_NEW && ++named[c->source] > most)
            most = named[c->source];
    }
    for (unsigned i = 0; i < l->count; i++) {
        const struct dht_candidate *c = &l->candidates[l->order[i]];

        if (c->state == DHT_CANDIDATE_NEW && named[c->source] == most)
            worst = l->order[i];
    }
    return worst;
}

void
dht_lookup_add(struct dht_lookup *l, const uint8_t *id, const struct endpoint *addr, uint8_t source)
{
    struct dht_candidate c = {.addr = *addr,
                              .site = dht_site(addr),
                              .network = dht_network(addr),
                              .source = source,
                              .has_id = id != NULL,
                              .valid = id == NULL || dht_id_valid(id, addr)};
    uint8_t at = l->count;

    if (id != NULL)
        memcpy(c.id, id, DHT_ID_LEN);
    if (!has_room_for(l, &c))
        return;
    if (l->count == DHT_LOOKUP_MAX) {
        at = least_wanted(l);
        if (at == DHT_CANDIDATE_NONE ||
            (l->candidates[at].source == source && !is_closer(l, &c, &l->candidates[at])))
            return;
        take_from_order(l, at);
    } else {
        l->count++;
    }
    l->candidates[at] = c;
    put_in_order(l, at);
}

static bool
is_discredited(const struct dht_lookup *l, const struct dht_candidate *c)
{
    const struct dht_candidate *source;

    if (c->source == DHT_CANDIDATE_NONE)
        return false;
    source = &l->candidates[c->source];
    return source->named_bad >= DHT_NAMED_FAILURES && source->named_bad > 2 * source->named_good;
}

/* What keeps a candidate out of the window. */
enum rank { RANK_PLAIN, RANK_CROWDED, RANK_INVALID, RANK_COUNT };

struct walk {
    unsigned at;     /* index into |order| */
    unsigned window; /* candidates of the window so far */
    bool sparse;     /* the window is less dense than the DHT */
    uint64_t networks[DHT_CLOSEST_FAR];
};

static enum rank
rank_of(const struct dht_lookup *l, const struct walk *w, const struct dht_candidate *c)
{
    if (c->has_id && !c->valid)
        return RANK_INVALID;
    for (unsigned i = 0; i < w->window; i++)
        if (w->networks[i] == c->network)
            return RANK_CROWDED;
    return c->state == DHT_CANDIDATE_NEW && is_discredited(l, c) ? RANK_CROWDED : RANK_PLAIN;
}

/* True if eight candidates reach so far that the lookup has to doubt them. A lookup that found no
 * peers doubts them sooner. */
static bool
is_sparse(const struct dht_lookup *l, uint64_t reach)
{
    return l->radius > 0 && reach / (l->peers > 0 ? DHT_SPARSE : 1) > l->radius;
}

static bool
is_behind_window(const struct dht_lookup *l, const struct walk *w, const struct dht_candidate *c)
{
    return w->window >= DHT_CLOSEST_FAR ||
           (w->window >= DHT_CLOSEST && !w->sparse && distance(l, c) > l->radius);
}

/* The next candidate up to the end of the window, with its rank; NULL at the end. */
static const struct dht_candidate *
walk_next(const struct dht_lookup *l, struct walk *w, enum rank *rank)
{
    const struct dht_candidate *c;

    if (w->at == l->count)
        return NULL;
    c = &l->candidates[l->order[w->at]];
    if (is_behind_window(l, w, c))
        return NULL;
    w->at++;
    *rank = rank_of(l, w, c);
    if (*rank != RANK_PLAIN || c->state == DHT_CANDIDATE_LATE || c->state == DHT_CANDIDATE_FAILED)
        return c;
    w->networks[w->window++] = c->network;
    if (w->window == DHT_CLOSEST)
        w->sparse = is_sparse(l, distance(l, c));
    return c;
}

/* What one walk finds. */
struct survey {
    uint8_t first[RANK_COUNT]; /* the closest candidate to ask, by rank */
    unsigned settled;          /* candidates of the window that answered */
    unsigned answered;         /* candidates of any rank that answered */
    unsigned late;             /* candidates that may still answer */
};

static struct survey
survey_of(const struct dht_lookup *l)
{
    struct survey s = {{DHT_CANDIDATE_NONE, DHT_CANDIDATE_NONE, DHT_CANDIDATE_NONE}, 0, 0, 0};
    struct walk w = {0};
    const struct dht_candidate *c;
    enum rank rank;

    while ((c = walk_next(l, &w, &rank)) != NULL) {
        if (c->state == DHT_CANDIDATE_NEW && s.first[rank] == DHT_CANDIDATE_NONE)
            s.first[rank] = l->order[w.at - 1];
        s.settled += rank == RANK_PLAIN && c->state == DHT_CANDIDATE_ANSWERED;
        s.answered += c->state == DHT_CANDIDATE_ANSWERED;
        s.late += c->state == DHT_CANDIDATE_LATE;
    }
    return s;
}

/* The candidate to ask when nothing is under way that could make it needless. */
static uint8_t
second_choice(const struct survey *s)
{
    if (s->settled >= DHT_CLOSEST || s->answered >= DHT_CLOSEST)
        return DHT_CANDIDATE_NONE;
    return s->first[RANK_CROWDED] != DHT_CANDIDATE_NONE ? s->first[RANK_CROWDED]
                                                        : s->first[RANK_INVALID];
}

uint8_t
dht_lookup_next(const struct dht_lookup *l)
{
    unsigned alpha = l->peers > 0 ? DHT_LOOKUP_ALPHA_FED : DHT_LOOKUP_ALPHA;
    struct survey s;

    if (l->asked_now >= alpha || l->queries >= DHT_LOOKUP_QUERIES)
        return DHT_CANDIDATE_NONE;
    s = survey_of(l);
    if (s.first[RANK_PLAIN] != DHT_CANDIDATE_NONE || l->asked_now > 0)
        return s.first[RANK_PLAIN];
    return second_choice(&s);
}

bool
dht_lookup_is_over(const struct dht_lookup *l)
{
    struct survey s;

    if (l->asked_now > 0)
        return false;
    s = survey_of(l);
    if (s.late > 0 && s.settled < DHT_CLOSEST)
        return false;
    return l->queries >= DHT_LOOKUP_QUERIES ||
           (s.first[RANK_PLAIN] == DHT_CANDIDATE_NONE && second_choice(&s) == DHT_CANDIDATE_NONE);
}

void
dht_lookup_asked(struct dht_lookup *l, uint8_t candidate)
{
    l->candidates[candidate].state = DHT_CANDIDATE_ASKED;
    l->queries++;
    l->asked_now++;
}

/* Takes a candidate out of the state ASKED or LATE. */
static void
leave_state(struct dht_lookup *l, const struct dht_candidate *c)
{
    l->asked_now -= c->state == DHT_CANDIDATE_ASKED;
    l->late_now -= c->state == DHT_CANDIDATE_LATE;
}

void
dht_lookup_answered(struct dht_lookup *l, uint8_t candidate, const uint8_t id[DHT_ID_LEN],
                    const uint8_t *token, size_t token_len)
{
    struct dht_candidate *c = &l->candidates[candidate];

    if (c->source != DHT_CANDIDATE_NONE) {
        l->candidates[c->source].named_good++;
        if (c->state == DHT_CANDIDATE_LATE)
            l->candidates[c->source].named_bad--;
    }
    leave_state(l, c);
    c->state = DHT_CANDIDATE_ANSWERED;
    l->answered++;
    if (token_len <= DHT_TOKEN_MAX && token_len > 0) {
        memcpy(c->token, token, token_len);
        c->token_len = (uint8_t)token_len;
    }
    if (c->has_id)
        return;
    take_from_order(l, candidate);
    memcpy(c->id, id, DHT_ID_LEN);
    c->has_id = true;
    c->valid = dht_id_valid(id, &c->addr);
    put_in_order(l, candidate);
}

void
dht_lookup_late(struct dht_lookup *l, uint8_t candidate)
{
    struct dht_candidate *c = &l->candidates[candidate];

    leave_state(l, c);
    c->state = DHT_CANDIDATE_LATE;
    l->late_now++;
    if (c->source != DHT_CANDIDATE_NONE)
        l->candidates[c->source].named_bad++;
}

void
dht_lookup_failed(struct dht_lookup *l, uint8_t candidate)
{
    struct dht_candidate *c = &l->candidates[candidate];

    if (c->state == DHT_CANDIDATE_ASKED && c->source != DHT_CANDIDATE_NONE)
        l->candidates[c->source].named_bad++;
    leave_state(l, c);
    c->state = DHT_CANDIDATE_FAILED;
}

static size_t
add_with_token(const struct dht_lookup *l, enum rank wanted, size_t max, uint8_t *out, size_t n)
{
    struct walk w = {0};
    const struct dht_candidate *c;
    enum rank rank;

    while (n < max && (c = walk_next(l, &w, &rank)) != NULL)
        if (rank == wanted && c->state == DHT_CANDIDATE_ANSWERED && c->token_len > 0)
            out[n++] = l->order[w.at - 1];
    return n;
}

size_t
dht_lookup_closest(const struct dht_lookup *l, uint8_t out[DHT_CLOSEST_FAR])
{
    size_t n = 0;

    n = add_with_token(l, RANK_PLAIN, DHT_CLOSEST_FAR, out, n);
    n = add_with_token(l, RANK_CROWDED, DHT_CLOSEST, out, n);
    return add_with_token(l, RANK_INVALID, DHT_CLOSEST, out, n);
}

uint64_t
dht_lookup_reach(const struct dht_lookup *l)
{
    struct walk w = {0};
    const struct dht_candidate *c;
    unsigned settled = 0;
    enum rank rank;

    while ((c = walk_next(l, &w, &rank)) != NULL)
        if (rank == RANK_PLAIN && c->state == DHT_CANDIDATE_ANSWERED && ++settled == DHT_CLOSEST)
            return distance(l, c);
    return 0;
}
