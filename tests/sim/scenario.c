/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads scenario files: words, and tables that say what each may be.
 */
#include "tests/sim/scenario.h"

#include <stdlib.h>
#include <string.h>

#include "tests/sim/quantity.h"

/* The line at hand. */
struct reader {
    struct scenario *sc;
    unsigned line;
    char *words[SCENARIO_WORDS_MAX];
    unsigned count;
    struct errbuf *eb;
};

#define BAD(r, ...) errbuf_set((r)->eb, SPRAT_E_SYNTAX, __VA_ARGS__)

static int
bad_word(struct reader *r, const char *word)
{
    return BAD(r, "line %u: \"%s\" makes no sense here", r->line, word);
}

/* The value of "|key|=value"; NULL if |word| is something else. */
static const char *
value_of(const char *word, const char *key)
{
    size_t len = strlen(key);

    return strncmp(word, key, len) == 0 && word[len] == '=' ? word + len + 1 : NULL;
}

/* A field of a struct that "key=value" sets. */
struct field {
    const char *key;
    enum { COUNT, BYTES, SMALL_BYTES, TIME, PERMILLE, FLAG } kind;
    size_t offset;
};

static bool
set_field(const struct field *f, void *base, const char *value)
{
    char *at = (char *)base + f->offset;
    uint64_t bytes;

    switch (f->kind) {
    case COUNT: return quantity_count(value, (uint32_t *)(void *)at);
    case BYTES: return quantity_bytes(value, (uint64_t *)(void *)at);
    case TIME: return quantity_us(value, (int64_t *)(void *)at);
    case PERMILLE: return quantity_permille(value, (uint32_t *)(void *)at);
    case SMALL_BYTES:
        if (!quantity_bytes(value, &bytes) || bytes > UINT32_MAX)
            return false;
        *(uint32_t *)(void *)at = (uint32_t)bytes;
        return true;
    case FLAG: break;
    }
    return false;
}

/* 1 if |word| was one of |fields|, 0 if not, or an error. */
static int
try_fields(struct reader *r, const struct field *fields, unsigned n, void *base, const char *word)
{
    for (unsigned i = 0; i < n; i++) {
        const char *value = value_of(word, fields[i].key);

        if (fields[i].kind == FLAG && strcmp(word, fields[i].key) == 0) {
            *((bool *)base + fields[i].offset) = true;
            return 1;
        }
        if (value == NULL || fields[i].kind == FLAG)
            continue;
        return set_field(&fields[i], base, value) ? 1 : bad_word(r, word);
    }
    return 0;
}

#define COUNT_OF(a) (sizeof(a) / sizeof(*(a)))

static int
read_about(struct reader *r)
{
    char *out = r->sc->about;
    size_t room = SCENARIO_ABOUT_MAX;

    for (unsigned i = 1; i < r->count; i++) {
        size_t len = strlen(r->words[i]);

        if (len + 1 > room)
            return BAD(r, "line %u: the text is too long", r->line);
        if (i > 1)
            *out++ = ' ';
        memcpy(out, r->words[i], len + 1);
        out += len;
        room -= len + 1;
    }
    return 0;
}

static bool
read_format(const char *value, enum metainfo_format *out)
{
    static const char *const names[] = {
        [METAINFO_V1] = "v1", [METAINFO_V2] = "v2", [METAINFO_HYBRID] = "hybrid"};

    for (unsigned i = 0; i < COUNT_OF(names); i++)
        if (strcmp(value, names[i]) == 0) {
            *out = (enum metainfo_format)i;
            return true;
        }
    return false;
}

