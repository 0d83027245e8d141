/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Compares the records of the database with the stamps of the storage, first file by file, then
 * piece by piece. After a crash, the times of files say whether a session of this program wrote
 * them.
 */
#include "peer/store/filetrust.h"

#include <stdio.h>
#include <stdlib.h>

#include "peer/store/layout.h"

enum { NS_PER_MS = 1000000 };
#define NS_PER_S 1000000000LL

int
filetrust_init(struct filetrust *t, struct storage *storage, const struct filetrust_rules *rules)
{
    const struct metainfo *mi = storage_metainfo(storage);

    *t = (struct filetrust){.rules = *rules, .storage = storage, .mi = mi};
    t->records = calloc(mi->file_count + 1, sizeof(*t->records));
    t->files = calloc(mi->file_count + 1, sizeof(*t->files));
    t->gone = calloc(mi->file_count + 1, sizeof(*t->gone));
    if (t->records == NULL || t->files == NULL || t->gone == NULL)
        return SPRAT_E_NOMEM;
    return bitfield_init(&t->stored, mi->piece_count);
}

void
filetrust_fini(struct filetrust *t)
{
    bitfield_fini(&t->stored);
    free(t->records);
    free(t->files);
    free(t->gone);
}

int
filetrust_read(struct filetrust *t, struct state *state, int64_t id, struct errbuf *why)
{
    struct state_torrent row;
    int err = state_get(state, id, &row, why);

    if (err != 0)
        return err;
    t->clean = row.clean;
    t->session = row.session;
    t->active = row.active;
    state_torrent_fini(&row);
    err = state_load_have(state, id, &t->stored, why);
    if (err == 0)
        err = state_load_files(state, id, t->records, t->mi->file_count + 1, why);
    for (size_t i = 0; err == 0 && i < t->mi->file_count; i++)
        if (t->records[i].present)
            storage_expect(t->storage, i, t->records[i].inode);
    return err;
}

/* --- files --- */

/* True if the file matches its record. After a crash this program may have written to it for a
 * while after the last stamp. */
static bool
matches_record(const struct filetrust *t, const struct storage_stamp *now,
               const struct state_file *then)
{
    int64_t late = now->mtime_ns - then->mtime_ns;

    if (now->size == then->size && late == 0)
        return true;
    return !t->clean && !t->rules.strict && now->size >= then->size && late >= 0 &&
           late <= (int64_t)FILETRUST_CRASH_MS * NS_PER_MS;
}

/* True if a file without a record was created by crashed sessions before its first stamp was
 * stored. The file system's clock is coarse and may lag a little. */
static bool
made_before_crash(const struct filetrust *t, const struct storage_stamp *now)
{
    return !t->clean && now->mtime_ns >= (t->session - 1) * NS_PER_S &&
           now->mtime_ns <= (t->active + 1) * NS_PER_S + (int64_t)FILETRUST_CRASH_MS * NS_PER_MS;
}

static enum file_trust
judge_file(const struct filetrust *t, size_t file)
{
    const struct state_file *rec = &t->records[file];
    struct storage_stamp now = storage_file_stamp(t->storage, file);

    if (!now.known)
        return TRUST_GONE;
    if (!rec->present) {
        if (now.size == 0 && t->mi->files[file].length > 0)
            return TRUST_VOUCHED; /* an empty file has no data to lose or to check */
        return made_before_crash(t, &now) ? TRUST_CHANGED : TRUST_FOREIGN;
    }
    if (matches_record(t, &now, rec) && !t->rules.check_all)
        return TRUST_VOUCHED;
    return now.inode == rec->inode ? TRUST_CHANGED : TRUST_FOREIGN;
}

/* The part file is always the torrent's own. */
static enum file_trust
judge_part_file(const struct filetrust *t)
{
    const struct state_file *rec = &t->records[t->mi->file_count];
    struct storage_stamp now = storage_file_stamp(t->storage, t->mi->file_count);

    if (!now.known)
        return TRUST_GONE;
    return rec->present && matches_record(t, &now, rec) && !t->rules.check_all ? TRUST_VOUCHED
                                                                               : TRUST_CHANGED;
}

static void
note_file(const struct filetrust *t, size_t file, struct errbuf *note)
{
    const char *dir = storage_dir(t->storage), *path = storage_path(t->storage, file);

    if (!t->records[file].present)
        return;
    if (t->files[file] == TRUST_GONE)
        errbuf_set(note, 0, "%s/%s is gone", dir, path);
    else if (t->rules.check_all)
        return;
    else if (t->records[file].mtime_ns == 0)
        errbuf_set(note, 0,
                   "%s/%s is checked again: an older version of Sprat let two torrents write to it",
                   dir, path);
    else if (t->files[file] != TRUST_VOUCHED)
        errbuf_set(note, 0, "%s/%s was changed by another program and is checked again", dir, path);
}

