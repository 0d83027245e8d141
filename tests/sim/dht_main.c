/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat-dht-sim [--json] [NAME=VALUE…]: plays one run of the simulated DHT and prints what came of
 * it. The names are those of the table below; times are in seconds.
 */
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/dhtplay.h"

/*  X(name, member, unit, default, text) */
#define OPTION_TABLE(X)                                                                            \
    X("seed", seed, 1, 1, "number that determines the run")                                        \
    X("nodes", nodes, 1, 300, "hosts, hostile ones included")                                      \
    X("bootstraps", bootstraps, 1, 4,                                                              \
      "of them, the hosts whose addresses all know, and which never leave")                        \
    X("hostile", hostile_percent, 1, 20, "percent of them that are hostile, each in its way")      \
    X("rogue", rogue, 1, 0,                                                                        \
      "how all of them are hostile, a number from 1 (dhtnet.h); 0: each way in turn")              \
    X("half-life", half_life_us, 1000000, 3600,                                                    \
      "time in which half of the honest hosts leave; 0: never")                                    \
    X("loss", loss, 1, 10000, "datagrams in a million that are lost")                              \
    X("jitter-us", jitter_us, 1, 20000, "random delay of a datagram")                              \
    X("join", join_us, 1000000, 300, "time in which all hosts join")                               \
    X("time", duration_us, 1000000, 3600, "time after that")                                       \
    X("torrents", torrents, 1, 50, "torrents, each announced by one host")                         \
    X("search-us", search_us, 1, 2000000, "time between two searches")                             \
    X("attackers", attackers, 1, 0, "hosts with ids around one torrent")                           \
    X("networks", networks, 1, 8, "/24 networks that they are in")                                 \
    X("bound-ids", bound_ids, 1, 0, "1: their ids are valid (BEP 42)")

static void
usage(FILE *out)
{
    fputs("usage: sprat-dht-sim [--json] [NAME=VALUE...]\n", out);
#define X(name, member, unit, otherwise, text)                                                     \
    fprintf(out, "  %-10s %s (%d)\n", name, text, otherwise);
    OPTION_TABLE(X)
#undef X
}

static bool
set(struct dhtnet_spec *spec, const char *arg)
{
    const char *equal = strchr(arg, '=');
    char *end;
    unsigned long long value;

    if (equal == NULL)
        return false;
    value = strtoull(equal + 1, &end, 10);
    if (end == equal + 1 || *end != '\0')
        return false;
#define X(name, member, unit, otherwise, text)                                                     \
    if (strlen(name) == (size_t)(equal - arg) && strncmp(arg, name, strlen(name)) == 0) {          \
        spec->member = (__typeof__(spec->member))(value * unit);                                   \
        return true;                                                                               \
    }
    OPTION_TABLE(X)
#undef X
    return false;
}

static bool
is_playable(const struct dhtnet_spec *s)
{
    uint64_t hostile = (uint64_t)s->nodes * s->hostile_percent / 100 + s->attackers;

    return s->bootstraps > 0 && hostile + s->bootstraps <= s->nodes && s->torrents > 0 &&
           s->search_us > 0 && s->join_us > 0 && s->jitter_us < INT32_MAX &&
           s->rogue < DHTROGUE_ECLIPSE &&
           (s->attackers == 0 || (s->networks > 0 && s->attackers <= 255 * s->networks));
}

static double
percent(uint64_t part, uint64_t of)
{
    return of > 0 ? 100.0 * (double)part / (double)of : 0;
}

static void
print_text(const struct dhtplay_result *r)
{
    printf("searches %" PRIu32 ", found %.2f %%\n", r->searches, percent(r->found, r->searches));
    printf("queries per search: median %" PRIu32 ", p90 %" PRIu32 "\n", r->queries_median,
           r->queries_p90);
    printf("first found after %" PRIu32 " ms (median)\n", r->first_ms_median);
    printf("nodes in a table: %.1f (mean)\n", r->nodes_mean);
    printf("datagrams %" PRIu64 ", bytes %" PRIu64 ", lost %" PRIu64 ", to nobody %" PRIu64 "\n",
           r->count.sent, r->count.bytes, r->count.lost, r->count.nowhere);
    printf("spoofed bytes %" PRIu64 ", sent to the victim %" PRIu64 "\n", r->count.spoofed,
           r->count.reflected);
    printf("trace %016" PRIx64 "\n", r->trace);
}

static void
print_json(const struct dhtplay_result *r)
{
    printf(
        "{\"searches\": %" PRIu32 ", \"found\": %" PRIu32 ", \"queries_median\": %" PRIu32
        ", \"queries_p90\": %" PRIu32 ", \"first_ms_median\": %" PRIu32
        ", \"nodes_mean\": %.1f, \"datagrams\": %" PRIu64 ", \"bytes\": %" PRIu64
        ", \"spoofed\": %" PRIu64 ", \"reflected\": %" PRIu64 ", \"trace\": \"%016" PRIx64 "\"}\n",
        r->searches, r->found, r->queries_median, r->queries_p90, r->first_ms_median, r->nodes_mean,
        r->count.sent, r->count.bytes, r->count.spoofed, r->count.reflected, r->trace);
}

int
main(int argc, char **argv)
{
    struct dhtnet_spec spec = {
#define X(name, member, unit, otherwise, text) .member = INT64_C(otherwise) * (unit),
        OPTION_TABLE(X)
#undef X
    };
    struct dhtplay_result result;
    bool json = false;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            json = true;
        } else if (strcmp(argv[i], "--help") == 0) {
            usage(stdout);
            return 0;
        } else if (!set(&spec, argv[i])) {
            usage(stderr);
            return 2;
        }
    }
    if (!is_playable(&spec)) {
        fputs("sprat-dht-sim: these numbers do not fit together\n", stderr);
        return 2;
    }
    /* The tables of a node are large and mostly untouched: they must come as zeroed pages, not from
     * memory that another node has used. */
    mallopt(M_MMAP_THRESHOLD, 65536);
    dhtplay(&spec, &result);
    if (json)
        print_json(&result);
    else
        print_text(&result);
    return 0;
}
