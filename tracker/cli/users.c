/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The titles and the lines of the table have the same column widths.
 */
#include "tracker/cli/users.h"

#include <stdio.h>

#include "tracker/operator/text.h"

void
users_print_head(void)
{
    printf("%-20s %-10s %-8s %5s %12s %12s %12s  %s\n", "NAME", "CLASS", "MAY", "SLOTS", "UPLOADED",
           "DOWNLOADED", "RAW DOWN", "SEEN (UTC)");
}

static const char *
rights(const struct registry_user *u)
{
    if (!u->enabled)
        return "nothing";
    return u->can_leech ? "leech" : "seed";
}

void
users_print(const struct registry_user *u)
{
    char up[TEXT_MAX], down[TEXT_MAX], raw[TEXT_MAX], seen[TEXT_MAX];

    printf("%-20s %-10s %-8s %5u %12s %12s %12s  %s\n", u->name,
           u->class[0] != '\0' ? u->class : "-", rights(u), (unsigned)u->slots,
           text_bytes(u->uploaded, up), text_bytes(u->downloaded, down),
           text_bytes(u->downloaded_raw, raw), text_time(u->seen, seen));
}
