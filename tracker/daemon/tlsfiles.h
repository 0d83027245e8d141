/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The certificate and the key that the settings name, read from their files.
 */
#ifndef TRACKER_DAEMON_TLSFILES_H
#define TRACKER_DAEMON_TLSFILES_H

#include "common/base/log.h"
#include "common/crypto/tls.h"
#include "tracker/operator/settings.h"

/* Reads what |s| names; |*out| is NULL if that is nothing. |eb| names the file. */
int tlsfiles_read(const struct settings *s, struct tls_server **out, struct errbuf *eb);

/* Whether clients would believe a certificate of |s| at |now_s|, seconds since 1970: 0, or MISMATCH
 * and a sentence. */
int tlsfiles_check_time(const struct settings *s, const struct tls_server *server, int64_t now_s,
                        struct errbuf *eb);

/* Tells the log that a certificate of |s| was read, and until when it is good. */
void tlsfiles_log(const struct settings *s, const struct tls_server *server, const struct log *log);

#endif
