/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat-sim: runs scenarios under seeds and says how each went, as TAP. A run that fails prints the
 * command that plays it again.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/sim/director.h"

struct options {
    uint64_t seed, seeds;
    bool trace;
    const char **files;
    unsigned count;
};

/* The command of the run at hand, for when a core's assertion ends the process. */
static char replay[1024];

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
    fputs("usage: sprat-sim SCENARIO... [--seed S] [--seeds N] [--trace]\n"
          "Plays each scenario file under N seeds from S on (1 from 1).\n"
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

static int
load(const char *path, struct scenario *sc)
{
    char *text = sim_alloc(SCENARIO_SIZE_MAX + 1, 1);
    FILE *f = fopen(path, "r");
    struct errbuf eb = {{0}};
    int err = SPRAT_E_NOENT;

    if (f != NULL) {
        size_t len = fread(text, 1, SCENARIO_SIZE_MAX + 1, f);

        err = scenario_parse(sc, text, len, &eb);
        fclose(f);
    }
    if (err != 0)
        fprintf(stderr, "sprat-sim: %s: %s\n", path,
                eb.text[0] != '\0' ? eb.text : sprat_strerror(err));
    free(text);
    return err;
}

static const char *
base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

static void
print_result(const struct result *r, unsigned number, const char *path, uint64_t seed)
{
    printf("%s %u - %.*s seed %" PRIu64 ": trace %016" PRIx64 ", %" PRIu32 " of %" PRIu32
           " in %.1f / %.1f / %.1f s (bound %.1f), copies %.2f, waste %.1f %%, %" PRIu64
           " inputs\n",
           r->failure[0] == '\0' ? "ok" : "not ok", number, (int)strcspn(base_name(path), "."),
           base_name(path), seed, r->trace, r->complete, r->wanted, (double)r->first_us / 1e6,
           (double)r->median_us / 1e6, (double)r->last_us / 1e6, (double)r->bound_us / 1e6,
           (double)r->copies_permille / 1e3, (double)r->waste_permille / 1e1, r->inputs);
    if (r->failure[0] != '\0')
        printf("# %s\n# play it again with: %s\n", r->failure, replay);
    fflush(stdout);
}

/* 0 if all went well, 1 if not, 2 if it could not be played. */
static int
run_file(const struct options *o, const char *path, unsigned *number)
{
    struct scenario *sc = sim_alloc(1, sizeof(*sc));
    int status = load(path, sc) == 0 ? 0 : 2;

    for (uint64_t i = 0; i < o->seeds && status != 2; i++) {
        struct result r;
        struct errbuf eb;

        snprintf(replay, sizeof(replay), "tests/sim/sprat-sim %s --seed %" PRIu64, path,
                 o->seed + i);
        if (director_play(sc, o->seed + i, o->trace ? stdout : NULL, &r, &eb) != 0) {
            fprintf(stderr, "sprat-sim: %s: %s\n", path, eb.text);
            status = 2;
            break;
        }
        print_result(&r, ++*number, path, o->seed + i);
        if (r.failure[0] != '\0')
            status = 1;
    }
    free(sc);
    return status;
}

int
main(int argc, char **argv)
{
    struct options o = {.seed = 1, .seeds = 1};
    unsigned number = 0;
    int status = 0;

    o.files = sim_alloc((size_t)argc, sizeof(*o.files));
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0)
            return usage(stdout);
        if (strcmp(argv[i], "--trace") == 0)
            o.trace = true;
        else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc &&
                 read_number(argv[i + 1], &o.seed))
            i++;
        else if (strcmp(argv[i], "--seeds") == 0 && i + 1 < argc &&
                 read_number(argv[i + 1], &o.seeds))
            i++;
        else if (argv[i][0] == '-')
            return usage(stderr);
        else
            o.files[o.count++] = argv[i];
    }
    if (o.count == 0)
        return usage(stderr);
    signal(SIGABRT, on_abort);
    printf("1..%" PRIu64 "\n", o.seeds * o.count);
    for (unsigned i = 0; i < o.count; i++) {
        int rc = run_file(&o, o.files[i], &number);

        status = rc > status ? rc : status;
    }
    free(o.files);
    return status;
}
