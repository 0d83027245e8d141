/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Updates of a torrent for the database's thread: copies a struct state_update with everything that
 * it points to, because the caller's memory is gone by the time the thread applies it.
 */
#include <stdlib.h>
#include <string.h>

#include "peer/store/statedb.h"
#include "peer/store/statewish.h"

struct update_job {
    struct state_job job;
    int64_t id;
    struct state_update update; /* points into |mem| */
    struct state_wish_row wish; /* of |update|, likewise */
    uint8_t *mem;
};

static struct update_job *
update_of(struct state_job *j)
{
    return LIST_ENTRY(j, struct update_job, job);
}

static int
apply_update(struct db *db, struct state_job *j)
{
    struct update_job *u = update_of(j);

    return state_apply_parts(db, u->id, &u->update, &j->why);
}

static void
free_update(struct state_job *j)
{
    struct update_job *u = update_of(j);

    free(u->mem);
    free(u);
}

/* Copies |len| bytes to the job's memory, aligned, and returns their new address; NULL stays NULL.
 */
static void *
put(uint8_t **at, const void *src, size_t len)
{
    void *dst = *at;

    if (src == NULL || len == 0)
        return NULL;
    memcpy(dst, src, len);
    *at += (len + 15) / 16 * 16;
    return dst;
}

static size_t
text_size(const char *text)
{
    return text != NULL ? strlen(text) + 1 + 16 : 16;
}

static char *
put_text(uint8_t **at, const char *text)
{
    return text != NULL ? put(at, text, strlen(text) + 1) : NULL;
}

static size_t
copy_size(const struct state_update *u)
{
    size_t n = 0;

    n += u->have_count * sizeof(*u->have) + 16;
    n += u->lost_count * sizeof(*u->lost) + 16;
    n += u->file_count * sizeof(*u->files) + 16;
    n += u->peer_count * sizeof(*u->peers) + 16;
    n += u->layer_count * sizeof(*u->layers) + 16;
    n += u->priority_count + 16;
    n += u->metainfo_len + 16 + sizeof(*u->identity) + 16;
    for (size_t i = 0; i < u->layer_count; i++)
        n += u->layers[i].len + 16;
    if (u->wish != NULL)
        n += text_size(u->wish->trackers) + text_size(u->wish->peers) +
             text_size(u->wish->only) + text_size(u->wish->web_seeds);
    return n + text_size(u->error) + text_size(u->move_to) + text_size(u->dir) +
           text_size(u->moved_from);
}

static int
copy_update(struct update_job *j, const struct state_update *u)
{
    struct state_layer *layers;
    uint8_t *at;

    j->mem = at = malloc(copy_size(u));
    if (at == NULL)
        return SPRAT_E_NOMEM;
    j->update = *u;
    j->update.have = put(&at, u->have, u->have_count * sizeof(*u->have));
    j->update.lost = put(&at, u->lost, u->lost_count * sizeof(*u->lost));
    j->update.files = put(&at, u->files, u->file_count * sizeof(*u->files));
    j->update.peers = put(&at, u->peers, u->peer_count * sizeof(*u->peers));
    j->update.layers = layers = put(&at, u->layers, u->layer_count * sizeof(*u->layers));
    for (size_t i = 0; i < u->layer_count; i++)
        layers[i].hashes = put(&at, u->layers[i].hashes, u->layers[i].len);
    j->update.error = put_text(&at, u->error);
    j->update.move_to = put_text(&at, u->move_to);
    j->update.dir = put_text(&at, u->dir);
    j->update.moved_from = put_text(&at, u->moved_from);
    j->update.identity = put(&at, u->identity, u->metainfo != NULL ? sizeof(*u->identity) : 0);
    j->update.metainfo = put(&at, u->metainfo, u->metainfo_len);
    j->update.priorities = put(&at, u->priorities, u->priority_count);
    if (u->wish != NULL) {
        j->wish = *u->wish;
        j->wish.trackers = put_text(&at, u->wish->trackers);
        j->wish.peers = put_text(&at, u->wish->peers);
        j->wish.only = put_text(&at, u->wish->only);
        j->wish.web_seeds = put_text(&at, u->wish->web_seeds);
        j->update.wish = &j->wish;
    }
    return 0;
}

int
state_apply_async(struct state *st, int64_t id, const struct state_update *u, struct doneq *q,
                  state_done_fn done, void *user)
{
    struct update_job *j = calloc(1, sizeof(*j));
    int err;

    if (j == NULL || copy_update(j, u) != 0) {
        free(j);
        return SPRAT_E_NOMEM;
    }
    j->job.apply = apply_update;
    j->job.free = free_update;
    j->job.done = done;
    j->job.user = user;
    j->id = id;
    err = state_submit(st, &j->job, q);
    if (err != 0)
        free_update(&j->job);
    return err;
}