static int
read_torrent(struct reader *r)
{
    static const struct field fields[] = {
        {"size", BYTES, offsetof(struct content_spec, size)},
        {"piece", SMALL_BYTES, offsetof(struct content_spec, piece_length)},
        {"files", COUNT, offsetof(struct content_spec, files)},
        {"private", FLAG, offsetof(struct content_spec, is_private)},
    };
    struct content_spec *t = &r->sc->torrent;

    for (unsigned i = 1; i < r->count; i++) {
        const char *format = value_of(r->words[i], "format");
        int rc = try_fields(r, fields, COUNT_OF(fields), t, r->words[i]);

        if (rc < 0)
            return rc;
        if (rc > 0 || (format != NULL && read_format(format, &t->format)))
            continue;
        if (strcmp(r->words[i], "layers=none") != 0)
            return bad_word(r, r->words[i]);
        t->no_layers = true;
    }
    return 0;
}

static int
read_plain(struct reader *r, const struct field *fields, unsigned n, void *base)
{
    for (unsigned i = 1; i < r->count; i++) {
        int rc = try_fields(r, fields, n, base, r->words[i]);

        if (rc <= 0)
            return rc < 0 ? rc : bad_word(r, r->words[i]);
    }
    return 0;
}

static int
read_net(struct reader *r)
{
    static const struct field fields[] = {
        {"jitter", TIME, offsetof(struct sim_net, jitter_us)},
        {"loss", COUNT, offsetof(struct sim_net, loss)},
        {"window", SMALL_BYTES, offsetof(struct sim_net, window)},
        {"dial", TIME, offsetof(struct sim_net, dial_timeout_us)},
        {"codec", FLAG, offsetof(struct sim_net, codec)},
    };

    return read_plain(r, fields, COUNT_OF(fields), &r->sc->net);
}

static int
read_tracker(struct reader *r)
{
    static const struct field fields[] = {
        {"none", FLAG, offsetof(struct sim_tracking, none)},
        {"latency", TIME, offsetof(struct sim_tracking, latency_us)},
        {"timeout", TIME, offsetof(struct sim_tracking, timeout_us)},
        {"interval", TIME, offsetof(struct sim_tracking, interval_us)},
    };

    return read_plain(r, fields, COUNT_OF(fields), &r->sc->tracking);
}

static int
read_dht(struct reader *r)
{
    static const struct field fields[] = {
        {"hosts", COUNT, offsetof(struct swarmdht_spec, hosts)},
        {"hostile", COUNT, offsetof(struct swarmdht_spec, hostile)},
        {"loss", COUNT, offsetof(struct swarmdht_spec, loss)},
        {"jitter", TIME, offsetof(struct swarmdht_spec, jitter_us)},
    };
    struct swarmdht_spec *d = &r->sc->dht;
    int rc = read_plain(r, fields, COUNT_OF(fields), d);

    d->on = true;
    if (rc == 0 && (d->hosts > SWARMDHT_HOSTS_MAX || d->hostile > d->hosts ||
                    d->jitter_us > SWARMDHT_JITTER_MAX_US))
        return BAD(r,
                   "line %u: at most %d hosts, of which all may be hostile, and a jitter of %d s",
                   r->line, SWARMDHT_HOSTS_MAX, SWARMDHT_JITTER_MAX_US / 1000000);
    return rc;
}

/* --- peers --- */

static bool
read_mischief(const char *value, unsigned *out)
{
    static const char *const words[] = {
#define X(name, word, text) [MISCHIEF_BIT_##name] = word,
        MISCHIEF_TABLE(X)
#undef X
    };

    while (*value != '\0') {
        size_t len = strcspn(value, ",");
        unsigned i;

        for (i = 0; i < COUNT_OF(words); i++)
            if (strlen(words[i]) == len && strncmp(words[i], value, len) == 0)
                break;
        if (i == COUNT_OF(words))
            return false;
        *out |= 1u << i;
        value += len + (value[len] == ',' ? 1 : 0);
    }
    return true;
}

