/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reload: reads the settings again while the tracker runs, and the files that they name (the list
 * of info-hashes, the certificate, the token).
 */
#ifndef TRACKER_DAEMON_RELOAD_H
#define TRACKER_DAEMON_RELOAD_H

#include "common/crypto/tls.h"
#include "common/ds/list.h"
#include "common/ev/loop.h"
#include "common/sys/thread.h"
#include "tracker/daemon/listfile.h"
#include "tracker/daemon/worker.h"
#include "tracker/operator/settings.h"

struct admin;

/* A caller that waits for the result of a reload. Embedded; |done| and |ctx| are set before
 * reload_begin(), and |link| is an initialized list. */
struct reload_wait {
    /* |err| is 0, or nothing is changed and |why| is the message. */
    void (*done)(void *ctx, int err, const char *why);
    void *ctx;
    struct list link;
};

/* The settings in use, and the parts that depend on them; all are borrowed. */
struct reload {
    int argc; /* words after the program's name */
    const char *const *argv;
    struct settings *settings;
    struct listfile *list;
    struct log *log;
    struct worker_common *common;
    struct admin *admin;
    /* Private: the files that a thread is reading. */
    struct reload_files *files; /* NULL: no reload is under way */
    struct thread thread;
    struct loop_waker *read;
    struct list waits; /* callers that wait for this reload */
    bool again;        /* a further reload follows */
    struct list next;  /* callers that wait for that one */
    void (*done)(void *ctx);
    void *done_ctx;
};

/* Applies |s| and |list|, which it takes over, except settings that need a restart. */
void reload_use(const struct reload *r, const struct settings *s, struct listfile list);

/* Reads the certificate that |s| names; |*out| is NULL if it names none. If clients would refuse
 * the certificate, that is an error while another certificate is in use, and else a warning in the
 * log. Other errors are those of reading the files. */
int reload_read_certificate(const struct reload *r, const struct settings *s,
                            struct tls_server **out, struct errbuf *eb);

/* Prepares reload_begin(). |done| is called on |l| when nothing is being read any more.
 * SPRAT_E_NOMEM. */
int reload_start(struct reload *r, struct loop *l, void (*done)(void *ctx), void *ctx);

/* A thread reads the command line and all files again, and the loop applies them. If anything
 * can't be read, nothing changes. The result is logged, with a warning of changed settings that
 * need a restart. If a reload is under way already, another one follows it. |wait| is borrowed
 * until its |done| is called, later on the loop; NULL if no |done| is needed. NOMEM if no thread
 * can be started; then no |done| is called. */
int reload_begin(struct reload *r, struct reload_wait *wait);

/* Waits for the thread, and drops what it has read; no |done| is called any more. Does nothing if
 * no reload was begun. */
void reload_stop(struct reload *r);

#endif
