/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A scenario as data, and its text form: one statement per line; `#` begins a comment.
 *
 *   about TEXT
 *   torrent format=v1|v2|hybrid size=BYTES piece=BYTES files=N layers=none private
 *   net jitter=TIME loss=PARTS window=BYTES dial=TIME codec
 *   tracker none latency=TIME timeout=TIME interval=TIME
 *   dht hosts=N hostile=N loss=PARTS jitter=TIME  peers have a DHT, and one bootstrap address
 *   share NAME up=RATE down=RATE                  a limit that several nodes share
 *   peers NAME count=N have=all|none|PART up=RATE down=RATE delay=TIME join=TIME[..TIME] stay=TIME
 *         hostile=WORD[,WORD] speaks=v1|v2 max=N slots=N up-limit=RATE down-limit=RATE
 *         share=NAME disk-delay=TIME disk-rate=RATE group=TIME sync=TIME room=BYTES
 *         read-errors=PARTS knows=NAME nat lacks-last sequential super-seed no-pex
 *         lan=N optional stuck
 *   at WHEN VERB [NAME] [count=N] [for=TIME]      WHEN: TIME, copies=N or done=PART
 *   at WHEN limit NAME [up-limit=RATE] [down-limit=RATE]
 *   every TIME VERB [NAME] [count=N] [for=TIME] [from=TIME] [until=TIME]
 *   limit TIME
 *   expect copies NAME <= NUMBER | expect waste <= PART | expect last <= TIME | expect banned >= N
 *   expect inputs <= N | expect astray <= N
 *   expect ratio <= NUMBER                of the last one's time to the fluid bound
 *   expect met <= TIME                    from joining to the first connection, for the last peer
 *   expect early NAME <= NUMBER           copies sent by them until the first one was complete
 *   expect rate NAME up=RATE|down=RATE within=PART from=TIME until=TIME [gap=TIME] [each]
 *         in every 10 s between the two times, all nodes together, or each
 *
 * knows: the users of these peers gave them the addresses of that group, which a line above
 * defines. lan: the number of their local network, in which they hear each other (BEP 14). dht:
 * beside the bootstrap host there are |hosts| without a peer of the torrent, of which |hostile| are
 * hostile. astray: dials of honest peers to addresses without a node. A second `peers` line with
 * the same name changes the first one; the other lines behave alike. Numbers take KiB, MiB, GiB;
 * us, ms, s, min; %. PARTS are parts per million, RATE is bytes per second.
 */
#ifndef TESTS_SIM_SCENARIO_H
#define TESTS_SIM_SCENARIO_H

#include "tests/sim/sim.h"

enum {
    SCENARIO_SIZE_MAX = 65536, /* bytes of a file */
    SCENARIO_WORDS_MAX = 32,   /* in a line */
    SCENARIO_GROUPS_MAX = 32,
    SCENARIO_ACTIONS_MAX = 64,
    SCENARIO_EXPECTS_MAX = 16,
    SCENARIO_SHARES_MAX = 4,
    SCENARIO_NAME_MAX = 31,
    SCENARIO_ABOUT_MAX = 200,
};

struct scenario_group {
    char name[SCENARIO_NAME_MAX + 1];
    struct node_spec spec;
    uint32_t count;
    int64_t join_us, join_span_us;
    uint32_t share; /* its number, from 1; 0: none */
    int64_t stay_us; /* time from complete to leaving; -1: stays */
    uint32_t knows;  /* the group whose addresses it is given, counted from 1; 0: none */
    bool optional;   /* need not become complete */
    bool stuck;      /* can't become complete, and must not claim so */
};

/*  X(NAME, word, who): the events; |who|: the event is about a group */
#define VERB_TABLE(X)                                                                              \
    X(LEAVE, "leave", true)                                                                        \
    X(CRASH, "crash", true)                                                                        \
    X(DARK, "power-off", true)                                                                     \
    X(JOIN, "join", true)                                                                          \
    X(PAUSE, "pause", true)                                                                        \
    X(RESUME, "resume", true)                                                                      \
    X(SPLIT, "split", true)                                                                        \
    X(FREE_DISK, "free-disk", true)                                                                \
    X(LIMIT, "limit", true)                                                                        \
    X(HEAL, "heal", false)                                                                         \
    X(TRACKER_DOWN, "tracker-down", false)                                                         \
    X(TRACKER_UP, "tracker-up", false)                                                             \
    X(BOOTSTRAP_DOWN, "bootstrap-down", false)

enum verb {
#define X(name, word, who) VERB_##name,
    VERB_TABLE(X)
#undef X
};

struct scenario_action {
    enum verb verb;
    uint32_t group;
    uint32_t count;         /* so many nodes of the group, chosen at random; 0: all */
    int64_t at_us;          /* when, or -1 */
    /* Conditions; 0: none: */
    uint32_t copies;        /* when so many copies exist outside of the group */
    uint32_t done_permille; /* when this part of all wanted data is complete */
    int64_t every_us;       /* 0: once */
    int64_t until_us;
    uint64_t up_limit, down_limit; /* LIMIT; UINT64_MAX: unchanged */
    int64_t for_us; /* crash, power-off, leave, pause: time until the node returns; 0: never */
};

struct scenario_expect {
    enum {
        EXPECT_COPIES,
        EXPECT_WASTE,
        EXPECT_LAST,
        EXPECT_BANNED,
        EXPECT_INPUTS,
        EXPECT_RATE,
        EXPECT_ASTRAY,
        EXPECT_RATIO,
        EXPECT_EARLY,
        EXPECT_MET,
    } what;
    uint32_t group;
    uint64_t bound; /* copies and waste in permille, times in us */
    struct expect_rate {
        uint64_t up, down; /* bytes/s; 0: not checked */
        uint32_t within;   /* permille */
        int64_t from_us, until_us;
        int64_t gap_us; /* longest time without a byte; 0: not checked */
        bool each;
    } rate;
};

struct scenario_share {
    char name[SCENARIO_NAME_MAX + 1];
    uint64_t up, down;
};

struct scenario {
    char about[SCENARIO_ABOUT_MAX + 1];
    struct content_spec torrent;
    struct sim_net net;
    struct sim_tracking tracking;
    struct swarmdht_spec dht;
    int64_t limit_us;
    struct scenario_group groups[SCENARIO_GROUPS_MAX];
    uint32_t group_count;
    struct scenario_share shares[SCENARIO_SHARES_MAX];
    uint32_t share_count;
    struct scenario_action actions[SCENARIO_ACTIONS_MAX];
    uint32_t action_count;
    struct scenario_expect expects[SCENARIO_EXPECTS_MAX];
    uint32_t expect_count;
};

/* Reads the text. After an error |eb| has a message that names the line. */
int scenario_parse(struct scenario *sc, const char *text, size_t len, struct errbuf *eb);

#endif
