/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The torrent is only seeded, from an empty directory: so when the metadata is here, nothing is
 * downloaded or written before the run ends.
 */
#include "peer/cli/fetchlink.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/codec/bencode.h"
#include "peer/cli/screen.h"
#include "peer/cli/torrentfile.h"

enum { DIR_PATH_MAX = 256 };

struct fetchlink {
    const struct magnet *magnet;
    transfer_metainfo_fn show;
    void *user;
};

bool
fetchlink_has_source(const struct torrent_link *link, const struct transfer_options *o,
                     const struct cli_list *peers, bool trackers_only)
{
    const struct magnet *m = link->magnet;
    bool search =
        (transfer_uses_dht(o) || transfer_uses_lsd(o)) && !trackers_only && !m->is_private;

    return search || m->tracker_count + m->peer_count + o->trackers.count + peers->count > 0;
}

static void
put_texts(struct bencode_writer *w, char *const *texts, size_t count, bool tiers)
{
    bencode_begin_list(w);
    for (size_t i = 0; i < count; i++) {
        if (tiers)
            bencode_begin_list(w);
        bencode_put_cstr(w, texts[i]);
        if (tiers)
            bencode_end(w);
    }
    bencode_end(w);
}

/* The torrent file that the link and its metadata make together. */
static void
put_torrent(struct buf *out, const struct metainfo *mi, const struct magnet *m)
{
    struct bencode_writer w;

    bencode_writer_init(&w, out);
    bencode_begin_dict(&w);
    if (m->tracker_count > 0) {
        bencode_put_key(&w, "announce-list");
        put_texts(&w, m->trackers, m->tracker_count, true);
    }
    bencode_put_key(&w, "info");
    bencode_put_raw(&w, mi->info, mi->info_len);
    if (m->web_seed_count > 0) {
        bencode_put_key(&w, "url-list");
        put_texts(&w, m->web_seeds, m->web_seed_count, false);
    }
    bencode_end(&w);
}

static int
on_metainfo(void *user, const struct metainfo *mi)
{
    const struct fetchlink *f = user;
    struct metainfo *whole;
    struct errbuf eb = {"out of memory"};
    struct buf raw;
    int status;

    buf_init(&raw, METAINFO_SIZE_MAX);
    put_torrent(&raw, mi, f->magnet);
    if (raw.err != 0 || metainfo_parse(buf_data(&raw), buf_len(&raw), &whole, &eb) != 0) {
        status = cli_fail("%s", eb.text);
    } else {
        status = f->show(f->user, whole);
        metainfo_free(whole);
    }
    buf_fini(&raw);
    return status;
}

/* Makes a directory that is in memory where the system has such a place. */
static int
make_dir(char dir[DIR_PATH_MAX], struct errbuf *eb)
{
    const char *tmp = getenv("TMPDIR");
    const char *const places[] = {"/dev/shm", tmp != NULL && tmp[0] == '/' ? tmp : "/tmp"};

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        snprintf(dir, DIR_PATH_MAX, "%s/sprat-XXXXXX", places[i]);
        if (mkdtemp(dir) != NULL)
            return 0;
    }
    return errbuf_set(eb, sprat_err_from_errno(errno), "can't make a directory in %s: %s",
                      places[1], strerror(errno));
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    (void)remove(path);
    return 0;
}

int
fetchlink_run(const struct cli_command *command, struct transfer_options *o,
              const struct torrent_link *link, struct cli_list *peers, bool trackers_only)
{
    struct fetchlink f = {link->magnet, o->on_metainfo, o->user};
    struct torrent_add add = {.seed_only = true, .trackers_only = trackers_only};
    char dir[DIR_PATH_MAX];
    struct screen screen;
    struct errbuf eb;
    int status;

    if (make_dir(dir, &eb) != 0)
        return cli_fail("%s", eb.text);
    torrent_link_fill(link, &add);
    torrentfile_take_link(link, &o->trackers, peers);
    add.peers = peers->items;
    add.peer_count = peers->count;
    add.save_dir = dir;
    o->state_dir = dir;
    o->on_metainfo = on_metainfo;
    o->user = &f;
    screen_init(&screen, false);
    screen.mode = SCREEN_QUIET;
    status = transfer_run(command, o, &add, NULL, &screen);
    nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return status;
}
