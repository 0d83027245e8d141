/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An operator's list of info-hashes: what is read is found again, whatever stands around it.
 */
#include <string.h>

#include "common/base/assert.h"
#include "tracker/core/hashlist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t hash[TRACKER_HASH_LEN] = {0};
    struct hashlist *l;
    struct errbuf eb;

    if (hashlist_parse((const char *)data, size, &l, &eb) != 0)
        return 0;
    ASSERT(hashlist_count(l) <= size / 40);
    for (size_t i = 0; i + TRACKER_HASH_LEN <= size && i < 256; i++) {
        memcpy(hash, data + i, TRACKER_HASH_LEN);
        (void)hashlist_has(l, hash);
    }
    hashlist_free(l);
    return 0;
}
