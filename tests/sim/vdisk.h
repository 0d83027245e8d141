/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One node's disk: the content of each block, the pieces that its state database lists, the time of
 * each job, and what a crash leaves. As in peer/store, a verified piece is synced first, in groups,
 * and only then committed. Knows no core and posts no events.
 */
#ifndef TESTS_SIM_VDISK_H
#define TESTS_SIM_VDISK_H

#include "common/base/mono.h"
#include "common/base/rng.h"
#include "common/ds/bitfield.h"
#include "tests/sim/content.h"

struct vdisk_spec {
    int64_t latency_us;   /* of each job */
    uint64_t rate;        /* bytes/s; 0: no limit */
    int64_t group_us;     /* how long verified pieces wait for their sync */
    int64_t sync_us;      /* how long a sync takes */
    uint64_t room;        /* capacity in bytes; 0: unlimited */
    uint32_t read_errors; /* reads in a million that fail */
    bool rots;            /* every check of a piece fails, as after a fault of the disk */
};

/* Embedded; read only. */
struct vdisk {
    const struct content *content;
    struct vdisk_spec spec;
    uint8_t *tags;             /* enum block_tag per block of piece space */
    struct bitfield done;      /* verified in this life, or committed before it */
    struct bitfield staged;    /* done, and waiting for the next sync */
    struct bitfield syncing;   /* being synced now */
    struct bitfield committed; /* in the state database: survives crashes */
    struct mono free_at;       /* when the queued jobs are done */
    uint64_t used;             /* bytes written */
};

void vdisk_init(struct vdisk *d, const struct content *c, const struct vdisk_spec *spec);
void vdisk_fini(struct vdisk *d);

/* Stores a good piece as committed. */
void vdisk_put(struct vdisk *d, uint32_t piece);

/* Queues a job of |bytes|; returns the time of its end. */
struct mono vdisk_work(struct vdisk *d, uint64_t bytes, struct mono now);

/* 0 or SPRAT_E_NOSPACE. */
int vdisk_write(struct vdisk *d, uint32_t piece, uint32_t block, uint8_t tag);
uint8_t vdisk_tag(const struct vdisk *d, uint32_t piece, uint32_t block);

/* True if every block of the piece is good. */
bool vdisk_good(const struct vdisk *d, uint32_t piece);

/* The piece was verified. */
void vdisk_done(struct vdisk *d, uint32_t piece);
/* Moves the staged pieces into a sync; false if there are none. */
bool vdisk_sync_begin(struct vdisk *d);
/* The sync has ended: its pieces are committed now. */
void vdisk_sync_end(struct vdisk *d);

/* The power went off: each block that was not synced is kept or lost, at random. */
void vdisk_crash(struct vdisk *d, struct rng *rng);

#endif
