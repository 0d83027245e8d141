/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat-sim: runs scenarios under seeds and says how each went, as TAP or as JSON, a line a run. A
 * run that fails prints the command that plays it again.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/sim/director.h"
#include "tests/sim/fuzz.h"

enum { SETS_MAX = 32, REPLAY_LEN = 4096 };

struct options {
    uint64_t seed, seeds;
    bool trace, json;
    bool fuzz;  /* a random scenario for each seed, in place of files */
    bool print; /* print that one, and play nothing */
    const char *sets[SETS_MAX]; /* lines behind each scenario */
    unsigned set_count;
    const char **files;
    unsigned count;
};

/* The command of the run at hand, for when a core's assertion ends the process. */
static char replay[REPLAY_LEN];

static void
on_abort(int sig)
{
    static const char head[] = "\nBail out! play it again with: ";

    (void)sig;
    if (write(STDOUT_FILENO, head, sizeof(head) - 1) < 0 ||
        write(STDOUT_FILENO, replay, strlen(replay)) < 0 || write(STDOUT_FILENO, "\n", 1) < 0)
        _exit(2);
    signal(SIGABRT, SIG_DFL);
    abort();
}

static int
usage(FILE *out)
{
    fputs("usage: sprat-sim SCENARIO... [--seed S] [--seeds N] [--set LINE]... [--json] [--trace]\n"
          "       sprat-sim --fuzz [--print] …\n"
          "Plays each scenario file under N seeds from S on (1 from 1).\n"
          "--set adds a line to the scenarios, or changes what they say:\n"
          "      --set 'peers leech count=9'.\n"
          "--json prints an object a run in place of TAP: times in virtual seconds, and what\n"
          "it cost.\n"
          "--fuzz plays a random scenario for each seed; --print only shows it, to be kept\n"
          "as a file.\n"
          "--trace prints every input and effect of every core.\n",
          out);
    return out == stdout ? 0 : 2;
}

static bool
read_number(const char *text, uint64_t *out)
{
    char *end;

    *out = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0';
}

/* What a run is called: by its file, or "--fuzz". */
static const char *
name_of(const char *path)
{
    const char *slash = path != NULL ? strrchr(path, '/') : NULL;

    if (path == NULL)
        return "--fuzz";
    return slash != NULL ? slash + 1 : path;
}

static size_t
read_file(const char *path, char *text, size_t room)
{
    FILE *f = fopen(path, "r");
    size_t len;

    if (f == NULL)
        return 0;
    len = fread(text, 1, room, f);
    fclose(f);
    return len;
}

/* The text of the file, or of the seed's random scenario if |path| is NULL, and the lines of --set;
 * 0 if it can't be read, |room| if it is too long. */
static size_t
read_text(const struct options *o, const char *path, uint64_t seed, char *text, size_t room)
{
    size_t len = path != NULL ? read_file(path, text, room) : fuzz_scenario(seed, text, room);

    for (unsigned i = 0; i < o->set_count && len < room; i++)
        len += (size_t)snprintf(text + len, room - len, "\n%s\n", o->sets[i]);
    return len < room ? len : room;
}

static int
load(const struct options *o, const char *path, uint64_t seed, struct scenario *sc)
{
    char *text = sim_alloc(SCENARIO_SIZE_MAX + 1, 1);
    size_t len = read_text(o, path, seed, text, SCENARIO_SIZE_MAX + 1);
    struct errbuf eb = {{0}};
    int err = len > 0 ? scenario_parse(sc, text, len, &eb) : SPRAT_E_NOENT;

    if (o->print)
        fwrite(text, 1, len, stdout);
    if (err != 0)
        fprintf(stderr, "sprat-sim: %s: %s\n", name_of(path),
                eb.text[0] != '\0' ? eb.text : sprat_strerror(err));
    free(text);
    return err;
}

static void
note_replay(const struct options *o, const char *path, uint64_t seed)
{
    size_t at = (size_t)snprintf(replay, sizeof(replay), "tests/sim/sprat-sim %s --seed %" PRIu64,
                                 path != NULL ? path : "--fuzz", seed);

    for (unsigned i = 0; i < o->set_count && at < sizeof(replay); i++)
        at += (size_t)snprintf(replay + at, sizeof(replay) - at, " --set '%s'", o->sets[i]);
}

static void
print_result(const struct result *r, unsigned number, const char *path, uint64_t seed)
{
    printf("%s %u - %.*s seed %" PRIu64 ": trace %016" PRIx64 ", %" PRIu32 " of %" PRIu32
           " in %.1f / %.1f / %.1f s (bound %.1f), copies %.2f, waste %.1f %%, %" PRIu64
           " inputs\n",
           r->failure[0] == '\0' ? "ok" : "not ok", number, (int)strcspn(name_of(path), "."),
           name_of(path), seed, r->trace, r->complete, r->wanted, (double)r->first_us / 1e6,
           (double)r->median_us / 1e6, (double)r->last_us / 1e6, (double)r->bound_us / 1e6,
           (double)r->copies_permille / 1e3, (double)r->waste_permille / 1e1, r->inputs);
    if (r->failure[0] != '\0')
        printf("# %s\n# play it again with: %s\n", r->failure, replay);
    fflush(stdout);
}

