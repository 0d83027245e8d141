/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tracker-load: asks a tracker as many announces as it answers, and tells how many a second, how
 * long they took, and what CPU time the tracker's process spent on each.
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/load/load.h"
#include "common/base/options.h"
#include "common/base/parse.h"
#include "common/sys/addr.h"
#include "common/sys/file.h"

enum option_id {
    OPT_UDP = 1,
    OPT_HTTP,
    OPT_PATH,
    OPT_CLOSE,
    OPT_PIPELINE,
    OPT_TORRENTS,
    OPT_PEERS,
    OPT_COUNT,
    OPT_SECONDS,
    OPT_WINDOW,
    OPT_SOURCES,
    OPT_NUMWANT,
    OPT_STOP,
    OPT_FILL,
    OPT_SEED,
    OPT_FIRST,
    OPT_PID,
    OPT_JSON,
    OPT_ECHO,
    OPT_ECHO_LEN,
    OPT_HASHES,
    OPT_PASSKEYS,
    OPT_HELP,
};

static const struct option_spec specs[] = {
    {OPT_UDP, 0, "udp", "ADDR:PORT", "the tracker's UDP address"},
    {OPT_HTTP, 0, "http", "ADDR:PORT", "the tracker's HTTP address"},
    {OPT_PATH, 0, "path", "PATH", "HTTP: the announce path; UDP: URL data; default /announce"},
    {OPT_CLOSE, 0, "close", NULL, "HTTP: a new connection for each announce"},
    {OPT_PIPELINE, 0, "pipeline", "COUNT", "HTTP: requests under way on a connection; default 1"},
    {OPT_TORRENTS, 0, "torrents", "COUNT", "default 10000"},
    {OPT_PEERS, 0, "peers", "COUNT", "of all torrents together; default 1000000"},
    {OPT_COUNT, 0, "count", "COUNT", "announces to send; default: until the time is over"},
    {OPT_SECONDS, 0, "seconds", "SECONDS", "default 10, or none with --count or --fill"},
    {OPT_WINDOW, 0, "window", "COUNT", "announces (HTTP: connections) at once; default 192 and 64"},
    {OPT_SOURCES, 0, "sources", "COUNT", "addresses that ask, 127.1.0.1 and up; default 16"},
    {OPT_NUMWANT, 0, "numwant", "COUNT", "default: what the tracker gives"},
    {OPT_STOP, 0, "stop", "PERCENT", "so many announces say that they stop; default 0"},
    {OPT_FILL, 0, "fill", NULL, "every peer once and in order, as it starts"},
    {OPT_SEED, 0, "seed", "NUMBER", "of all choices; default 1"},
    {OPT_FIRST, 0, "first", "NUMBER", "the peers are those from this one on; default 0"},
    {OPT_PID, 0, "pid", "PID", "the tracker's process, whose CPU time is told"},
    {OPT_JSON, 0, "json", NULL, "print one line of JSON"},
    {OPT_ECHO, 0, "echo", "ADDR:PORT", "be the floor instead: answer UDP packets with nothing"},
    {OPT_ECHO_LEN, 0, "echo-len", "BYTES", "of each of these answers; default 320"},
    {OPT_HASHES, 0, "hashes", NULL, "print the torrents' info-hashes, for a list, and exit"},
    {OPT_PASSKEYS, 0, "passkeys", "FILE", "of a private tracker's users, one a line in hex"},
    {OPT_HELP, 'h', "help", NULL, "print this and exit"},
};

enum { PASSKEYS_FILE_MAX = 64 << 20 };
enum { SPEC_COUNT = sizeof(specs) / sizeof(specs[0]) };

struct args {
    struct load_config load;
    struct endpoint echo;
    uint64_t echo_len;
    uint64_t pid;
    bool json, hashes, help;
};

static int
number(const char *value, uint64_t least, uint64_t most, uint64_t *out, struct errbuf *eb)
{
    if (parse_u64(value, least, most, out) == 0)
        return 0;
    return errbuf_set(eb, SPRAT_E_INVAL, "'%s' is not a number from %" PRIu64 " to %" PRIu64, value,
                      least, most);
}

static int
number32(const char *value, uint32_t least, uint32_t most, uint32_t *out, struct errbuf *eb)
{
    uint64_t v;
    int err = number(value, least, most, &v, eb);

    if (err == 0)
        *out = (uint32_t)v;
    return err;
}

