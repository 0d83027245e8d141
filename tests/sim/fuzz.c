/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Dice and lines. Numbers are drawn by their magnitude, so that the very small ones, where rules
 * meet, come as often as the large ones.
 */
#include "tests/sim/fuzz.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include "common/base/rng.h"
#include "tests/sim/node.h"

enum {
    BLOCKS_MAX = 768,     /* in a torrent: a run must take less than a second */
    BUSY_UNTIL_S = 150,   /* by then the world does no more harm */
    DOWN_LEAST_KIB = 128, /* a line's queue has no end: what all windows hold must pass in time */
    LEECH_GROUPS_MAX = 3,
    BAD_GROUPS_MAX = 2,
};

struct fuzz {
    struct rng rng;
    char *text;
    size_t len, room;
    bool both_ways; /* a hybrid with all that a peer of one version needs */
    unsigned leech_groups, bad_groups;
    unsigned leeches;
};

static void __attribute__((format(printf, 2, 3))) put(struct fuzz *f, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(f->text + f->len, f->room - f->len, fmt, ap);
    va_end(ap);
    f->len += (size_t)n < f->room - f->len ? (size_t)n : f->room - f->len - 1;
}

static bool
one_in(struct fuzz *f, uint32_t n)
{
    return rng_below(&f->rng, n) == 0;
}

static uint32_t
between(struct fuzz *f, uint32_t least, uint32_t most)
{
    return least + rng_below(&f->rng, most - least + 1);
}

/* |least| to |most|, each magnitude as likely as another. */
static uint32_t
magnitude(struct fuzz *f, uint32_t least, uint32_t most)
{
    uint32_t steps = 0, high;

    while (least < UINT32_MAX >> (steps + 1) && least << (steps + 1) <= most)
        steps++;
    high = least << between(f, 0, steps);
    return between(f, high, 2 * (uint64_t)high - 1 < most ? 2 * high - 1 : most);
}

/* --- the world --- */

static void
put_torrent(struct fuzz *f)
{
    static const char *const formats[] = {"v1", "v2", "hybrid"};
    uint32_t format = between(f, 0, 2), piece_kib = 16u << between(f, 0, 6);
    uint32_t bytes =
        one_in(f, 4) ? magnitude(f, 1, 64 << 10) : magnitude(f, 64 << 10, BLOCKS_MAX * BLOCK_LEN);
    uint32_t files = one_in(f, 2) ? 1 : magnitude(f, 2, 64);

    bool no_layers = format > 0 && one_in(f, 4);

    /* A peer that speaks v1 only can't request missing layers. */
    f->both_ways = format == 2 && !no_layers;
    put(f, "torrent format=%s piece=%" PRIu32 "KiB size=%" PRIu32 " files=%" PRIu32 "%s\n",
        formats[format], piece_kib, bytes, files < bytes ? files : 1,
        no_layers ? " layers=none" : "");
}

static void
put_world(struct fuzz *f)
{
    put(f, "net jitter=%" PRIu32 "us loss=%" PRIu32 " window=%" PRIu32 "KiB dial=%" PRIu32 "s%s\n",
        magnitude(f, 1, 100000), one_in(f, 2) ? 0 : magnitude(f, 10, 20000), magnitude(f, 32, 512),
        between(f, 2, 20), one_in(f, 2) ? " codec" : "");
    put(f, "tracker latency=%" PRIu32 "ms timeout=%" PRIu32 "s interval=%" PRIu32 "s\n",
        magnitude(f, 1, 2000), between(f, 2, 20), magnitude(f, 10, 300));
}

/* --- the peers --- */

static void
put_line(struct fuzz *f, uint32_t slowest_kib)
{
    put(f, " up=%" PRIu32 "KiB down=%" PRIu32 "KiB delay=%" PRIu32 "us",
        magnitude(f, slowest_kib, 16384), magnitude(f, DOWN_LEAST_KIB, 65536),
        magnitude(f, 100, 400000));
}

/* What slows a machine down without breaking it. */
static void
put_weakness(struct fuzz *f)
{
    if (one_in(f, 3))
        put(f, " max=%" PRIu32, magnitude(f, 2, 16));
    if (one_in(f, 4))
        put(f, " slots=%" PRIu32, between(f, 1, 8));
    if (one_in(f, 5))
        put(f, " up-limit=%" PRIu32 "KiB", magnitude(f, 16, 4096));
    if (one_in(f, 5))
        put(f, " down-limit=%" PRIu32 "KiB", magnitude(f, 32, 8192));
    if (one_in(f, 4))
        put(f, " disk-delay=%" PRIu32 "ms", magnitude(f, 1, 500));
    if (one_in(f, 5))
        put(f, " disk-rate=%" PRIu32 "KiB", magnitude(f, 128, 65536));
    if (one_in(f, 5))
        put(f, " group=%" PRIu32 "ms sync=%" PRIu32 "ms", magnitude(f, 1, 5000),
            magnitude(f, 1, 2000));
}

static void
put_seeds(struct fuzz *f)
{
    put(f, "peers seed count=%" PRIu32 " have=all", magnitude(f, 1, 3));
    put_line(f, 128);
    put_weakness(f);
    if (one_in(f, 6)) /* a leecher with read errors stops until its user acts */
        put(f, " read-errors=%" PRIu32, magnitude(f, 100, 20000));
    if (one_in(f, 4))
        put(f, " join=0s..%" PRIu32 "s", magnitude(f, 1, 120));
    put(f, "\n");
}

