/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One table and one object.
 */
#include "tracker/cli/users.h"

#include <stdio.h>

#include "common/base/hex.h"
#include "tracker/cli/text.h"

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

json_t *
users_json(const struct registry_user *u)
{
    return json_pack("{s:I, s:s, s:s, s:b, s:b, s:i, s:I, s:I, s:o, s:o, s:o}", "id",
                     (json_int_t)u->id, "name", u->name, "class", u->class, "enabled", u->enabled,
                     "can_leech", u->can_leech, "slots", (int)u->slots, "added",
                     (json_int_t)u->added, "seen", (json_int_t)u->seen, "uploaded",
                     text_json_u64(u->uploaded), "downloaded", text_json_u64(u->downloaded),
                     "downloaded_raw", text_json_u64(u->downloaded_raw));
}

json_t *
users_total_json(const struct registry_total *t)
{
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:I, s:I}", "user", t->user, "torrent",
                     t->torrent, "hash", text_json_hash(true, t->hash, sizeof(t->hash)), "uploaded",
                     text_json_u64(t->uploaded), "downloaded", text_json_u64(t->downloaded),
                     "downloaded_raw", text_json_u64(t->downloaded_raw), "seed_seconds",
                     text_json_u64(t->seed_s), "completed", (json_int_t)t->completed, "seen",
                     (json_int_t)t->seen);
}
