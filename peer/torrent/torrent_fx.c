/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Drives a torrent's core: each input is handled, then its effects are carried out in order.
 * Results that come up meanwhile wait until that is done, so that the core is never entered twice.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/sys/addr.h"
#include "peer/torrent/torrent_disk.h"
#include "peer/torrent/torrent_fx.h"
#include "peer/torrent/torrent_impl.h"
#include "peer/torrent/torrent_life.h"
#include "peer/torrent/torrent_peers.h"
#include "peer/torrent/torrent_stop.h"
#include "peer/torrent/torrent_track.h"

enum { LATER_MIN = 64 };

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
        torrent_reload_soon(t, err, torrent_why(t, err));
    else if (err != SPRAT_E_CANCELLED)
        torrent_fail(t, FAILURE_CORE, err, torrent_why(t, err));
}

static void
on_notice(struct torrent *t, const struct swarm_effect *fx)
{
    switch (fx->u.notice.what) {
    case SWARM_NOTICE_COMPLETE: torrent_on_complete(t); break;
    case SWARM_NOTICE_STOPPED: t->core.said_stopped = true; break;
    case SWARM_NOTICE_BANNED: on_banned(t, fx); break;
    case SWARM_NOTICE_UNREACHED: on_unreached(t, fx); break;
    case SWARM_NOTICE_PIECE_FAILED: disk_forget(t, fx->u.notice.piece); break;
    case SWARM_NOTICE_DISK_ERROR: on_disk_error(t, fx); break;
    case SWARM_NOTICE_MISMATCH: on_mismatch(t, fx); break;
    case SWARM_NOTICE_LAYERS: store_layers(t); break;
    }
}

static void
on_piece_done(struct torrent *t, uint32_t piece)
{
    /* If a commit is lost because memory is out, the next session only checks the piece again. */
    (void)commit_add(t->disk.commit, piece, loop_now(t->env->loop));
}

static void
carry_out(struct torrent *t, const struct swarm_effect *fx)
{
    switch (fx->type) {
    case SWARM_FX_CONNECT: peers_connect_to(t, fx); break;
    case SWARM_FX_ACCEPT: peers_accept(t, fx); break;
    case SWARM_FX_REFUSE: peers_refuse(t, fx); break;
    case SWARM_FX_CLOSE: peers_close(t, fx); break;
    case SWARM_FX_SEND: peers_send(t, fx); break;
    case SWARM_FX_SEND_PIECE: peers_send_piece(t, fx); break;
    case SWARM_FX_ALLOW: peers_allow(t, fx); break;
    case SWARM_FX_WRITE: disk_do(t, JOB_WRITE, fx); break;
    case SWARM_FX_VERIFY: disk_do(t, JOB_VERIFY, fx); break;
    case SWARM_FX_LEAVES: disk_do(t, JOB_LEAVES, fx); break;
    case SWARM_FX_PIECE_DONE: on_piece_done(t, fx->u.range.piece); break;
    case SWARM_FX_ANNOUNCE: track_announce(t, fx); break;
    case SWARM_FX_NOTICE: on_notice(t, fx); break;
    }
}

static void
handle(struct torrent *t, const struct swarm_input *in)
{
    struct swarm_effect fx;

    t->core.draining = true;
    if (swarm_handle(t->core.swarm, in, loop_now(t->env->loop)) != 0)
        log_warn(&t->env->shared->log, "%s: out of memory", t->facts.name);
    while (swarm_next(t->core.swarm, &fx))
        carry_out(t, &fx);
    t->core.draining = false;
}

/* Keeps a result for after the effects at hand. Only results without borrowed memory come here. */
static void
put_off(struct torrent *t, const struct swarm_input *in)
{
    struct torrent_core *core = &t->core;

    if (core->later_count == core->later_cap) {
        size_t cap = core->later_cap > 0 ? 2 * core->later_cap : LATER_MIN;
        struct swarm_input *later = realloc(core->later, cap * sizeof(*later));

        if (later == NULL) {
            torrent_fail(t, FAILURE_LOAD, SPRAT_E_NOMEM, "out of memory");
            return;
        }
        core->later = later;
        core->later_cap = cap;
    }
    core->later[core->later_count++] = *in;
}

void
torrent_feed(struct torrent *t, const struct swarm_input *in)
{
    if (t->core.swarm == NULL)
        return;
    if (t->core.draining) {
        put_off(t, in);
        return;
    }
    handle(t, in);
    for (size_t i = 0; i < t->core.later_count; i++) {
        struct swarm_input next = t->core.later[i];

        handle(t, &next);
    }
    t->core.later_count = 0;
    torrent_mark_dirty(t);
}