/* "5s" or "0s..10s". */
static bool
read_join(char *value, struct scenario_group *g)
{
    char *dots = strstr(value, "..");
    int64_t end;

    if (dots == NULL)
        return quantity_us(value, &g->join_us);
    *dots = '\0';
    if (!quantity_us(value, &g->join_us) || !quantity_us(dots + 2, &end) || end < g->join_us)
        return false;
    g->join_span_us = end - g->join_us;
    return true;
}

static bool
find_share(const struct scenario *sc, const char *name, uint32_t *out)
{
    for (*out = 1; *out <= sc->share_count; ++*out)
        if (strcmp(sc->shares[*out - 1].name, name) == 0)
            return true;
    return false;
}

static int
read_share(struct reader *r)
{
    static const struct field fields[] = {
        {"up", BYTES, offsetof(struct scenario_share, up)},
        {"down", BYTES, offsetof(struct scenario_share, down)},
    };
    struct scenario_share *share = &r->sc->shares[r->sc->share_count];

    if (r->sc->share_count == SCENARIO_SHARES_MAX || r->count < 2 ||
        strlen(r->words[1]) > SCENARIO_NAME_MAX)
        return BAD(r, "line %u: a share needs a short name, and %d are the most", r->line,
                   SCENARIO_SHARES_MAX);
    strcpy(share->name, r->words[1]);
    for (unsigned i = 2; i < r->count; i++) {
        int rc = try_fields(r, fields, COUNT_OF(fields), share, r->words[i]);

        if (rc <= 0)
            return rc < 0 ? rc : bad_word(r, r->words[i]);
    }
    r->sc->share_count++;
    return 0;
}

static bool
find_group(const struct scenario *sc, const char *name, uint32_t *out)
{
    for (*out = 0; *out < sc->group_count; ++*out)
        if (strcmp(sc->groups[*out].name, name) == 0)
            return true;
    return false;
}

/* What is no plain number: 1 if it was understood. */
static int
read_peer_word(const struct scenario *sc, struct scenario_group *g, char *word)
{
    const char *v;

    if ((v = value_of(word, "knows")) != NULL)
        return find_group(sc, v, &g->knows) && ++g->knows > 0;
    if ((v = value_of(word, "have")) != NULL) {
        if (strcmp(v, "all") == 0)
            g->spec.have_permille = 1000;
        else if (strcmp(v, "none") != 0)
            return quantity_permille(v, &g->spec.have_permille);
        return 1;
    }
    if ((v = value_of(word, "hostile")) != NULL)
        return read_mischief(v, &g->spec.mischief);
    if ((v = value_of(word, "speaks")) != NULL) {
        g->spec.tongue = strcmp(v, "v1") == 0 ? SPEAKS_V1 : SPEAKS_V2;
        return strcmp(v, "v1") == 0 || strcmp(v, "v2") == 0;
    }
    if ((v = value_of(word, "share")) != NULL)
        return find_share(sc, v, &g->share);
    if (value_of(word, "join") != NULL)
        return read_join(word + strlen("join="), g);
    return 0;
}

#define SPEC(member) offsetof(struct scenario_group, spec.member)

static const struct field peer_fields[] = {
    {"count", COUNT, offsetof(struct scenario_group, count)},
    {"stay", TIME, offsetof(struct scenario_group, stay_us)},
    {"optional", FLAG, offsetof(struct scenario_group, optional)},
    {"stuck", FLAG, offsetof(struct scenario_group, stuck)},
    {"up", BYTES, SPEC(line.up)},
    {"down", BYTES, SPEC(line.down)},
    {"delay", TIME, SPEC(line.delay_us)},
    {"nat", FLAG, SPEC(line.nat)},
    {"max", COUNT, SPEC(peers_max)},
    {"slots", COUNT, SPEC(upload_slots)},
    {"up-limit", BYTES, SPEC(up_limit)},
    {"down-limit", BYTES, SPEC(down_limit)},
    {"sequential", FLAG, SPEC(sequential)},
    {"super-seed", FLAG, SPEC(super_seed)},
    {"no-pex", FLAG, SPEC(no_pex)},
    {"lan", COUNT, SPEC(lan)},
    {"lacks-last", FLAG, SPEC(lacks_last)},
    {"disk-delay", TIME, SPEC(disk.latency_us)},
    {"disk-rate", BYTES, SPEC(disk.rate)},
    {"group", TIME, SPEC(disk.group_us)},
    {"sync", TIME, SPEC(disk.sync_us)},
    {"room", BYTES, SPEC(disk.room)},
    {"read-errors", COUNT, SPEC(disk.read_errors)},
};

