/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Moves data out of the part file (parts.h) when a file becomes wanted, and deletes the part file.
 */
#include <stdlib.h>

#include "peer/store/filetree.h"
#include "peer/store/safepath.h"

enum { GATHER_LEN = 64 << 10 };

/* Copies the file's bytes of one piece from the part file into the file itself. */
static int
gather_piece(struct filetree *t, size_t file, uint32_t piece, uint8_t *buf, struct errbuf *eb)
{
    const struct metainfo_file *f = &t->mi->files[file];
    uint64_t begin = (uint64_t)piece * t->mi->piece_length, end = begin + t->mi->piece_length;
    uint64_t from = begin > f->offset ? begin : f->offset;
    uint64_t until = end < f->offset + f->length ? end : f->offset + f->length;
    int err = 0;

    for (uint64_t at = from; at < until && err == 0; at += GATHER_LEN) {
        size_t n = until - at < GATHER_LEN ? (size_t)(until - at) : GATHER_LEN;
        struct iovec iov = {.iov_base = buf, .iov_len = n};

        if (filetree_is_hole(t, file, at - f->offset, n))
            continue;
        err = filetree_read(t, file, at - f->offset, buf, n, eb);
        if (err == SPRAT_E_SHORT || err == SPRAT_E_NOENT) {
            err = 0; /* the piece was never downloaded */
            break;
        }
        if (err == 0)
            err = filetree_write_itself(t, file, at - f->offset, &iov, 1, eb);
    }
    return err;
}

int
filetree_gather(struct filetree *t, size_t file, struct errbuf *eb)
{
    const struct metainfo_file *f = &t->mi->files[file];
    uint32_t first = (uint32_t)(f->offset / t->mi->piece_length);
    uint32_t last = (uint32_t)((f->offset + f->length - 1) / t->mi->piece_length);
    uint8_t *buf = malloc(GATHER_LEN);
    uint64_t at;
    int err = 0;

    if (buf == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    /* Only the first and last piece of a file can be shared with other files. */
    if (parts_locate(&t->parts, file, 0, &at))
        err = gather_piece(t, file, first, buf, eb);
    if (err == 0 && last != first && parts_locate(&t->parts, file, f->length - 1, &at))
        err = gather_piece(t, file, last, buf, eb);
    free(buf);
    return err;
}

int
filetree_drop_parts(struct filetree *t, struct errbuf *eb)
{
    openfiles_forget(t->open, t, t->mi->file_count);
    return safepath_unlink(t->dir, t->parts.name, eb);
}
