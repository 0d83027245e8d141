/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Carries out the effects of a torrent's core.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/sys/addr.h"
#include "peer/torrent/torrent_disk.h"
#include "peer/torrent/torrent_failure.h"
#include "peer/torrent/torrent_fx.h"
#include "peer/torrent/torrent_life.h"
#include "peer/torrent/torrent_peers.h"
#include "peer/torrent/torrent_track.h"

static void
store_layers(struct torrent *t)
{
    struct state_layer layer = {0};
    struct state_update update = {.layers = &layer, .layer_count = 1};

    for (size_t i = 0; i < t->mi->file_count; i++) {
        const struct metainfo_file *f = &t->mi->files[i];

        if (!f->has_root || f->layer != NULL || f->piece_count < 2)
            continue;
        layer.file = (uint32_t)i;
        layer.hashes = swarm_layer(t->core.swarm, i);
        layer.len = (size_t)f->piece_count * 32;
        /* A layer that can't be stored is fetched again by the next session. */
        if (layer.hashes != NULL)
            (void)state_apply_async(t->env->shared->state, t->id, &update, t->env->doneq, NULL,
                                    NULL);
    }
}

static void
on_banned(struct torrent *t, const struct swarm_effect *fx)
{
    char ip[ADDR_TEXT_MAX], text[ERRBUF_SIZE];

    snprintf(text, sizeof(text), "%s was banned: it sent %s",
             addr_format_ip(&fx->u.notice.peer_addr, ip),
             fx->u.notice.err == SPRAT_E_HASH ? "data that fails its hash"
                                              : "data that was not requested");
    torrent_tell(t, TORRENT_EVENT_BANNED, fx->u.notice.err, text);
    t->env->calls->share_ban(t->env, &fx->u.notice.peer_addr);
}

static void
on_unreached(struct torrent *t, const struct swarm_effect *fx)
{
    char addr[ADDR_TEXT_MAX], text[ERRBUF_SIZE];

    snprintf(text, sizeof(text), "peer %s %s; next try in about %d s",
             addr_format(&fx->u.notice.peer_addr, addr), peer_try_text(fx->u.notice.how),
             PEERLIST_RETRY_MIN_MS / 1000);
    torrent_tell(t, TORRENT_EVENT_WARNING, fx->u.notice.err, text);
}

static void
on_mismatch(struct torrent *t, const struct swarm_effect *fx)
{
    char text[ERRBUF_SIZE];

    snprintf(text, sizeof(text),
             "piece %u passes its SHA-256 and fails its SHA-1: the torrent file contradicts itself",
             fx->u.notice.piece);
    torrent_fail(t, FAILURE_CORE, fx->u.notice.err, text);
}

static void
on_disk_error(struct torrent *t, const struct swarm_effect *fx)
{
    int err = fx->u.notice.err;

    if (err == SPRAT_E_CHANGED || err == SPRAT_E_SHORT || err == SPRAT_E_NOENT)
        torrent_reload_soon(t, err, torrent_last_why(t, err));
    else if (err != SPRAT_E_CANCELLED)
        torrent_fail(t, FAILURE_CORE, err, torrent_last_why(t, err));
}

static void
on_complete(struct torrent *t)
{
    if (t->life.completion == COMPLETION_NONE)
        torrent_set_completion(t, COMPLETION_WANTED);
}

/* The torrent learns the metainfo when the core's effects are carried out: learn_go_on(). */
static void
on_metadata(struct torrent *t, const struct swarm_effect *fx)
{
    char text[ERRBUF_SIZE + 64];

    if (fx->u.notice.err == 0) {
        t->core.learned = metafetch_take(t->core.fetch);
        return;
    }
    snprintf(text, sizeof(text), "the metadata is no valid torrent: %s",
             metafetch_error(t->core.fetch));
    torrent_fail(t, FAILURE_CORE, fx->u.notice.err, text);
}

static void
on_notice(struct torrent *t, const struct swarm_effect *fx)
{
    switch (fx->u.notice.what) {
    case SWARM_NOTICE_COMPLETE: on_complete(t); break;
    case SWARM_NOTICE_STOPPED: t->core.stopped = true; break;
    case SWARM_NOTICE_BANNED: on_banned(t, fx); break;
    case SWARM_NOTICE_UNREACHED: on_unreached(t, fx); break;
    case SWARM_NOTICE_PIECE_FAILED: disk_forget(t, fx->u.notice.piece); break;
    case SWARM_NOTICE_DISK_ERROR: on_disk_error(t, fx); break;
    case SWARM_NOTICE_MISMATCH: on_mismatch(t, fx); break;
    case SWARM_NOTICE_LAYERS: store_layers(t); break;
    case SWARM_NOTICE_METADATA: on_metadata(t, fx); break;
    }
}

static void
on_piece_done(struct torrent *t, uint32_t piece)
{
    /* If a commit is lost because memory is out, the next session only checks the piece again. */
    (void)commit_add(t->disk.commit, piece, loop_now(t->env->loop));
}

void
fx_carry_out(struct torrent *t, const struct swarm_effect *fx)
{
    switch (fx->type) {
    case SWARM_FX_CONNECT: peers_connect_to(t, fx); break;
    case SWARM_FX_ACCEPT: peers_accept(t, fx); break;
    case SWARM_FX_REFUSE: peers_refuse(t, fx); break;
    case SWARM_FX_CLOSE: peers_close(t, fx); break;
    case SWARM_FX_SEND: peers_send(t, fx); break;
    case SWARM_FX_SEND_PIECE: peers_send_piece(t, fx); break;
    case SWARM_FX_ALLOW: peers_allow(t, fx); break;
    case SWARM_FX_WRITE: disk_do(t, DISK_JOB_WRITE, fx); break;
    case SWARM_FX_VERIFY: disk_do(t, DISK_JOB_VERIFY, fx); break;
    case SWARM_FX_LEAVES: disk_do(t, DISK_JOB_LEAVES, fx); break;
    case SWARM_FX_PIECE_DONE: on_piece_done(t, fx->u.range.piece); break;
    case SWARM_FX_ANNOUNCE: track_announce(t, fx); break;
    case SWARM_FX_NODE: t->env->calls->add_dht_node(t->env, &fx->u.node); break;
    case SWARM_FX_NOTICE: on_notice(t, fx); break;
    }
}
