/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Runs a function on a disk thread, for calls that may wait for a disk and that belong to no open
 * storage: looking at a directory, reading a torrent file.
 */
#ifndef PEER_STORE_DISKCALL_H
#define PEER_STORE_DISKCALL_H

#include "peer/store/disk.h"
#include "peer/store/doneq.h"

/* Calls |fn| once, on a thread for slow jobs, in line with others that are about a directory with
 * the name |dir|; then |done|, once, from doneq_drain(|q|), with |fn|'s result and sentence ("" for
 * 0). NOMEM: neither is called. */
int disk_call(struct disk *d, const char *dir, struct doneq *q,
              int (*fn)(void *user, struct errbuf *why),
              void (*done)(void *user, int err, const char *why), void *user);

#endif