static int
address(const char *value, struct endpoint *out, struct errbuf *eb)
{
    if (addr_parse(value, out) == 0)
        return 0;
    return errbuf_set(eb, SPRAT_E_INVAL, "'%s' is not ADDR:PORT", value);
}

/* Reads the passkeys, one per line, into one string without separators, which is never freed. */
static int
read_passkeys(struct load_config *c, const char *path, struct errbuf *eb)
{
    uint8_t *text;
    size_t len;
    int err = file_read(path, PASSKEYS_FILE_MAX, &text, &len, eb);

    if (err != 0)
        return err;
    c->passkeys = (const char *)text;
    for (size_t at = 0; at + LOAD_PASSKEY_LEN <= len; at += LOAD_PASSKEY_LEN + 1)
        memmove(text + c->npasskeys++ * LOAD_PASSKEY_LEN, text + at, LOAD_PASSKEY_LEN);
    if (c->npasskeys == 0)
        return errbuf_set(eb, SPRAT_E_INVAL, "%s: there is no passkey", path);
    return 0;
}

static int
set(struct args *a, enum option_id id, const char *value, struct errbuf *eb)
{
    struct load_config *c = &a->load;
    uint32_t want = 0;
    int err;

    switch (id) {
    case OPT_HTTP: c->http = true; return address(value, &c->target, eb);
    case OPT_UDP: return address(value, &c->target, eb);
    case OPT_PATH: c->path = value; return 0;
    case OPT_CLOSE: c->keep_alive = false; return 0;
    case OPT_PIPELINE: return number32(value, 1, 32, &c->pipeline, eb);
    case OPT_TORRENTS: return number(value, 1, 1u << 30, &c->torrents, eb);
    case OPT_PEERS: return number(value, 1, 1u << 30, &c->peers, eb);
    case OPT_COUNT: return number(value, 1, UINT64_MAX, &c->count, eb);
    case OPT_SECONDS: return parse_ratio(value, &c->seconds);
    case OPT_WINDOW: return number32(value, 1, LOAD_WINDOW_MAX, &c->window, eb);
    case OPT_SOURCES: return number32(value, 1, LOAD_SOURCES_MAX, &c->sources, eb);
    case OPT_NUMWANT:
        err = number32(value, 0, 1000, &want, eb);
        c->numwant = (int32_t)want;
        return err;
    case OPT_STOP: return number32(value, 0, 100, &c->stop_percent, eb);
    case OPT_FILL: c->fill = true; return 0;
    case OPT_SEED: return number(value, 0, UINT64_MAX, &c->seed, eb);
    case OPT_FIRST: return number(value, 0, UINT64_MAX / 2, &c->first, eb);
    case OPT_PID: return number(value, 1, 1u << 30, &a->pid, eb);
    case OPT_JSON: a->json = true; return 0;
    case OPT_ECHO: return address(value, &a->echo, eb);
    case OPT_ECHO_LEN: return number(value, 8, 1472, &a->echo_len, eb);
    case OPT_HASHES: a->hashes = true; return 0;
    case OPT_PASSKEYS: return read_passkeys(c, value, eb);
    case OPT_HELP: a->help = true; return 0;
    }
    return 0;
}

static int
read_args(struct args *a, int argc, const char *const *argv, struct errbuf *eb)
{
    struct options o;
    const char *value;
    int id, got, err = 0;

    options_init(&o, argc, argv, specs, SPEC_COUNT);
    while (err == 0 && (got = options_next(&o, &id, &value, eb)) == 1) {
        if (id == OPTION_OPERAND)
            return errbuf_set(eb, SPRAT_E_INVAL, "unexpected argument '%s'", value);
        err = set(a, (enum option_id)id, value, eb);
    }
    if (err != 0 || got < 0)
        return SPRAT_E_INVAL;
    if (!a->help && !a->hashes && a->load.target.family == IP_NONE && a->echo.family == IP_NONE)
        return errbuf_set(eb, SPRAT_E_INVAL, "give --udp ADDR:PORT or --http ADDR:PORT");
    return 0;
}

static void
set_defaults(struct load_config *c)
{
    if (c->path == NULL)
        c->path = c->http || c->passkeys != NULL ? "/announce" : "";
    if (c->window == 0)
        c->window = c->http ? 64 : 192;
    if (c->seconds == 0 && c->count == 0 && !c->fill)
        c->seconds = 10;
}

