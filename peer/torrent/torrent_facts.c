/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Looks up what is known of a torrent.
 */
#include "peer/torrent/torrent_facts.h"

#include <string.h>

#include "peer/store/parts.h"

const struct announcer *
torrent_announcer(const struct torrent *t)
{
    if (t->core.fetch != NULL)
        return metafetch_announcer(t->core.fetch);
    return t->core.swarm != NULL ? swarm_announcer(t->core.swarm) : t->announcer;
}

const struct peerlist *
torrent_peerlist(const struct torrent *t)
{
    if (t->core.fetch != NULL)
        return metafetch_peerlist(t->core.fetch);
    return t->core.swarm != NULL ? swarm_peerlist(t->core.swarm) : NULL;
}

int
torrent_facts_init(struct torrent_facts *f, const struct torrent_add *add)
{
    const struct metainfo *mi = add->mi;

    *f = (struct torrent_facts){.name = strdup(torrent_add_name(add)),
                                .total_size = mi != NULL ? mi->total_size : 0,
                                .piece_count = mi != NULL ? mi->piece_count : 0,
                                .id = *torrent_add_id(add),
                                .is_private = mi != NULL && mi->is_private,
                                .waiting = mi == NULL};
    return f->name != NULL ? 0 : SPRAT_E_NOMEM;
}

bool
torrent_may_be_told(const struct torrent *t)
{
    return !t->facts.is_private && !(t->facts.waiting && t->options.trackers_only);
}

uint16_t
torrent_dht_port(const struct torrent *t)
{
    return t->env->shared->dht && torrent_may_be_told(t) ? t->env->shared->port : 0;
}

const char *
torrent_name(const struct torrent *t)
{
    return t->facts.name;
}

const uint8_t *
torrent_info_hash(const struct torrent *t, bool v2)
{
    const struct identity *id = &t->facts.id;

    return (v2 ? id->has_v2 : id->has_v1) ? identity_wire_hash(id, v2) : NULL;
}

bool
torrent_waits_for_metainfo(const struct torrent *t)
{
    return t->facts.waiting;
}

const struct metainfo *
torrent_metainfo(const struct torrent *t)
{
    return t->mi;
}

uint64_t
torrent_serial(const struct torrent *t)
{
    return t->serial;
}

const char *
torrent_save_dir(const struct torrent *t)
{
    return t->save_dir;
}

const struct bitfield *
torrent_have(const struct torrent *t)
{
    return t->core.swarm != NULL && t->core.started ? swarm_have(t->core.swarm) : &t->core.have;
}

uint8_t
torrent_file_priority(const struct torrent *t, size_t file)
{
    const uint8_t *bytes = t->options.selection;

    return bytes == NULL ? FILE_NORMAL : bytes[file] & PARTS_PRIORITY;
}

bool
torrent_tracker(const struct torrent *t, uint32_t index, struct announce_status *st)
{
    const struct announcer *a = torrent_announcer(t);

    if (a == NULL || index >= announcer_count(a))
        return false;
    announcer_status(a, index, st, loop_now(t->env->loop));
    return true;
}
