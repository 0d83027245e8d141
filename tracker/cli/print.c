/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Printing to standard output.
 */
#include "tracker/cli/print.h"

#include <stdio.h>
#include <string.h>

#include "common/base/printable.h"
#include "tracker/cli/command.h"

/* Jansson never splits a UTF-8 character between two calls. */
static int
print_part(const char *json, size_t len, void *user)
{
    (void)user;
    printable_json(stdout, json, len);
    return 0;
}

int
print_json(json_t *root)
{
    int failed = root == NULL || json_dump_callback(root, print_part, NULL, JSON_INDENT(2)) != 0;

    json_decref(root);
    if (failed)
        return command_fail("out of memory");
    putchar('\n');
    return COMMAND_OK;
}

void
print_urls(const struct settings *s, const char *passkey, const char *indent)
{
    for (size_t i = 0; i < s->announce_url_count; i++) {
        const char *url = s->announce_urls[i], *end = strrchr(url, '/');

        printf("%s%.*s/%s%s\n", indent, (int)(end - url), url, passkey, end);
    }
}
