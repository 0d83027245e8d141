/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A part of storage.c: the names and places of a storage's files, and which files with working
 * names are due to get their final names, because all their pieces are stored.
 */
#include "peer/store/storage.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "peer/store/safepath.h"
#include "peer/store/storagequeue.h"

bool
storage_has_file(const char *dir, const char *path, const char *work)
{
    struct stat st;

    return safepath_stat(dir, path, &st, NULL) == 0 ||
           (work != NULL && safepath_stat(dir, work, &st, NULL) == 0);
}

bool
storage_is_there(struct storage *s, size_t file)
{
    return filetree_is_there(&s->tree, file);
}

const char *
storage_path(const struct storage *s, size_t file)
{
    return filetree_path(&s->tree, file);
}

size_t
storage_home(const struct storage *s, size_t file)
{
    return parts_holds(&s->tree.parts, file) ? s->mi->file_count : file;
}

bool
storage_wants(const struct storage *s, size_t file)
{
    return parts_wants(&s->tree.parts, file);
}

bool
storage_is_fetched(const struct storage *s, size_t file)
{
    return filetree_is_fetched(&s->tree, file);
}

void
storage_expect(struct storage *s, size_t file, uint64_t inode)
{
    if (s->tree.names != NULL)
        filetree_expect(&s->tree, file, inode);
}

bool
storage_has_worknames(const struct storage *s)
{
    return atomic_load(&s->tree.working) > 0;
}

int
storage_set_stored(struct storage *s, const struct bitfield *pieces)
{
    if (s->tree.names == NULL || !s->tree.writable)
        return 0;
    if (s->whole == NULL)
        s->whole = calloc(s->mi->file_count + 1, sizeof(*s->whole));
    if (s->whole == NULL ||
        (s->stored.nbits == 0 && bitfield_init(&s->stored, s->mi->piece_count) != 0))
        return SPRAT_E_NOMEM;
    bitfield_copy(&s->stored, pieces);
    return 0;
}

void
storage_add_stored(struct storage *s, const uint32_t *pieces, size_t count)
{
    for (size_t i = 0; i < count && s->stored.nbits > 0; i++)
        (void)bitfield_set(&s->stored, pieces[i]);
}

static bool
is_stored(const struct storage *s, size_t file)
{
    const struct metainfo_file *f = &s->mi->files[file];

    return bitfield_next_clear(&s->stored, f->first_piece) >= f->first_piece + f->piece_count;
}

bool
storage_rename_due(struct storage *s)
{
    if (s->stored.nbits == 0 || !storage_has_worknames(s))
        return false;
    for (size_t i = 0; i < s->mi->file_count; i++)
        if (filetree_is_working(&s->tree, i) && is_stored(s, i))
            return true;
    return false;
}

int
storage_rename(struct storage *s, storage_done_fn done, void *user)
{
    ASSERT(s->tree.writable && s->whole != NULL);
    for (size_t i = 0; i < s->mi->file_count; i++)
        s->whole[i] = filetree_is_working(&s->tree, i) && is_stored(s, i);
    return storagequeue_submit_piece(s, OP_RENAME, DISK_SLOW, STORAGEQUEUE_NO_PIECE, done, user);
}
