/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Made and removed.
 */
#include "tests/unit/tracker/tmpdb.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void
tmpdb_open(struct tmpdb *t, unsigned torrents)
{
    struct registry_user u = {.name = "anna", .enabled = true, .can_leech = true};
    uint8_t passkey[ACCESS_PASSKEY_LEN];
    struct errbuf eb;

    strcpy(t->dir, "/tmp/sprat-unit-XXXXXX");
    cr_assert_not_null(mkdtemp(t->dir));
    snprintf(t->path, sizeof(t->path), "%s/db", t->dir);
    cr_assert_eq(registry_open(t->path, true, &t->registry, &eb), 0, "%s", eb.text);
    cr_assert_eq(registry_add_user(t->registry, &u, passkey, &eb), 0, "%s", eb.text);
    cr_assert_eq(u.id, 1);
    for (unsigned i = 1; i <= torrents; i++) {
        struct registry_torrent one = {.has_v1 = true, .v1 = {(uint8_t)i}};

        cr_assert_eq(registry_add_torrent(t->registry, &one, &eb), 0, "%s", eb.text);
        cr_assert_eq(one.id, i);
    }
}

void
tmpdb_close(struct tmpdb *t)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    char path[96];

    registry_close(t->registry);
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s%s", t->path, ends[i]);
        (void)unlink(path);
    }
    (void)rmdir(t->dir);
}
