/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the operator may change while the tracker runs: the settings that need no restart, and the
 * files that they name (the list of info-hashes, the certificate, the token).
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

/* Where the settings in use are and what they steer; all are borrowed. */
struct reload {
    int argc; /* words behind the program's name */
    const char *const *argv;
    struct settings *settings;
    struct listfile *list;
    struct log *log;
    struct worker_common *common;
    struct admin *admin;
    /* Private: what a thread is reading. */
    struct reload_files *files; /* NULL: nothing */
    struct thread thread;
    struct loop_waker *read;
    bool again; /* and then once more */
    void (*done)(void *ctx);
    void *done_ctx;
};

/* Puts |s| and |list|, which it takes, to use, as far as they need no restart. */
void reload_use(const struct reload *r, const struct settings *s, struct listfile list);

/* Reads the certificate that |s| names; |*out| is NULL if it names none. One that clients would not
 * believe is warned of if there is no other, or else an error, as are the files' own. */
int reload_read_certificate(const struct reload *r, const struct settings *s,
                            struct tls_server **out, struct errbuf *eb);

/* Prepares reload_begin(), whose |done| is called on |l|. SPRAT_E_NOMEM. */
int reload_start(struct reload *r, struct loop *l, void (*done)(void *ctx), void *ctx);

/* As reload_run(), but a thread reads the files, and the loop only puts them to use; the log has
 * what came of it. While one is under way, it is done once more afterwards. */
void reload_begin(struct reload *r);

/* Waits for the thread, and forgets what it has read. Also if it was never started. */
void reload_stop(struct reload *r);

/* Reads the command line and all files again, at once. What can't be read leaves everything as it
 * was: |eb| has the sentence, and the log too. What waits for a restart is warned of. */
int reload_run(const struct reload *r, struct errbuf *eb);

#endif
