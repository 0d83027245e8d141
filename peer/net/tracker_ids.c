/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A list in the order of receipt, searched from its beginning: few trackers send ids.
 */
#include "peer/net/tracker_ids.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"

struct tracker_id {
    struct list link;
    char *url;
    uint8_t info_hash[TRACKER_HASH_LEN];
    char id[TRACKER_ID_MAX + 1];
};

static struct tracker_id *
find(const struct tracker_ids *ids, const char *url, const uint8_t *info_hash)
{
    LIST_EACH (it, &ids->list) {
        struct tracker_id *k = LIST_ENTRY(it, struct tracker_id, link);

        if (strcmp(k->url, url) == 0 && memcmp(k->info_hash, info_hash, TRACKER_HASH_LEN) == 0)
            return k;
    }
    return NULL;
}

static void
remove_id(struct tracker_ids *ids, struct tracker_id *k)
{
    list_remove(&k->link);
    ids->count--;
    free(k->url);
    free(k);
}

void
tracker_ids_init(struct tracker_ids *ids)
{
    list_init(&ids->list);
    ids->count = 0;
}

void
tracker_ids_fini(struct tracker_ids *ids)
{
    LIST_EACH_SAFE (it, &ids->list)
        remove_id(ids, LIST_ENTRY(it, struct tracker_id, link));
}

const char *
tracker_ids_find(const struct tracker_ids *ids, const char *url, const uint8_t *info_hash)
{
    const struct tracker_id *k = find(ids, url, info_hash);

    return k != NULL ? k->id : NULL;
}

void
tracker_ids_remember(struct tracker_ids *ids, const char *url, const uint8_t *info_hash,
                     const char *id)
{
    struct tracker_id *k;

    ASSERT(strlen(id) <= TRACKER_ID_MAX);
    if (id[0] == '\0')
        return;
    k = find(ids, url, info_hash);
    if (k == NULL) {
        if (ids->count == TRACKER_IDS_MAX)
            remove_id(ids, LIST_ENTRY(ids->list.next, struct tracker_id, link));
        k = calloc(1, sizeof(*k));
        if (k == NULL)
            return;
        list_init(&k->link);
        ids->count++;
        k->url = strdup(url);
        if (k->url == NULL) {
            remove_id(ids, k);
            return;
        }
        memcpy(k->info_hash, info_hash, TRACKER_HASH_LEN);
    }
    list_remove(&k->link);
    list_push_back(&ids->list, &k->link);
    strcpy(k->id, id);
}
