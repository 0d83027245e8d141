/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which hash stands for a torrent where, for v1, v2 and hybrid.
 */
#include "common/codec/identity.h"

#include <criterion/criterion.h>
#include <string.h>

static struct identity
make(bool v1, bool v2)
{
    struct identity id = {.has_v1 = v1, .has_v2 = v2};

    if (v1)
        memset(id.v1, 0x11, sizeof(id.v1));
    if (v2)
        memset(id.v2, 0x22, sizeof(id.v2));
    return id;
}

Test(identity, the_hash_on_the_wire_and_the_name_on_disk)
{
    struct identity v1 = make(true, false), v2 = make(false, true), both = make(true, true);
    size_t len;

    cr_expect_eq(identity_wire_hash(&v1, false), v1.v1);
    cr_expect_eq(identity_wire_hash(&v1, true), v1.v1, "there is no other");
    cr_expect_eq(identity_wire_hash(&v2, false), v2.v2);
    cr_expect_eq(identity_wire_hash(&both, false), both.v1);
    cr_expect_eq(identity_wire_hash(&both, true), both.v2);
    cr_expect_eq(identity_key(&v1, &len), v1.v1);
    cr_expect_eq(len, 20);
    cr_expect_eq(identity_key(&both, &len), both.v2);
    cr_expect_eq(len, 32);
}

Test(identity, a_missing_hash_is_matched_by_nothing)
{
    struct identity v1 = make(true, false), both = make(true, true);
    const uint8_t zeros[WIRE_HASH_LEN] = {0};

    cr_expect(identity_has_wire_hash(&both, true, both.v2));
    cr_expect(identity_has_wire_hash(&both, false, both.v1));
    cr_expect_not(identity_has_wire_hash(&both, false, both.v2));
    cr_expect_not(identity_has_wire_hash(&v1, true, zeros));
    cr_expect_not(identity_equal(&v1, &both));
    cr_expect(identity_equal(&v1, &v1));
    cr_expect(identity_is_hybrid(&both) && !identity_is_hybrid(&v1));
}
