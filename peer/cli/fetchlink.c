/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The torrent is only seeded, from an empty directory: so when the metadata is here, nothing is
 * downloaded or written before the run ends.
 */
#include "peer/cli/fetchlink.h"

#include "common/codec/bencode.h"
#include "peer/cli/screen.h"
#include "peer/cli/tempdir.h"
#include "peer/cli/torrentfile.h"

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

int
fetchlink_run(const struct cli_command *command, struct transfer_options *o,
              const struct torrent_link *link, struct cli_list *peers, bool trackers_only)
{
    struct fetchlink f = {link->magnet, o->on_metainfo, o->user};
    struct torrent_add add = {.seed_only = true, .trackers_only = trackers_only};
    struct tempdir dir;
    struct screen screen;
    struct errbuf eb;
    int status;

    if (tempdir_init(&dir, &eb) != 0)
        return cli_fail("%s", eb.text);
    torrent_link_fill(link, &add);
    torrentfile_take_link(link, &o->trackers, peers);
    add.peers = peers->items;
    add.peer_count = peers->count;
    add.save_dir = dir.path;
    o->state_dir = dir.path;
    o->on_metainfo = on_metainfo;
    o->user = &f;
    screen_init(&screen, false);
    screen.mode = SCREEN_QUIET;
    status = transfer_run(command, o, &add, NULL, &screen);
    tempdir_fini(&dir);
    return status;
}