/* CPU time of all threads of a process so far, in seconds; 0 if it can't be read. */
static double
cpu_of(uint64_t pid)
{
    char path[64];
    struct dirent *entry;
    double total = 0;
    DIR *tasks;

    snprintf(path, sizeof(path), "/proc/%" PRIu64 "/task", pid);
    tasks = opendir(path);
    while (tasks != NULL && (entry = readdir(tasks)) != NULL) {
        char file[sizeof(path) + 288];
        unsigned long long ns = 0;
        FILE *f;

        snprintf(file, sizeof(file), "%s/%s/schedstat", path, entry->d_name);
        f = entry->d_name[0] == '.' ? NULL : fopen(file, "r");
        if (f == NULL)
            continue;
        if (fscanf(f, "%llu", &ns) == 1)
            total += (double)ns / 1e9;
        fclose(f);
    }
    if (tasks != NULL)
        closedir(tasks);
    return total;
}

static void
print(const struct args *a, const struct load_result *r, double cpu_s)
{
    double n = r->answered > 0 ? (double)r->answered : 1;
    double each_us = cpu_s * 1e6 / n;
    double rate = (double)r->answered / (r->seconds > 0 ? r->seconds : 1);
    double p50 = latency_at(&r->latency, 0.5), p99 = latency_at(&r->latency, 0.99);

    if (a->json)
        printf("{\"sent\": %" PRIu64 ", \"answered\": %" PRIu64 ", \"failed\": %" PRIu64
               ", \"lost\": %" PRIu64 ", \"seconds\": %.3f, \"per_second\": %.0f, "
               "\"cpu_us\": %.3f, \"p50_us\": %.0f, \"p99_us\": %.0f, \"reply_bytes\": %.1f}\n",
               r->sent, r->answered, r->failed, r->lost, r->seconds, rate, each_us, p50, p99,
               (double)r->bytes_in / n);
    else
        printf("%" PRIu64 " sent, %" PRIu64 " answered (%" PRIu64 " with an error), %" PRIu64
               " lost, in %.3f s: %.0f a second, %.3f CPU us each;\n"
               "half answered within %.0f us, 99 of 100 within %.0f us; %.1f bytes an answer\n",
               r->sent, r->answered, r->failed, r->lost, r->seconds, rate, each_us, p50, p99,
               (double)r->bytes_in / n);
}

/* Prints one line per torrent. */
static void
print_hashes(const struct load_config *c)
{
    uint8_t hash[TRACKER_HASH_LEN];

    for (uint64_t torrent = 0; torrent < c->torrents; torrent++) {
        load_info_hash(c, torrent, hash);
        for (unsigned i = 0; i < TRACKER_HASH_LEN; i++)
            printf("%02x", hash[i]);
        putchar('\n');
    }
}

int
main(int argc, char **argv)
{
    struct args a = {
        .load = {.keep_alive = true,
                 .pipeline = 1,
                 .torrents = 10000,
                 .peers = 1000000,
                 .sources = 16,
                 .numwant = TRACKER_NUMWANT_DEFAULT,
                 .seed = 1},
        .echo_len = 320,
    };
    static struct load_result r;
    struct errbuf eb = {""};
    double cpu_s;
    int err = read_args(&a, argc - 1, (const char *const *)argv + 1, &eb);

    if (err == 0 && a.help) {
        printf("usage: tracker-load --udp ADDR:PORT | --http ADDR:PORT [OPTION]...\n\n");
        options_print(stdout, specs, SPEC_COUNT, 80);
        return 0;
    }
    if (err == 0 && a.hashes) {
        print_hashes(&a.load);
        return 0;
    }
    if (err == 0 && a.echo.family != IP_NONE) {
        err = load_echo(&a.echo, (uint32_t)a.echo_len, &eb);
    } else if (err == 0) {
        set_defaults(&a.load);
        cpu_s = cpu_of(a.pid);
        err = a.load.http ? load_http(&a.load, &r, &eb) : load_udp(&a.load, &r, &eb);
        cpu_s = cpu_of(a.pid) - cpu_s;
        if (err == 0)
            print(&a, &r, cpu_s);
    }
    if (err != 0)
        fprintf(stderr, "tracker-load: %s\n", eb.text);
    return err == 0 ? 0 : 1;
}
