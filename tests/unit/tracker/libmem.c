/* SPDX-License-Identifier: BSD-2-Clause
 *
 * SQLite wants to know how long its blocks are: their length stands before them.
 */
#include "tests/unit/tracker/libmem.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD = 16 };

static int
block_size(void *p)
{
    int size;

    if (p == NULL)
        return 0;
    memcpy(&size, (char *)p - HEAD, sizeof(size));
    return size;
}

static void *
with_size(char *block, int size)
{
    if (block == NULL)
        return NULL;
    memcpy(block, &size, sizeof(size));
    return block + HEAD;
}

static void *
block_malloc(int size)
{
    return with_size(malloc((size_t)size + HEAD), size);
}

static void *
block_realloc(void *p, int size)
{
    return with_size(realloc((char *)p - HEAD, (size_t)size + HEAD), size);
}

static void
block_free(void *p)
{
    if (p != NULL)
        free((char *)p - HEAD);
}

static int
round_up(int size)
{
    return (size + 7) & ~7;
}

static int
init(void *ctx)
{
    (void)ctx;
    return SQLITE_OK;
}

static void
shut_down(void *ctx)
{
    (void)ctx;
}

static void *
json_malloc(size_t size)
{
    return malloc(size);
}

static void
json_free(void *p)
{
    free(p);
}

void
libmem_take_over(void)
{
    static const sqlite3_mem_methods methods = {
        .xMalloc = block_malloc,
        .xFree = block_free,
        .xRealloc = block_realloc,
        .xSize = block_size,
        .xRoundup = round_up,
        .xInit = init,
        .xShutdown = shut_down,
    };

    cr_assert_eq(sqlite3_config(SQLITE_CONFIG_MALLOC, &methods), SQLITE_OK);
    /* Else most small blocks come out of a pool that was got at once. */
    cr_assert_eq(sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0), SQLITE_OK);
    json_set_alloc_funcs(json_malloc, json_free);
}
