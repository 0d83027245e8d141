/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The rules of adopt_judge(), and the messages that say which rule a file met.
 */
#include "peer/store/adopt.h"

#include <stdio.h>

#define WHAT_TO_DO "Move it away, choose another directory with -o, or use --adopt to"

/* True if writing to the file would overwrite nothing, or only zeros. */
static bool
is_harmless(const struct check_file *f)
{
    return f->state != CHECK_FILE_LONG && (f->bad == 0 || (!f->other && !f->cut_off));
}

/* True if a piece of the file matches, or if some do and the failed pieces reach into missing
 * files. */
static bool
is_ours(const struct check_file *f)
{
    bool good_elsewhere =
        f->state == CHECK_FILE_BAD && f->unsure == f->bad && f->checked > f->bad;

    return f->proven || good_elsewhere;
}

static int
refuse(const struct adopt_options *o, size_t file, struct errbuf *why)
{
    const char *dir = storage_dir(o->storage), *path = storage_path(o->storage, file);
    const struct check_file *f = &o->report->files[file];
    uint32_t good = f->checked - f->bad;

    if (f->state == CHECK_FILE_LONG && (f->proven || f->bad == 0))
        return errbuf_set(why, SPRAT_E_EXISTS,
                          "%s/%s: %u of %u pieces match, but it is longer than the torrent's file. "
                          WHAT_TO_DO " cut and complete it",
                          dir, path, good, f->checked);
    if (good > 0)
        return errbuf_set(
            why, SPRAT_E_EXISTS,
            "%s/%s: %u of %u pieces match, but only where one byte repeats or too few "
            "bytes do; it is perhaps another file. " WHAT_TO_DO " overwrite it",
            dir, path, good, f->checked);
    if (f->unsure > 0 && f->unsure == f->bad)
        return errbuf_set(why, SPRAT_E_EXISTS,
                          "%s/%s can't be checked: its pieces also hold files that are missing. "
                          WHAT_TO_DO " overwrite it",
                          dir, path);
    return errbuf_set(why, SPRAT_E_EXISTS,
                      "%s/%s: 0 of %u pieces match; it is another file. " WHAT_TO_DO
                      " overwrite it", dir, path, f->checked);
}

static void
note_partial(const struct adopt_options *o, size_t first, size_t count, struct errbuf *note)
{
    const struct check_file *f = &o->report->files[first];
    char more[64] = "";

    if (count == 0)
        return;
    if (count > 1)
        snprintf(more, sizeof(more), " (and %zu more such files)", count - 1);
    errbuf_set(note, 0,
               "%s/%s existed already: %u of %u pieces match, the others will be downloaded%s",
               storage_dir(o->storage), storage_path(o->storage, first), f->checked - f->bad,
               f->checked, more);
}

int
adopt_judge(const struct adopt_options *o, bool *cut, bool *any_cut, struct errbuf *note,
            struct errbuf *why)
{
    size_t first = 0, count = 0;

    *any_cut = false;
    for (size_t i = 0; i < storage_metainfo(o->storage)->file_count; i++) {
        const struct check_file *f = &o->report->files[i];
        bool is_long = f->state == CHECK_FILE_LONG;

        cut[i] = o->foreign[i] && is_long && o->all;
        *any_cut = *any_cut || cut[i];
        if (!o->foreign[i])
            continue;
        if (!o->all && !is_harmless(f) && (is_long || !is_ours(f)))
            return refuse(o, i, why);
        if ((is_long || (f->bad > 0 && (f->bad < f->checked || !is_harmless(f)))) && count++ == 0)
            first = i;
    }
    note_partial(o, first, count, note);
    return 0;
}
