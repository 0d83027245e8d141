/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The file of certificate authorities that HTTPS servers are checked with, beside the system's.
 */
#ifndef PEER_ENGINE_AUTHORITIES_H
#define PEER_ENGINE_AUTHORITIES_H

#include "common/base/err.h"

/* Finds the file, |path| (the option `ca`) or else the one that $SSL_CERT_FILE names, and checks
 * that it has certificates, so that a wrong file is an error at the start. Returns 0 and |*out|,
 * its path, to be freed; NULL if there is none. Errors of the file, with a sentence. */
int authorities_find(const char *path, char **out, struct errbuf *eb);

#endif
