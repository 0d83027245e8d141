/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reload: reads the settings again while the tracker runs, and the files that they name (the list
 * of info-hashes, the certificate, the token).
 */
#ifndef TRACKER_DAEMON_RELOAD_H
#define TRACKER_DAEMON_RELOAD_H

#include "common/crypto/tls.h"
#include "common/ev/loop.h"
#include "common/sys/thread.h"
#include "tracker/daemon/admin.h"
#include "tracker/daemon/listfile.h"
#include "tracker/daemon/worker.h"
#include "tracker/operator/settings.h"

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
    bool again; /* a further reload follows */
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

/* Prepares reload_begin(), whose |done| is called on |l|. SPRAT_E_NOMEM. */
int reload_start(struct reload *r, struct loop *l, void (*done)(void *ctx), void *ctx);

/* As reload_run(), but a thread reads the files, and the loop only applies them; the result is
 * logged. If a reload is under way already, another one follows it. */
void reload_begin(struct reload *r);

/* Waits for the thread, and drops what it has read. Does nothing if no reload was begun. */
void reload_stop(struct reload *r);

/* Reads the command line and all files again, and applies them before it returns. If anything can't
 * be read, nothing changes: |eb| has the message, which is also logged. The log warns of changed
 * settings that need a restart. */
int reload_run(const struct reload *r, struct errbuf *eb);

#endif
