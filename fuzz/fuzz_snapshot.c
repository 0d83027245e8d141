/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The body of a tracker's state file: the tracker reads whatever has a good checksum within its
 * limits and goes on. Portions end at places that the input chooses, and change nothing.
 */
#include <string.h>

#include "common/base/assert.h"
#include "tracker/core/tracker.h"

enum { PEERS_MAX = 500, TORRENTS_MAX = 50 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Returns whether the snapshot may end after |data|. */
static bool
read_portions(struct tracker *t, const struct snapshot_head *head, const uint8_t *data, size_t size,
              size_t portion)
{
    struct cursor c = cursor_make(data, portion < size ? portion : size);
    struct snapshot_reader reader;
    struct snapshot_run run;
    int err = 0;

    snapshot_reader_init(&reader, head);
    for (;;) {
        size_t more = (size_t)(data + size - c.at) - c.left;

        while (err == 0 && snapshot_read(&reader, &c, &run) == 1)
            err = tracker_load(t, &run, 5, (struct mono){1000000000});
        ASSERT(err != 0 || c.left < SNAPSHOT_ITEM_MAX);
        if (err != 0 || more == 0)
            break;
        c.left += portion < more ? portion : more;
    }
    return err == 0 && c.left == 0 && snapshot_reader_done(&reader);
}

static bool
read_anew(const uint8_t *data, size_t size, size_t portion, struct tracker_stats *stats)
{
    struct tracker_seed seed = {{1, 2}, 3};
    struct tracker_config config;
    struct snapshot_head head;
    struct tracker *t;
    bool ends = false;

    tracker_config_init(&config);
    config.peers_max = PEERS_MAX;
    config.torrents_max = TORRENTS_MAX;
    config.peer_ids = data[SNAPSHOT_HEAD_LEN - 1] != 0;
    t = tracker_new(&config, &seed);
    *stats = (struct tracker_stats){.torrents = 0};
    if (t != NULL && snapshot_get_head(&head, data) == 0)
        ends = read_portions(t, &head, data + SNAPSHOT_HEAD_LEN, size - SNAPSHOT_HEAD_LEN, portion);
    if (t != NULL) {
        tracker_stats(t, stats);
        tracker_on_timer(t, (struct mono){9000000000});
    }
    tracker_free(t);
    return ends;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tracker_stats whole, parts;
    bool ends;

    if (size < SNAPSHOT_HEAD_LEN)
        return 0;
    ends = read_anew(data, size, size, &whole);
    ASSERT(whole.peers4 + whole.peers6 <= PEERS_MAX && whole.torrents <= TORRENTS_MAX);
    ASSERT(ends == read_anew(data, size, 1 + data[size - 1], &parts));
    ASSERT(whole.torrents == parts.torrents && whole.peers4 == parts.peers4 &&
           whole.peers6 == parts.peers6);
    return 0;
}
