/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat-link: two network namespaces and one link between them, with delay, loss, a rate and
 * reordering. It runs until it is told to end, and everything is gone with it. `sprat-link in PID
 * SIDE COMMAND` runs a command at one end.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "common/base/options.h"
#include "common/base/parse.h"
#include "common/sys/clock.h"
#include "tests/net/lane.h"
#include "tests/net/side.h"

enum {
    EXIT_USAGE = 2,
    EXIT_NOT_HERE = 77, /* this machine does not let us */
    ROUND_MAX = 256,    /* packets of one side at a time */
    LINK_NICE = -15,
};

enum option_id {
    OPT_DELAY = 1,
    OPT_LOSS,
    OPT_RATE,
    OPT_QUEUE,
    OPT_REORDER,
    OPT_SEED,
    OPT_CC,
    OPT_HELP
};

static const struct option_spec specs[] = {
    {OPT_DELAY, 0, "delay", "MS", "each way; default 0"},
    {OPT_LOSS, 0, "loss", "PERCENT", "of packets, each way; default 0"},
    {OPT_RATE, 0, "rate", "RATE", "bytes a second, each way; default: without limit"},
    {OPT_QUEUE, 0, "queue", "SIZE",
     "bytes that may wait for the line; default: what it sends in a round "
     "trip, at least 64K"},
    {OPT_REORDER, 0, "reorder", "PERCENT", "of packets come a quarter of the delay (or 1 ms) late"},
    {OPT_SEED, 0, "seed", "NUMBER", "of all chances; default 1"},
    {OPT_CC, 0, "congestion", "NAME", "TCP's congestion control at both ends"},
    {OPT_HELP, 'h', "help", NULL, "print this and exit"},
};

enum { SPEC_COUNT = sizeof(specs) / sizeof(specs[0]) };

struct args {
    struct lane_config lane;
    double delay_ms, loss_percent, reorder_percent;
    uint64_t seed;
    const char *congestion;
    bool help;
};

struct link {
    int tun[SIDES];
    struct lane *lane[SIDES]; /* lane n carries what side n sends */
    int signals;
};

static int
set(struct args *a, int id, const char *value, struct errbuf *eb)
{
    int err = 0;

    switch ((enum option_id)id) {
    case OPT_DELAY: err = parse_ratio(value, &a->delay_ms); break;
    case OPT_LOSS: err = parse_ratio(value, &a->loss_percent); break;
    case OPT_RATE: err = parse_rate(value, &a->lane.rate); break;
    case OPT_QUEUE: err = parse_size(value, &a->lane.queue_len); break;
    case OPT_REORDER: err = parse_ratio(value, &a->reorder_percent); break;
    case OPT_SEED: err = parse_u64(value, 0, UINT64_MAX, &a->seed); break;
    case OPT_CC: a->congestion = value; break;
    case OPT_HELP: a->help = true; break;
    }
    return err == 0 ? 0 : errbuf_set(eb, err, "'%s' can't be read", value);
}

static int
read_args(struct args *a, int argc, const char *const *argv, struct errbuf *eb)
{
    struct options o;
    const char *value;
    int id, got, err = 0;

    *a = (struct args){.seed = 1};
    options_init(&o, argc - 1, argv + 1, specs, SPEC_COUNT);
    while (err == 0 && (got = options_next(&o, &id, &value, eb)) != 0) {
        if (got < 0)
            return got;
        if (id == OPTION_OPERAND)
            return errbuf_set(eb, SPRAT_E_INVAL, "'%s' means nothing here", value);
        err = set(a, id, value, eb);
    }
    if (err == 0 && (a->delay_ms > 60000 || a->loss_percent > 100 || a->reorder_percent > 100))
        err = errbuf_set(eb, SPRAT_E_INVAL, "a delay is at most 60000 ms, a share at most 100 %%");
    a->lane.delay_us = (int64_t)(a->delay_ms * 1000);
    a->lane.hold_us = a->lane.delay_us / 4 > 1000 ? a->lane.delay_us / 4 : 1000;
    a->lane.loss = a->loss_percent / 100;
    a->lane.reorder = a->reorder_percent / 100;
    if (a->lane.queue_len == 0)
        a->lane.queue_len = a->lane.rate * (uint64_t)a->lane.delay_us * 2 / 1000000;
    if (a->lane.queue_len < 64 << 10)
        a->lane.queue_len = 64 << 10;
    return err;
}

static void
print_stats(const struct link *k)
{
    printf("{\"event\": \"stats\", \"lanes\": [");
    for (unsigned n = 0; n < SIDES; n++) {
        const struct lane_stats *s = lane_stats(k->lane[n]);
        printf("%s{\"taken\": %" PRIu64 ", \"lost\": %" PRIu64 ", \"full\": %" PRIu64
               ", \"held\": %" PRIu64 ", \"given\": %" PRIu64 "}",
               n > 0 ? ", " : "", s->taken, s->lost, s->full, s->held, s->given);
    }
    printf("]}\n");
    fflush(stdout);
}

/* Takes what side |n| has sent. */
static void
pull(struct link *k, unsigned n)
{
    uint8_t packet[LANE_PACKET_MAX];

    for (unsigned i = 0; i < ROUND_MAX; i++) {
        ssize_t len = read(k->tun[n], packet, sizeof(packet));
        if (len <= 0)
            return;
        lane_put(k->lane[n], packet, (size_t)len, clock_mono());
    }
}

