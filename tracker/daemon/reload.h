/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the operator may change while the tracker runs: the settings that need no restart, and the
 * files that they name (the list of info-hashes, the certificate, the token).
 */
#ifndef TRACKER_DAEMON_RELOAD_H
#define TRACKER_DAEMON_RELOAD_H

#include "common/crypto/tls.h"
#include "tracker/daemon/admin.h"
#include "tracker/daemon/listfile.h"
#include "tracker/daemon/settings.h"
#include "tracker/daemon/worker.h"

/* Where the settings in use are and what they steer; all are borrowed. */
struct reload {
    int argc; /* words behind the program's name */
    const char *const *argv;
    struct settings *settings;
    struct listfile *list;
    struct log *log;
    struct worker_common *common;
    struct admin *admin;
};

/* Puts |s| and |list|, which it takes, to use, as far as they need no restart. */
void reload_use(const struct reload *r, const struct settings *s, struct listfile list);

/* Reads the certificate that |s| names; |*out| is NULL if it names none. One that clients would not
 * believe is warned of if there is no other, or else an error, as are the files' own. */
int reload_read_certificate(const struct reload *r, const struct settings *s,
                            struct tls_server **out, struct errbuf *eb);

/* Reads the command line and all files again. What can't be read leaves everything as it was: |eb|
 * has the sentence, and the log too. What waits for a restart is warned of. */
int reload_run(const struct reload *r, struct errbuf *eb);

#endif
