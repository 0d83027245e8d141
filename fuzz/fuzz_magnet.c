/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Fuzzes the magnet reader: what it reads, it prints, and reads again as the same link.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/codec/magnet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Prints |m|, parses the result and prints it again: both texts must be the same. */
static void
check_round_trip(const struct magnet *m)
{
    struct buf first, second;
    struct magnet *again;

    buf_init(&first, 16 * MAGNET_LEN_MAX);
    buf_init(&second, 16 * MAGNET_LEN_MAX);
    ASSERT(magnet_print(m, &first) == 0);
    /* Escaping may make a link longer than the longest that is read. */
    if (buf_len(&first) <= MAGNET_LEN_MAX) {
        ASSERT(magnet_parse(buf_str(&first), &again, NULL) == 0);
        ASSERT(magnet_print(again, &second) == 0);
        ASSERT(strcmp(buf_str(&first), buf_str(&second)) == 0);
        magnet_free(again);
    }
    buf_fini(&first);
    buf_fini(&second);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct errbuf eb = {0};
    struct magnet *m;

    if (text == NULL)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (magnet_parse(text, &m, &eb) == 0) {
        ASSERT(m->id.has_v1 || m->id.has_v2);
        check_round_trip(m);
        magnet_free(m);
    } else {
        ASSERT(eb.text[0] != '\0');
    }
    free(text);
    return 0;
}