/* Gives the other side what is due. What its device refuses is lost, as it would be there. */
static void
push(struct link *k, unsigned n)
{
    uint8_t packet[LANE_PACKET_MAX];
    size_t len;

    while ((len = lane_take(k->lane[n], clock_mono(), packet)) > 0)
        if (write(k->tun[SIDES - 1 - n], packet, len) < 0 && errno != EAGAIN && errno != EIO)
            fprintf(stderr, "sprat-link: writing a packet: %s\n", strerror(errno));
}

/* Waits for packets, for the time of the next one, or for a signal. */
static void
wait_for_news(struct link *k, struct pollfd fds[SIDES + 1])
{
    struct mono next = mono_min(lane_next(k->lane[0]), lane_next(k->lane[1])), now = clock_mono();
    int64_t us = mono_before(now, next) ? mono_diff_us(next, now) : 0;
    struct timespec ts = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};

    for (unsigned n = 0; n < SIDES; n++)
        fds[n] = (struct pollfd){.fd = k->tun[n], .events = POLLIN};
    fds[SIDES] = (struct pollfd){.fd = k->signals, .events = POLLIN};
    if (ppoll(fds, SIDES + 1, next.us == INT64_MAX ? NULL : &ts, NULL) < 0)
        for (unsigned n = 0; n <= SIDES; n++)
            fds[n].revents = 0;
}

static void
run(struct link *k)
{
    for (;;) {
        struct pollfd fds[SIDES + 1];
        struct signalfd_siginfo info;

        wait_for_news(k, fds);
        for (unsigned n = 0; n < SIDES; n++) {
            if (fds[n].revents != 0)
                pull(k, n);
            push(k, n);
        }
        if (fds[SIDES].revents == 0 || read(k->signals, &info, sizeof(info)) != sizeof(info))
            continue;
        print_stats(k);
        if (info.ssi_signo != SIGUSR1)
            return;
    }
}

static int
open_signals(void)
{
    sigset_t set_of;

    sigemptyset(&set_of);
    sigaddset(&set_of, SIGUSR1);
    sigaddset(&set_of, SIGINT);
    sigaddset(&set_of, SIGTERM);
    sigprocmask(SIG_BLOCK, &set_of, NULL);
    return signalfd(-1, &set_of, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int
emulate(const struct args *a, struct errbuf *eb)
{
    struct link k = {.tun = {-1, -1}};
    int err = side_prepare(eb);

    for (unsigned n = 0; n < SIDES && err == 0; n++)
        err = side_open(n, a->congestion, &k.tun[n], eb);
    if (err != 0)
        return EXIT_NOT_HERE;
    k.signals = open_signals();
    for (unsigned n = 0; n < SIDES; n++)
        k.lane[n] = lane_new(&a->lane, a->seed * SIDES + n);
    if (k.signals < 0 || k.lane[0] == NULL || k.lane[1] == NULL) {
        errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
        return EXIT_FAILURE;
    }
    /* A link does not wait for a processor; where we may not say so, it is a little less exact. */
    (void)prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
    (void)setpriority(PRIO_PROCESS, 0, LINK_NICE);
    printf("{\"event\": \"ready\", \"addresses\": [\"10.77.0.1\", \"10.77.0.2\"]}\n");
    fflush(stdout);
    run(&k);
    for (unsigned n = 0; n < SIDES; n++) {
        lane_free(k.lane[n]);
        close(k.tun[n]);
    }
    close(k.signals);
    return EXIT_SUCCESS;
}

/* sprat-link in PID SIDE COMMAND… */
static int
run_inside(int argc, char **argv, struct errbuf *eb)
{
    uint64_t pid, side;

    if (argc < 5 || parse_u64(argv[2], 1, INT32_MAX, &pid) != 0 ||
        parse_u64(argv[3], 0, SIDES - 1, &side) != 0) {
        errbuf_set(eb, SPRAT_E_INVAL, "usage: sprat-link in PID 0|1 COMMAND [ARGUMENT…]");
        return EXIT_USAGE;
    }
    if (side_enter((pid_t)pid, (unsigned)side, eb) != 0)
        return EXIT_FAILURE;
    execvp(argv[4], argv + 4);
    errbuf_set(eb, sprat_err_from_errno(errno), "%s: %s", argv[4], strerror(errno));
    return EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
    struct errbuf eb = {0};
    struct args a;
    int status;

    if (argc > 1 && strcmp(argv[1], "in") == 0) {
        status = run_inside(argc, argv, &eb);
    } else if (read_args(&a, argc, (const char *const *)argv, &eb) != 0) {
        status = EXIT_USAGE;
    } else if (a.help) {
        printf(
            "usage: sprat-link [options]\n       sprat-link in PID 0|1 COMMAND [ARGUMENT...]\n\n");
        options_print(stdout, specs, SPEC_COUNT, 80);
        return EXIT_SUCCESS;
    } else {
        status = emulate(&a, &eb);
    }
    if (status != EXIT_SUCCESS)
        fprintf(stderr, "sprat-link: %s\n", eb.text);
    return status;
}
