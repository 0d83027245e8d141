/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A tracker's state file with a good seal around whatever is in it: the tracker reads it within its
 * limits and goes on.
 */
#include <string.h>

#include "common/base/assert.h"
#include "tracker/core/tracker.h"

enum { PEERS_MAX = 500, TORRENTS_MAX = 50 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tracker_seed seed = {{1, 2}, 3};
    struct tracker_config config;
    struct snapshot_head head;
    struct tracker_stats stats;
    struct tracker *t;
    struct buf b;

    buf_init(&b, size + 1000);
    buf_put(&b, data, size);
    (void)snapshot_open(&head, data, size);
    tracker_config_init(&config);
    config.peers_max = PEERS_MAX;
    config.torrents_max = TORRENTS_MAX;
    config.peer_ids = size > 32 ? data[32] != 0 : 0;
    t = tracker_new(&config, &seed);
    if (t != NULL && snapshot_seal(&b) == 0) {
        if (snapshot_open(&head, buf_data(&b), buf_len(&b)) == 0)
            (void)tracker_load(t, &head, buf_data(&b), buf_len(&b),
                               (struct shard){.rule = {.count = 1 + size % 2}}, 5,
                               (struct mono){1000000000});
        tracker_stats(t, &stats);
        ASSERT(stats.peers4 + stats.peers6 <= PEERS_MAX && stats.torrents <= TORRENTS_MAX);
        tracker_on_timer(t, (struct mono){9000000000});
    }
    tracker_free(t);
    buf_fini(&b);
    return 0;
}