static void
put_leeches(struct fuzz *f)
{
    uint32_t count = magnitude(f, 1, 12);

    put(f, "peers leech%u count=%" PRIu32, f->leech_groups++, count);
    f->leeches += count;
    put_line(f, 32);
    put_weakness(f);
    put(f, " join=0s..%" PRIu32 "ms", magnitude(f, 1, 60000));
    if (one_in(f, 4))
        put(f, " have=%" PRIu32 "%%", between(f, 1, 99));
    if (one_in(f, 4))
        put(f, " nat");
    if (one_in(f, 6))
        put(f, " sequential");
    if (one_in(f, 6))
        put(f, " stay=%" PRIu32 "s", magnitude(f, 1, 60));
    if (f->both_ways && one_in(f, 3))
        put(f, " speaks=v%" PRIu32, between(f, 1, 2));
    put(f, "\n");
}

static void
put_bad(struct fuzz *f)
{
    static const char *const words[] = {
#define X(name, word, text) [MISCHIEF_BIT_##name] = word,
        MISCHIEF_TABLE(X)
#undef X
    };
    /* A seed stands for one world: mischief that came later is for scenarios. */
    uint32_t kinds = MISCHIEF_BIT_IDLE, first = between(f, 0, kinds - 1);

    put(f, "peers bad%u optional count=%" PRIu32 " hostile=%s", f->bad_groups++, magnitude(f, 1, 4),
        words[first]);
    if (one_in(f, 2))
        put(f, ",%s", words[(first + between(f, 1, kinds - 1)) % kinds]);
    if (one_in(f, 2))
        put(f, " have=all");
    put_line(f, 64);
    put(f, "\n");
}

/* --- what happens --- */

static void
put_whom(struct fuzz *f)
{
    uint32_t k = between(f, 0, f->leech_groups);

    if (k == f->leech_groups)
        put(f, " seed");
    else
        put(f, " leech%" PRIu32, k);
}

static void
put_harm(struct fuzz *f)
{
    static const char *const verbs[] = {"crash", "power-off", "pause", "leave"};
    uint32_t from = magnitude(f, 1, BUSY_UNTIL_S / 2);

    put(f, "every %" PRIu32 "ms %s", magnitude(f, 2000, 60000), verbs[between(f, 0, 3)]);
    put_whom(f);
    put(f, " count=%" PRIu32 " for=%" PRIu32 "ms from=%" PRIu32 "s until=%" PRIu32 "s\n",
        magnitude(f, 1, 4), magnitude(f, 10, 30000), from, between(f, from, BUSY_UNTIL_S));
}

static void
put_cut(struct fuzz *f)
{
    uint32_t at = magnitude(f, 1, BUSY_UNTIL_S / 2);

    put(f, "at %" PRIu32 "s split", at);
    put_whom(f);
    put(f, "\nat %" PRIu32 "s heal\n", between(f, at + 1, BUSY_UNTIL_S));
}

static void
put_outage(struct fuzz *f)
{
    uint32_t at = between(f, 0, BUSY_UNTIL_S / 2);

    put(f, "at %" PRIu32 "s tracker-down\nat %" PRIu32 "s tracker-up\n", at,
        between(f, at + 1, BUSY_UNTIL_S));
}

static void
put_limits(struct fuzz *f)
{
    put(f, "every %" PRIu32 "ms limit", magnitude(f, 500, 20000));
    put_whom(f);
    put(f, " up-limit=%" PRIu32 "KiB down-limit=%" PRIu32 "KiB until=%" PRIu32 "s\n",
        magnitude(f, 16, 4096), magnitude(f, 32, 8192), between(f, 1, BUSY_UNTIL_S));
}

static void
put_full_disk(struct fuzz *f)
{
    uint32_t k = between(f, 0, f->leech_groups - 1);

    put(f,
        "peers leech%" PRIu32 " room=%" PRIu32 "KiB\nat %" PRIu32 "s free-disk leech%" PRIu32 "\n",
        k, magnitude(f, 16, 8192), between(f, 1, BUSY_UNTIL_S), k);
}

static void
put_event(struct fuzz *f)
{
    switch (between(f, 0, 8)) {
    case 0:
    case 1:
    case 2: put_harm(f); break;
    case 3: put_cut(f); break;
    case 4: put_outage(f); break;
    case 5:
    case 6: put_limits(f); break;
    case 7: put_full_disk(f); break;
    case 8: break;
    }
}

size_t
fuzz_scenario(uint64_t seed, char *text, size_t room)
{
    struct fuzz f = {.text = text, .room = room};

    rng_init(&f.rng, seed);
    put(&f, "about A random world, from seed %" PRIu64 ".\n", seed);
    put_torrent(&f);
    put_world(&f);
    put_seeds(&f);
    for (uint32_t n = between(&f, 1, LEECH_GROUPS_MAX); n > 0; n--)
        put_leeches(&f);
    for (uint32_t n = between(&f, 0, BAD_GROUPS_MAX); n > 0; n--)
        put_bad(&f);
    for (uint32_t n = between(&f, 0, 4); n > 0; n--)
        put_event(&f);
    put(&f, "limit 240min\n");
    return f.len;
}
