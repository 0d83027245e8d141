/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The modelled disk: what a crash may lose and what it may not, and a full disk.
 */
#include <criterion/criterion.h>

#include "tests/sim/vdisk.h"

static struct content content;
static struct vdisk disk;

static void
setup(void)
{
    struct content_spec spec = {
        .format = METAINFO_V1, .piece_length = 32768, .size = 1 << 20, .files = 1};
    struct vdisk_spec how = {.latency_us = 100, .rate = 1000000, .room = 5 * BLOCK_LEN};
    struct errbuf eb;

    cr_assert_eq(content_init(&content, &spec, &eb), 0);
    vdisk_init(&disk, &content, &how);
}

static void
fini(void)
{
    vdisk_fini(&disk);
    content_fini(&content);
}

TestSuite(vdisk, .init = setup, .fini = fini);

Test(vdisk, a_crash_takes_what_was_not_committed)
{
    struct rng rng;
    unsigned lost = 0;

    for (uint64_t seed = 0; seed < 40; seed++) {
        fini();
        setup();
        rng_init(&rng, seed);
        for (uint32_t p = 0; p < 2; p++)
            for (uint32_t b = 0; b < 2; b++)
                cr_assert_eq(vdisk_write(&disk, p, b, BLOCK_GOOD), 0);
        vdisk_done(&disk, 0);
        cr_assert(vdisk_sync_begin(&disk));
        vdisk_sync_end(&disk);
        vdisk_done(&disk, 1);
        cr_assert(vdisk_sync_begin(&disk)); /* and it never ends */
        vdisk_crash(&disk, &rng);
        cr_assert(vdisk_good(&disk, 0));
        cr_assert(bitfield_get(&disk.done, 0) && bitfield_get(&disk.committed, 0));
        cr_assert_not(bitfield_get(&disk.done, 1));
        lost += !vdisk_good(&disk, 1);
    }
    cr_assert(lost > 15 && lost < 40, "%u", lost);
}

Test(vdisk, is_full_at_its_end)
{
    for (uint32_t i = 0; i < 5; i++)
        cr_assert_eq(vdisk_write(&disk, i / 2, i % 2, BLOCK_GOOD), 0);
    cr_assert_eq(vdisk_write(&disk, 3, 0, BLOCK_GOOD), SPRAT_E_NOSPACE);
    cr_assert_eq(vdisk_write(&disk, 0, 0, BLOCK_BAD), 0, "over what is there");
    cr_assert_not(vdisk_good(&disk, 0));
}

Test(vdisk, jobs_wait_for_each_other)
{
    struct mono now = {1000};

    cr_assert_eq(vdisk_work(&disk, 1000, now).us, 2100);
    cr_assert_eq(vdisk_work(&disk, 1000, now).us, 3100);
    cr_assert_eq(vdisk_work(&disk, 0, (struct mono){9000}).us, 9100);
}
