/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Examines what a file on disk contains where a piece does not match, for storage_scan() and
 * storage_is_varied(). Runs on the workers; a part of storagejob.c.
 */
#ifndef PEER_STORE_STORAGESCAN_H
#define PEER_STORE_STORAGESCAN_H

#include "peer/store/storagejob.h"

/* The results of storage_scan() and storage_is_varied(), with a message in |eb|. */
int storagescan_piece(struct disk_worker *w, struct storage_job *j, struct errbuf *eb);
int storagescan_varied(struct disk_worker *w, struct storage_job *j, struct errbuf *eb);

#endif
