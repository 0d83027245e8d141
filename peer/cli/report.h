/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Prints the progress and the results of get and seed, in the three modes of the screen: a
 * refreshed line, plain lines, or JSON events. The module reads the engine's status and decides
 * nothing.
 */
#ifndef PEER_CLI_REPORT_H
#define PEER_CLI_REPORT_H

#include <stdbool.h>

#include "common/ev/loop.h"
#include "peer/cli/command.h"
#include "peer/cli/screen.h"
#include "peer/engine/engine.h"

enum {
    REPORT_TICK_MS = 250,
    REPORT_EVENT_MS = 500,       /* between progress events while something changes */
    REPORT_EVENT_IDLE_MS = 5000, /* between progress events while nothing changes */
    REPORT_WHY_MS = 2000,        /* a reason is reported after it has lasted this long */
};

/* Embedded; |loop| and |screen| may be read. */
struct report {
    struct loop *loop; /* set by the owner before the first report */
    struct screen *screen;
    const char *torrent_path;          /* may be NULL */
    const struct cli_list *trackers;   /* set by the owner: for the link, beside the torrent's */
    char name[256];                    /* the torrent's name, known before it is added */
    struct mono began;                 /* start of the download, for the average at the end */
    struct mono next_event;
    uint64_t last_sum; /* a digest of the numbers in the last progress event */
    struct report_why {
        struct why now;      /* the current reason, and the time since which it holds */
        struct mono since;
        bool known, told;    /* a reason holds; an event has reported it */
        bool said_any;       /* a reason was printed as text; */
        enum why_code said;  /* the last such reason */
    } why;
    bool ready; /* the torrent is ready; there is no report before that */
    bool stopped;
    bool stopping;
    bool seed_only;    /* set by the owner: the torrent never downloads */
    bool lingers;      /* the download is complete, and others fetch from it */
    uint64_t until;    /* set by the owner: whole copies that end the run; 0: none */
    uint32_t copies;   /* whole copies that were reported */
};

void report_init(struct report *r, struct screen *screen, const char *name,
                 const char *torrent_path);

/* Prints the addresses, and for a seed the link by which others find it. */
void report_ready(struct report *r, const struct engine *s, const struct torrent *t);
/* The metadata of a magnet link is here. */
void report_metadata(struct report *r, const struct torrent *t);
/* |note| is a sentence worth showing, or "". */
void report_checked(struct report *r, const struct torrent *t, const struct torrent_status *st,
                    const char *note, bool seed_only);
/* Reports that the run ends because the seed found no piece of the torrent. */
void report_nothing_there(struct report *r, const struct torrent *t);
void report_progress(struct report *r, const struct torrent *t);
/* Reports that the run ends because nothing was received, or nothing sent by a seed, for |seconds|.
 */
void report_gave_up(struct report *r, uint64_t seconds);
void report_complete(struct report *r, const struct torrent *t);
/* The complete download stays for others, for |seconds| after the last upload. */
void report_linger(struct report *r, uint64_t seconds, uint32_t wanting);
void report_error(struct report *r, const struct torrent *t, const struct torrent_event *ev,
                  bool fatal);
void report_resumed(struct report *r, const struct torrent *t);
void report_warning(struct report *r, const struct torrent *t, const struct torrent_event *ev);
/* Reports that stopping has begun: trackers are being told. */
void report_stopping(struct report *r);
/* Prints the totals; later calls print nothing. */
/* |continues|: the download is not complete, and the same command continues it. */
void report_stopped(struct report *r, const struct torrent *t, bool continues);
/* Reports that the run could not begin. */
void report_failure(struct report *r, int err, const struct errbuf *eb);

/* A sink for struct log. */
void report_log(void *ctx, const struct log_record *record);

#endif