static struct scenario_group *
new_group(struct reader *r)
{
    struct scenario_group *g = &r->sc->groups[r->sc->group_count];

    if (r->sc->group_count == SCENARIO_GROUPS_MAX)
        return NULL;
    *g = (struct scenario_group){.count = 1, .stay_us = -1};
    strcpy(g->name, r->words[1]);
    g->spec.group = g->name;
    g->spec.line = (struct node_line){.up = 1 << 20, .down = 8 << 20, .delay_us = 20000};
    g->spec.disk = (struct vdisk_spec){.latency_us = 500, .group_us = 500000, .sync_us = 20000};
    r->sc->group_count++;
    return g;
}

/* A second line about a group changes what the first one said. */
static int
read_peers(struct reader *r)
{
    struct scenario_group *g = NULL;
    uint32_t known;

    if (r->count >= 2 && strlen(r->words[1]) <= SCENARIO_NAME_MAX)
        g = find_group(r->sc, r->words[1], &known) ? &r->sc->groups[known] : new_group(r);
    if (g == NULL)
        return BAD(r, "line %u: a group needs a short name, and %d are the most", r->line,
                   SCENARIO_GROUPS_MAX);
    for (unsigned i = 2; i < r->count; i++) {
        int rc = try_fields(r, peer_fields, COUNT_OF(peer_fields), g, r->words[i]);

        if (rc == 0)
            rc = read_peer_word(r->sc, g, r->words[i]);
        if (rc <= 0)
            return rc < 0 ? rc : bad_word(r, r->words[i]);
    }
    return 0;
}

/* --- actions --- */

static const struct field action_fields[] = {
    {"count", COUNT, offsetof(struct scenario_action, count)},
    {"for", TIME, offsetof(struct scenario_action, for_us)},
    {"from", TIME, offsetof(struct scenario_action, at_us)},
    {"until", TIME, offsetof(struct scenario_action, until_us)},
    {"up-limit", BYTES, offsetof(struct scenario_action, up_limit)},
    {"down-limit", BYTES, offsetof(struct scenario_action, down_limit)},
};

/* "VERB [NAME] [key=value …]" from word |i| on. */
static int
read_verb(struct reader *r, struct scenario_action *a, unsigned i)
{
    static const struct {
        const char *word;
        bool who;
    } verbs[] = {
#define X(name, word, who) [VERB_##name] = {word, who},
        VERB_TABLE(X)
#undef X
    };
    unsigned v;

    for (v = 0; i < r->count && v < COUNT_OF(verbs); v++)
        if (strcmp(verbs[v].word, r->words[i]) == 0)
            break;
    if (i >= r->count || v == COUNT_OF(verbs))
        return BAD(r, "line %u: what shall happen?", r->line);
    if (v == VERB_BOOTSTRAP_DOWN && !r->sc->dht.on)
        return BAD(r, "line %u: a dht line must stand above", r->line);
    a->verb = (enum verb)v;
    i++;
    if (verbs[v].who && (i >= r->count || !find_group(r->sc, r->words[i++], &a->group)))
        return BAD(r, "line %u: to whom shall it happen?", r->line);
    for (; i < r->count; i++) {
        int rc = try_fields(r, action_fields, COUNT_OF(action_fields), a, r->words[i]);

        if (rc <= 0)
            return rc < 0 ? rc : bad_word(r, r->words[i]);
    }
    r->sc->action_count++;
    return 0;
}

