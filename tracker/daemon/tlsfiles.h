/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads the certificate and the private key from the files that the settings name.
 */
#ifndef TRACKER_DAEMON_TLSFILES_H
#define TRACKER_DAEMON_TLSFILES_H

#include "common/base/log.h"
#include "common/crypto/tls.h"
#include "tracker/operator/settings.h"

/* Reads the files that |s| names; |*out| is NULL if it names none. |eb| names the file. */
int tlsfiles_read(const struct settings *s, struct tls_server **out, struct errbuf *eb);

/* Whether the certificate of |s| is valid at |now_s|, in Unix seconds: 0, or MISMATCH and a
 * message. */
int tlsfiles_check_time(const struct settings *s, const struct tls_server *server, int64_t now_s,
                        struct errbuf *eb);

/* Logs that the certificate of |s| was read, and until when it is valid. */
void tlsfiles_log(const struct settings *s, const struct tls_server *server, const struct log *log);

#endif
