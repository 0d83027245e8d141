/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The wrappers behind failing_alloc.h.
 */
#include "tests/unit/codec/failing_alloc.h"

#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
char *__real_strdup(const char *s);
char *__real_strndup(const char *s, size_t n);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);

static bool armed, failed;
static unsigned left;

void
failing_alloc_after(unsigned n)
{
    armed = true;
    failed = false;
    left = n;
}

bool
failing_alloc_end(void)
{
    armed = false;
    return failed;
}

static bool
fails(void)
{
    if (!armed || failed)
        return false;
    failed = left == 0;
    left -= !failed;
    return failed;
}

void *
__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t size)
{
    return fails() ? NULL : __real_realloc(p, size);
}

char *
__wrap_strdup(const char *s)
{
    return fails() ? NULL : __real_strdup(s);
}

char *
__wrap_strndup(const char *s, size_t n)
{
    return fails() ? NULL : __real_strndup(s, n);
}