/* CPU time of the process so far, in seconds. */
static double
cpu_s(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static long
peak_kib(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return u.ru_maxrss;
}

/* null: there was no connection. */
static void
print_met(const char *key, int64_t us)
{
    if (us == INT64_MAX)
        printf(", \"%s\": null", key);
    else
        printf(", \"%s\": %.3f", key, (double)us / 1e6);
}

static void
print_json(const struct result *r, const char *path, uint64_t seed, double cpu)
{
    printf("{\"scenario\": \"%.*s\", \"seed\": %" PRIu64 ", \"ok\": %s, \"trace\": \"%016" PRIx64
           "\", \"wanted\": %" PRIu32 ", \"complete\": %" PRIu32,
           (int)strcspn(name_of(path), "."), name_of(path), seed,
           r->failure[0] == '\0' ? "true" : "false", r->trace, r->wanted, r->complete);
    print_met("met_median_s", r->met_median_us);
    print_met("met_last_s", r->met_last_us);
    if (r->dht_datagrams > 0)
        printf(", \"dht_datagrams\": %" PRIu64, r->dht_datagrams);
    printf(", \"first_s\": %.3f, \"median_s\": %.3f, \"last_s\": %.3f, \"took_s\": %.3f"
           ", \"bound_s\": %.3f, \"copies\": %.3f, \"waste\": %.3f",
           (double)r->first_us / 1e6, (double)r->median_us / 1e6, (double)r->last_us / 1e6,
           (double)r->took_us / 1e6, (double)r->bound_us / 1e6, (double)r->copies_permille / 1e3,
           (double)r->waste_permille / 1e3);
    printf(", \"inputs\": %" PRIu64 ", \"cpu_s\": %.2f, \"peak_kib\": %ld}\n", r->inputs, cpu,
           peak_kib());
    fflush(stdout);
}

/* 0 if all went well, 1 if not, 2 if it could not be played. */
static int
run_seed(const struct options *o, const struct scenario *sc, const char *path, uint64_t seed,
         unsigned number)
{
    double before = cpu_s();
    struct result r;
    struct errbuf eb;

    note_replay(o, path, seed);
    if (director_play(sc, seed, o->trace ? stdout : NULL, &r, &eb) != 0) {
        fprintf(stderr, "sprat-sim: %s: %s\n", name_of(path), eb.text);
        return 2;
    }
    if (o->json)
        print_json(&r, path, seed, cpu_s() - before);
    else
        print_result(&r, number, path, seed);
    if (o->json && r.failure[0] != '\0')
        fprintf(stderr, "sprat-sim: %s\nplay it again with: %s\n", r.failure, replay);
    return r.failure[0] != '\0';
}

/* Plays the file, or a random scenario for each seed if |path| is NULL. */
static int
run_all(const struct options *o, const char *path, unsigned *number)
{
    struct scenario *sc = sim_alloc(1, sizeof(*sc));
    int status = 0;

    for (uint64_t i = 0; i < o->seeds && status != 2; i++) {
        int rc = 0;

        if ((i == 0 || path == NULL) && load(o, path, o->seed + i, sc) != 0)
            rc = 2;
        else if (!o->print)
            rc = run_seed(o, sc, path, o->seed + i, ++*number);
        status = rc > status ? rc : status;
    }
    free(sc);
    return status;
}

/* Takes the option at |argv[*i]|, and its value; false if it makes no sense. */
static bool
read_option(struct options *o, char **argv, int argc, int *i)
{
    const char *word = argv[*i], *value = *i + 1 < argc ? argv[*i + 1] : NULL;

    if (strcmp(word, "--trace") == 0)
        return o->trace = true;
    if (strcmp(word, "--json") == 0)
        return o->json = true;
    if (strcmp(word, "--fuzz") == 0)
        return o->fuzz = true;
    if (strcmp(word, "--print") == 0)
        return o->print = true;
    if (value == NULL)
        return false;
    ++*i;
    if (strcmp(word, "--seed") == 0)
        return read_number(value, &o->seed);
    if (strcmp(word, "--seeds") == 0)
        return read_number(value, &o->seeds);
    if (strcmp(word, "--set") != 0 || o->set_count == SETS_MAX)
        return false;
    o->sets[o->set_count++] = value;
    return true;
}

int
main(int argc, char **argv)
{
    struct options o = {.seed = 1, .seeds = 1};
    unsigned number = 0;
    int status = 0;

    o.files = sim_alloc((size_t)argc + 1, sizeof(*o.files));
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0)
            return usage(stdout);
        if (argv[i][0] != '-')
            o.files[o.count++] = argv[i];
        else if (!read_option(&o, argv, argc, &i))
            return usage(stderr);
    }
    if ((o.count == 0) != o.fuzz)
        return usage(stderr);
    if (o.fuzz)
        o.files[o.count++] = NULL;
    signal(SIGABRT, on_abort);
    if (!o.json && !o.print)
        printf("1..%" PRIu64 "\n", o.seeds * o.count);
    for (unsigned i = 0; i < o.count; i++) {
        int rc = run_all(&o, o.files[i], &number);

        status = rc > status ? rc : status;
    }
    free(o.files);
    return status;
}