static struct scenario_action *
new_action(struct reader *r)
{
    struct scenario_action *a = &r->sc->actions[r->sc->action_count];

    if (r->sc->action_count == SCENARIO_ACTIONS_MAX || r->count < 3)
        return NULL;
    *a = (struct scenario_action){
        .at_us = -1, .until_us = INT64_MAX, .up_limit = UINT64_MAX, .down_limit = UINT64_MAX};
    return a;
}

static int
read_at(struct reader *r)
{
    static const struct field when[] = {
        {"copies", COUNT, offsetof(struct scenario_action, copies)},
        {"done", PERMILLE, offsetof(struct scenario_action, done_permille)},
    };
    struct scenario_action *a = new_action(r);
    int rc;

    if (a == NULL)
        return BAD(r, "line %u: too many actions, or a half one", r->line);
    rc = try_fields(r, when, COUNT_OF(when), a, r->words[1]);
    if (rc < 0)
        return rc;
    if (rc == 0 && !quantity_us(r->words[1], &a->at_us))
        return bad_word(r, r->words[1]);
    return read_verb(r, a, 2);
}

static int
read_every(struct reader *r)
{
    struct scenario_action *a = new_action(r);

    if (a == NULL)
        return BAD(r, "line %u: too many actions, or a half one", r->line);
    if (!quantity_us(r->words[1], &a->every_us) || a->every_us == 0)
        return bad_word(r, r->words[1]);
    a->at_us = a->every_us;
    return read_verb(r, a, 2);
}

static int
read_limit(struct reader *r)
{
    if (r->count != 2 || !quantity_us(r->words[1], &r->sc->limit_us))
        return BAD(r, "line %u: a limit is a time", r->line);
    return 0;
}

static int
read_expect_rate(struct reader *r, struct scenario_expect *x)
{
    static const struct field fields[] = {
        {"up", BYTES, offsetof(struct expect_rate, up)},
        {"down", BYTES, offsetof(struct expect_rate, down)},
        {"within", PERMILLE, offsetof(struct expect_rate, within)},
        {"from", TIME, offsetof(struct expect_rate, from_us)},
        {"until", TIME, offsetof(struct expect_rate, until_us)},
        {"gap", TIME, offsetof(struct expect_rate, gap_us)},
        {"each", FLAG, offsetof(struct expect_rate, each)},
    };

    x->what = EXPECT_RATE;
    if (!find_group(r->sc, r->words[2], &x->group))
        return BAD(r, "line %u: whose rate?", r->line);
    for (unsigned i = 3; i < r->count; i++) {
        int rc = try_fields(r, fields, COUNT_OF(fields), &x->rate, r->words[i]);

        if (rc <= 0)
            return rc < 0 ? rc : bad_word(r, r->words[i]);
    }
    r->sc->expect_count++;
    return 0;
}