/* True if bytes of a piece in |stored| are missing in the file. */
static bool
lacks_stored(const struct filetrust *t, size_t file)
{
    const struct metainfo_file *f = &t->mi->files[file];
    uint64_t size = t->mi->piece_length, end = f->offset + f->length;
    size_t home = storage_home(t->storage, file);
    struct storage_stamp now = storage_file_stamp(t->storage, home);

    if (f->length == 0 || (f->attr & (ATTR_PAD | ATTR_SYMLINK)) != 0 ||
        (now.known && (home != file || now.size >= f->length)))
        return false;
    for (uint64_t p = f->offset / size; p * size < end; p++) {
        uint64_t to = (p + 1) * size < end ? (p + 1) * size : end;

        if (bitfield_get(&t->stored, (uint32_t)p) && (!now.known || now.size < to - f->offset))
            return true;
    }
    return false;
}

/* Finds files that lack stored data. Their have-bits are not cleared before the user agrees, since
 * the disk may not be mounted. */
static void
find_gone(struct filetrust *t)
{
    for (size_t i = 0; i < t->mi->file_count && !t->rules.trust_all; i++) {
        if (!lacks_stored(t, i))
            continue;
        if (t->files[i] == TRUST_VOUCHED) /* the record was made after the file had lost data */
            t->files[i] = TRUST_CHANGED;
        t->gone[i] = !t->rules.refetch && storage_wants(t->storage, i);
        if (t->gone[i] && t->gone_count++ == 0)
            t->gone_first = i;
    }
}

void
filetrust_judge(struct filetrust *t, struct errbuf *note)
{
    t->files[t->mi->file_count] = judge_part_file(t);
    for (size_t i = 0; i < t->mi->file_count; i++) {
        t->files[i] = TRUST_VOUCHED;
        if ((t->mi->files[i].attr & (ATTR_PAD | ATTR_SYMLINK)) != 0 ||
            storage_home(t->storage, i) != i)
            continue;
        t->files[i] = judge_file(t, i);
        note_file(t, i, note);
    }
    find_gone(t);
}

void
filetrust_explain_gone(const struct filetrust *t, struct errbuf *why)
{
    const char *dir = storage_dir(t->storage), *path = storage_path(t->storage, t->gone_first);
    bool is_short = storage_file_stamp(t->storage, t->gone_first).known;
    char more[48] = "";

    if (t->gone_count > 1)
        snprintf(more, sizeof(more), " (and %zu more)", t->gone_count - 1);
    errbuf_set(why, 0,
               "missing: %s/%s%s was fetched before and is %s now. Mount its disk or put it back; "
               "to fetch it again, run 'sprat resume --refetch TORRENT', or 'sprat get --refetch' "
               "where spratd does not have the torrent",
               dir, path, more, is_short ? "shorter" : "gone");
}

/* --- pieces --- */

bool
filetrust_piece_is_gone(const struct filetrust *t, uint32_t piece)
{
    struct layout_walk w;
    struct layout_range range;

    layout_walk_init(&w, t->mi, piece, 0, metainfo_piece_len(t->mi, piece));
    while (t->gone_count > 0 && layout_walk_next(&w, &range))
        if (range.stored && t->gone[range.file])
            return true;
    return false;
}

/* Facts about the files that have a part of one piece. */
struct piece_files {
    bool vouched; /* all are vouched for */
    bool news;    /* one exists and may have data that the database does not know */
    bool gone;    /* one does not exist */
};

static struct piece_files
files_of_piece(const struct filetrust *t, uint32_t piece)
{
    struct piece_files p = {.vouched = true};
    struct layout_walk w;
    struct layout_range range;

    layout_walk_init(&w, t->mi, piece, 0, metainfo_piece_len(t->mi, piece));
    while (layout_walk_next(&w, &range)) {
        if (!range.stored)
            continue;
        enum file_trust trust = t->files[storage_home(t->storage, range.file)];
        p.vouched = p.vouched && trust == TRUST_VOUCHED;
        p.gone = p.gone || trust == TRUST_GONE;
        p.news = p.news || trust == TRUST_CHANGED || trust == TRUST_FOREIGN;
    }
    return p;
}

enum piece_trust
filetrust_piece(const struct filetrust *t, uint32_t piece)
{
    struct piece_files f = files_of_piece(t, piece);
    bool stored = bitfield_get(&t->stored, piece);

    if (t->rules.trust_all || (stored && f.vouched && !t->rules.check_all))
        return PIECE_TRUSTED;
    if (f.gone || !(stored || f.news || !t->clean || t->rules.check_all))
        return PIECE_MISSING;
    return PIECE_CHECK;
}

bool
filetrust_is_left_over(const struct filetrust *t, uint32_t piece)
{
    struct layout_walk w;
    struct layout_range range;
    bool late = false;

    if (t->clean || bitfield_get(&t->stored, piece))
        return false;
    layout_walk_init(&w, t->mi, piece, 0, metainfo_piece_len(t->mi, piece));
    while (layout_walk_next(&w, &range)) {
        struct storage_stamp now;
        size_t home;

        if (!range.stored)
            continue;
        home = storage_home(t->storage, range.file);
        if (t->files[home] == TRUST_FOREIGN)
            return false;
        now = storage_file_stamp(t->storage, home);
        late = late || now.mtime_ns >= (t->session - 1) * NS_PER_S;
    }
    return late;
}
