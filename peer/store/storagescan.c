/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads a file's part of one piece and looks for bytes other than zeros, or for more than one
 * repeated byte.
 */
#include "peer/store/storagescan.h"

#include <string.h>

#include "peer/store/layout.h"

static bool
is_zero(const uint8_t *p, size_t len)
{
    return len == 0 || (p[0] == 0 && memcmp(p, p + 1, len - 1) == 0);
}

/* The result of a scan of a piece's blocks. */
struct scan {
    bool bytes; /* some block has data */
    bool gap;   /* some block is empty */
};

/* Scans one range of a file block by block; missing bytes count as a gap. */
static int
scan_range(struct disk_worker *w, struct storage *s, const struct layout_range *r,
           struct scan *scan, struct errbuf *eb)
{
    if (filetree_is_hole(&s->tree, r->file, r->offset, r->len)) {
        scan->gap = true;
        return 0;
    }
    for (uint64_t at = 0; at < r->len; at += BLOCK_LEN) {
        size_t n = r->len - at < BLOCK_LEN ? (size_t)(r->len - at) : BLOCK_LEN;
        int err;

        memset(w->scratch, 0, n); /* a short file leaves the rest unchanged */
        err = filetree_read(&s->tree, r->file, r->offset + at, w->scratch, n, eb);
        if (err != 0 && err != SPRAT_E_SHORT && err != SPRAT_E_NOENT)
            return err;
        if (is_zero(w->scratch, n))
            scan->gap = true;
        else
            scan->bytes = true;
        if (err != 0) {
            scan->gap = scan->gap || at + n < r->len;
            return 0;
        }
    }
    return 0;
}

int
storagescan_piece(struct disk_worker *w, struct storage_job *j, struct errbuf *eb)
{
    struct storage *s = j->storage;
    struct scan scan = {false, false};
    struct layout_walk walk;
    struct layout_range r;
    int err = 0;

    layout_walk_init(&walk, s->mi, j->piece, 0, metainfo_piece_len(s->mi, j->piece));
    while (err == 0 && layout_walk_next(&walk, &r))
        if (r.stored && r.file == j->file)
            err = scan_range(w, s, &r, &scan, eb);
    if (err != 0 || !scan.bytes)
        return err;
    return errbuf_set(eb, scan.gap ? SPRAT_E_SHORT : SPRAT_E_EXISTS, "%s/%s holds something else",
                      s->tree.dir, filetree_path(&s->tree, j->file));
}

/* Sets |*varied| if the range has a byte other than |*first|. If |*any| is false, no range was read
 * before: sets |*first| to the range's first byte, and |*any|. Returns 0 or the error of reading.
 */
static int
vary_range(struct disk_worker *w, struct storage *s, const struct layout_range *r, bool *any,
           uint8_t *first, bool *varied, struct errbuf *eb)
{
    for (uint64_t at = 0; at < r->len && !*varied; at += DISK_SCRATCH_LEN) {
        size_t n = r->len - at < DISK_SCRATCH_LEN ? (size_t)(r->len - at) : DISK_SCRATCH_LEN;
        int err = filetree_read(&s->tree, r->file, r->offset + at, w->scratch, n, eb);

        if (err != 0)
            return err;
        if (!*any)
            *first = w->scratch[0];
        *any = true;
        *varied = w->scratch[0] != *first || memcmp(w->scratch, w->scratch + 1, n - 1) != 0;
    }
    return 0;
}

int
storagescan_varied(struct disk_worker *w, struct storage_job *j, struct errbuf *eb)
{
    struct storage *s = j->storage;
    bool any = false, varied = false;
    struct layout_walk walk;
    struct layout_range r;
    uint8_t first = 0;
    int err = 0;

    layout_walk_init(&walk, s->mi, j->piece, 0, metainfo_piece_len(s->mi, j->piece));
    while (err == 0 && !varied && layout_walk_next(&walk, &r))
        if (r.stored && r.file == j->file)
            err = vary_range(w, s, &r, &any, &first, &varied, eb);
    if (err != 0 || varied)
        return err;
    return errbuf_set(eb, SPRAT_E_MISMATCH, "%s/%s holds one byte repeated there", s->tree.dir,
                      filetree_path(&s->tree, j->file));
}
