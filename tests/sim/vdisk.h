/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One node's disk: what each block on it is, which pieces its state database promises, how long
 * work takes, and what is left after a crash. It keeps the promise as the store does: a piece that
 * is done is synced first, in groups, and only then committed. It knows no core and posts no
 * events.
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
    int64_t group_us;     /* how long done pieces are gathered before a sync */
    int64_t sync_us;      /* how long a sync takes */
    uint64_t room;        /* bytes that fit; 0: no end */
    uint32_t read_errors; /* reads in a million that fail */
    bool rots;            /* what is checked is not what was written */
};

/* Embedded; read only. */
struct vdisk {
    const struct content *content;
    struct vdisk_spec spec;
    uint8_t *tags;             /* enum block_tag per block of piece space */
    struct bitfield done;      /* verified in this life, or committed before it */
    struct bitfield staged;    /* done, and waiting for the next sync */
    struct bitfield syncing;   /* being synced now */
    struct bitfield committed; /* promised: survives everything */
    struct mono free_at;       /* when the work at hand is through */
    uint64_t used;             /* bytes written */
};

void vdisk_init(struct vdisk *d, const struct content *c, const struct vdisk_spec *spec);
void vdisk_fini(struct vdisk *d);

/* Gives it the piece, good and committed. */
void vdisk_put(struct vdisk *d, uint32_t piece);

/* Queues a job of |bytes|; returns when it is through. */
struct mono vdisk_work(struct vdisk *d, uint64_t bytes, struct mono now);

/* 0 or SPRAT_E_NOSPACE. */
int vdisk_write(struct vdisk *d, uint32_t piece, uint32_t block, uint8_t tag);
uint8_t vdisk_tag(const struct vdisk *d, uint32_t piece, uint32_t block);

/* Does every block of the piece hold what it should? */
bool vdisk_good(const struct vdisk *d, uint32_t piece);

/* The piece was verified. */
void vdisk_done(struct vdisk *d, uint32_t piece);
/* Moves the staged pieces into a sync; false if there are none. */
bool vdisk_sync_begin(struct vdisk *d);
/* The sync is through: its pieces are promised now. */
void vdisk_sync_end(struct vdisk *d);

/* The power went off: what was not synced is there or not, as chance has it. */
void vdisk_crash(struct vdisk *d, struct rng *rng);

#endif