static int
read_expect(struct reader *r)
{
    struct scenario_expect *x = &r->sc->expects[r->sc->expect_count];
    unsigned i = 2;
    uint32_t small = 0;
    int64_t us = 0;
    bool good = r->count >= 4;

    if (r->sc->expect_count == SCENARIO_EXPECTS_MAX)
        return BAD(r, "line %u: too many expectations", r->line);
    *x = (struct scenario_expect){0};
    if (good && strcmp(r->words[1], "rate") == 0)
        return read_expect_rate(r, x);
    if (good && strcmp(r->words[1], "copies") == 0) {
        x->what = EXPECT_COPIES;
        good = r->count == 5 && find_group(r->sc, r->words[i++], &x->group) &&
               quantity_permille(r->words[4], &small);
    } else if (good && strcmp(r->words[1], "early") == 0) {
        x->what = EXPECT_EARLY;
        good = r->count == 5 && find_group(r->sc, r->words[i++], &x->group) &&
               quantity_permille(r->words[4], &small);
    } else if (good && strcmp(r->words[1], "ratio") == 0) {
        x->what = EXPECT_RATIO;
        good = quantity_permille(r->words[3], &small);
    } else if (good && strcmp(r->words[1], "waste") == 0) {
        x->what = EXPECT_WASTE;
        good = quantity_permille(r->words[3], &small);
    } else if (good && strcmp(r->words[1], "last") == 0) {
        x->what = EXPECT_LAST;
        good = quantity_us(r->words[3], &us);
    } else if (good && strcmp(r->words[1], "met") == 0) {
        x->what = EXPECT_MET;
        good = quantity_us(r->words[3], &us);
    } else if (good && strcmp(r->words[1], "banned") == 0) {
        x->what = EXPECT_BANNED;
        good = quantity_count(r->words[3], &small);
    } else if (good && strcmp(r->words[1], "inputs") == 0) {
        x->what = EXPECT_INPUTS;
        good = quantity_count(r->words[3], &small);
    } else if (good && strcmp(r->words[1], "astray") == 0) {
        x->what = EXPECT_ASTRAY;
        good = quantity_count(r->words[3], &small);
    } else {
        good = false;
    }
    x->bound = small > 0 ? small : (uint64_t)us;
    if (!good || strcmp(r->words[i], x->what == EXPECT_BANNED ? ">=" : "<=") != 0)
        return BAD(r, "line %u: that can't be expected", r->line);
    r->sc->expect_count++;
    return 0;
}

/* --- lines --- */

static int
read_line(struct reader *r)
{
    static const struct {
        const char *word;
        int (*read)(struct reader *r);
    } lines[] = {
        {"about", read_about},     {"torrent", read_torrent}, {"net", read_net},
        {"tracker", read_tracker}, {"peers", read_peers},     {"at", read_at},
        {"every", read_every},     {"limit", read_limit},     {"expect", read_expect},
        {"share", read_share},     {"dht", read_dht},
    };

    for (unsigned i = 0; i < COUNT_OF(lines); i++)
        if (strcmp(lines[i].word, r->words[0]) == 0)
            return lines[i].read(r);
    return bad_word(r, r->words[0]);
}

static int
split_line(struct reader *r, char *line)
{
    char *state;

    line[strcspn(line, "#")] = '\0';
    r->count = 0;
    for (char *w = strtok_r(line, " \t\r", &state); w != NULL;
         w = strtok_r(NULL, " \t\r", &state)) {
        if (r->count == SCENARIO_WORDS_MAX)
            return BAD(r, "line %u: too many words", r->line);
        r->words[r->count++] = w;
    }
    return r->count > 0 ? read_line(r) : 0;
}

int
scenario_parse(struct scenario *sc, const char *text, size_t len, struct errbuf *eb)
{
    struct reader r = {.sc = sc, .eb = eb};
    char *copy, *state;
    int err = 0;

    *sc = (struct scenario){
        .torrent = {.format = METAINFO_V1, .piece_length = 64 << 10, .size = 4 << 20, .files = 1},
        .net = {.jitter_us = 2000, .window = 512 << 10, .dial_timeout_us = 10000000},
        .tracking = {.latency_us = 20000, .timeout_us = 15000000, .interval_us = 60000000},
        .dht = {.jitter_us = 2000},
        .limit_us = INT64_C(1800) * 1000000,
    };
    if (len > SCENARIO_SIZE_MAX || memchr(text, '\0', len) != NULL)
        return errbuf_set(eb, SPRAT_E_TOOBIG, "that is no scenario");
    copy = sim_alloc(len + 1, 1);
    memcpy(copy, text, len);
    for (char *next = copy; next != NULL && err == 0; next = state) {
        r.line++;
        state = strchr(next, '\n');
        if (state != NULL)
            *state++ = '\0';
        err = split_line(&r, next);
    }
    free(copy);
    return err;
}
