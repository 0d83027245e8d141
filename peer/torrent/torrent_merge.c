/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Adds to a known torrent what a second add of it names. Trackers and peers are stored with the
 * torrent's options, so that a restart finds what this run uses.
 */
#include <stdlib.h>
#include <string.h>

#include "peer/torrent/torrent_addrs.h"
#include "peer/torrent/torrent_life.h"
#include "peer/torrent/torrent_row.h"
#include "peer/torrent/torrent_track.h"
#include "peer/torrent/torrent_wake.h"

static bool
is_in(char *const *list, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], text) == 0)
            return true;
    return false;
}

static bool
has_tracker(const struct torrent *t, const char *url)
{
    if (is_in(t->options.trackers, t->options.tracker_count, url))
        return true;
    for (size_t i = 0; t->mi != NULL && i < t->mi->tier_count; i++)
        for (size_t k = 0; k < t->mi->tiers[i].count; k++)
            if (strcmp(t->mi->tiers[i].urls[k], url) == 0)
                return true;
    return false;
}

static int
append(char ***list, size_t *count, const char *text)
{
    char **grown = realloc(*list, (*count + 1) * sizeof(**list));

    if (grown == NULL)
        return SPRAT_E_NOMEM;
    *list = grown;
    grown[*count] = strdup(text);
    if (grown[*count] == NULL)
        return SPRAT_E_NOMEM;
    ++*count;
    return 0;
}

/* Undoes append() until |count| are left. */
static void
shorten(char **list, size_t *now, size_t count)
{
    while (*now > count)
        free(list[--*now]);
}

/* BEP 27: the peers of a private torrent come from its own trackers. */
static int
want_tracker(struct torrent *t, const char *url, struct torrent_merged *out)
{
    if (has_tracker(t, url))
        return 0;
    if (t->mi != NULL && t->mi->is_private) {
        out->trackers_refused++;
        return 0;
    }
    out->trackers++;
    return append(&t->options.trackers, &t->options.tracker_count, url);
}

static int
want_trackers(struct torrent *t, const struct torrent_add *add, struct torrent_merged *out)
{
    const struct metainfo *mi = add->mi;
    int err = 0;

    for (size_t i = 0; err == 0 && i < add->tracker_count; i++)
        err = want_tracker(t, add->trackers[i], out);
    for (size_t i = 0; err == 0 && mi != NULL && i < mi->tier_count; i++)
        for (size_t k = 0; err == 0 && k < mi->tiers[i].count; k++)
            err = want_tracker(t, mi->tiers[i].urls[k], out);
    return err;
}

static int
want_peers(struct torrent *t, const struct torrent_add *add, struct torrent_merged *out)
{
    int err = 0;

    for (size_t i = 0; err == 0 && i < add->peer_count; i++)
        if (!is_in(t->options.peers, t->options.peer_count, add->peers[i])) {
            out->peers++;
            err = append(&t->options.peers, &t->options.peer_count, add->peers[i]);
        }
    return err;
}

/* Uses the trackers and peers that were added; |trackers| and |peers| of them were there before. A
 * torrent that is not running finds its peers when it starts. */
static void
use_new(struct torrent *t, size_t trackers, size_t peers)
{
    for (size_t i = trackers; i < t->options.tracker_count; i++)
        track_add_tracker(t, t->options.trackers[i]);
    if (t->options.peer_count == peers)
        return;
    if (torrent_has_core(t) && t->core.started)
        addrs_add_named(t, peers);
    else
        torrent_wake(t);
}

int
torrent_merge(struct torrent *t, const struct torrent_add *add, struct torrent_merged *out,
              struct errbuf *eb)
{
    size_t trackers = t->options.tracker_count, peers = t->options.peer_count;
    int err;

    *out = (struct torrent_merged){0};
    if (torrent_is_being_removed(t))
        return errbuf_set(eb, SPRAT_E_AGAIN, "%s is being removed: add it again in a moment",
                          t->facts.name);
    err = t->facts.waiting ? 0 : torrent_need_metainfo(t, eb);
    if (err != 0)
        return err;
    err = want_trackers(t, add, out);
    if (err == 0)
        err = want_peers(t, add, out);
    if (err != 0)
        errbuf_set(eb, err, "out of memory");
    else if (out->trackers + out->peers > 0)
        err = row_store_options(t, eb);
    if (err != 0) {
        shorten(t->options.trackers, &t->options.tracker_count, trackers);
        shorten(t->options.peers, &t->options.peer_count, peers);
        return err;
    }
    use_new(t, trackers, peers);
    return 0;
}
