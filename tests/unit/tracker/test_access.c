/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Who may announce what.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "common/base/err.h"
#include "tracker/core/access.h"
#include "tracker/core/knownclients.h"

static const uint64_t seed[2] = {1, 2};
static const uint8_t key1[16] = {1}, key2[16] = {2}, hash1[20] = {1}, hash2[20] = {2};

enum { NOW_S = 1000 };

static struct access *
make(void)
{
    struct access *a = access_new(seed);
    struct access_user u = {.id = 7, .enabled = true, .can_leech = true};
    struct access_passkey k = {.user = 7};
    struct access_torrent t = {.id = 3};

    cr_assert_not_null(a);
    memcpy(k.key, key1, sizeof(k.key));
    cr_assert_eq(access_put_user(a, &u), 0);
    cr_assert_eq(access_put_passkey(a, &k), 0);
    cr_assert_eq(access_put_torrent(a, &t), 0);
    cr_assert_eq(access_put_hash(a, hash1, 3), 0);
    return a;
}

static enum access_refusal
ask(const struct access *a, const uint8_t *passkey, const uint8_t *hash, uint64_t left,
    enum tracker_event event, struct access_grant *g)
{
    struct tracker_announce announce = {.left = left, .event = event};
    struct access_ask q = {.passkey = passkey, .info_hash = hash};
    enum access_refusal no;

    memcpy(announce.peer_id, "-qB4650-abcdefghijkl", 20);
    access_look_ahead(a, &q);
    access_look_closer(a, &q);
    no = access_check_user(a, &q, NOW_S, g);
    return no == ACCESS_GRANTED ? access_check_announce(a, &q, &announce, g) : no;
}

static enum access_refusal
simple(const struct access *a)
{
    struct access_grant g;

    return ask(a, key1, hash1, 1, TRACKER_EVENT_NONE, &g);
}

Test(access, an_empty_table_knows_nobody)
{
    struct access *a = access_new(seed);
    struct access_grant g;

    cr_assert_eq(ask(a, NULL, hash1, 1, 0, &g), ACCESS_NO_PASSKEY);
    cr_assert_eq(ask(a, key1, hash1, 1, 0, &g), ACCESS_UNKNOWN_PASSKEY);
    cr_assert_eq(access_find_visible(a, hash1), 0);
    access_free(a);
    access_free(NULL);
}

Test(access, grants_and_says_whom)
{
    struct access *a = make();
    struct access_grant g;

    cr_assert_eq(ask(a, key1, hash1, 1, TRACKER_EVENT_NONE, &g), ACCESS_GRANTED);
    cr_assert_eq(g.user, 7);
    cr_assert_eq(g.torrent, 3);
    cr_assert_not(g.hidden || g.named_client);
    cr_assert_eq(ask(a, key2, hash1, 1, TRACKER_EVENT_NONE, &g), ACCESS_UNKNOWN_PASSKEY);
    cr_assert_eq(ask(a, key1, hash2, 1, TRACKER_EVENT_NONE, &g), ACCESS_NOT_REGISTERED);
    access_free(a);
}

Test(access, rows_take_the_place_of_older_ones)
{
    struct access *a = make();
    struct access_user u = {.id = 7, .can_leech = true};
    struct access_passkey k = {.user = 7, .expires = NOW_S};
    struct access_counts n;

    cr_assert_eq(access_put_user(a, &u), 0);
    cr_assert_eq(simple(a), ACCESS_USER_DISABLED);
    u.enabled = true;
    cr_assert_eq(access_put_user(a, &u), 0);
    memcpy(k.key, key1, sizeof(k.key));
    cr_assert_eq(access_put_passkey(a, &k), 0);
    cr_assert_eq(simple(a), ACCESS_EXPIRED);
    k.expires = NOW_S + 1;
    cr_assert_eq(access_put_passkey(a, &k), 0);
    cr_assert_eq(simple(a), ACCESS_GRANTED);
    k.revoked = true;
    cr_assert_eq(access_put_passkey(a, &k), 0);
    cr_assert_eq(simple(a), ACCESS_REVOKED);
    access_counts(a, &n);
    cr_assert(n.users == 1 && n.passkeys == 1 && n.torrents == 1);
    access_free(a);
}

static bool
is_disabled(const struct access *a, uint32_t user)
{
    struct access_disabled d;

    access_disabled(a, &d);
    return user < d.count && (d.bits[user / 64] >> user % 64 & 1) != 0;
}

Test(access, disabled_users_are_told_as_bits)
{
    static const uint32_t ids[] = {1, 63, 64, 7000};
    struct access *a = access_new(seed);
    struct access_disabled d;

    for (uint32_t i = 1; i < 100; i++)
        cr_assert_eq(access_put_user(a, &(struct access_user){.id = i, .enabled = true}), 0);
    access_disabled(a, &d);
    cr_assert_eq(d.count, 0);
    for (size_t i = 0; i < 4; i++)
        for (int twice = 0; twice < 2; twice++)
            cr_assert_eq(access_put_user(a, &(struct access_user){.id = ids[i]}), 0);
    for (size_t i = 0; i < 4; i++)
        cr_assert(is_disabled(a, ids[i]) && !is_disabled(a, ids[i] + 1) == (ids[i] != 63));
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(access_put_user(a, &(struct access_user){.id = ids[i], .enabled = true}), 0);
        cr_assert_not(is_disabled(a, ids[i]));
    }
    access_disabled(a, &d);
    cr_assert_eq(d.count, 0, "nobody is any more");
    access_free(a);
}

Test(access, who_may_not_leech_may_seed_and_leave)
{
    struct access *a = make();
    struct access_user u = {.id = 7, .enabled = true};
    struct access_grant g;

    cr_assert_eq(access_put_user(a, &u), 0);
    cr_assert_eq(simple(a), ACCESS_NO_LEECHING);
    cr_assert_eq(ask(a, key1, hash1, 0, TRACKER_EVENT_NONE, &g), ACCESS_GRANTED);
    cr_assert_eq(ask(a, key1, hash1, 9, TRACKER_EVENT_STOPPED, &g), ACCESS_GRANTED);
    access_free(a);
}

Test(access, a_removed_torrent_says_why)
{
    struct access *a = make();
    struct access_torrent t = {.id = 3, .removed = "too old"};
    struct access_grant g;

    cr_assert_eq(access_put_torrent(a, &t), 0);
    cr_assert_eq(ask(a, key1, hash1, 1, TRACKER_EVENT_NONE, &g), ACCESS_REMOVED);
    cr_assert_str_eq(g.removed, "too old");
    cr_assert_eq(ask(a, key1, hash1, 1, TRACKER_EVENT_STOPPED, &g), ACCESS_GRANTED);
    cr_assert_eq(access_find_visible(a, hash1), 0);
    t.removed = NULL;
    cr_assert_eq(access_put_torrent(a, &t), 0);
    cr_assert_eq(simple(a), ACCESS_GRANTED);
    cr_assert_eq(access_find_visible(a, hash1), 3);
    t.hidden = true;
    cr_assert_eq(access_put_torrent(a, &t), 0);
    cr_assert_eq(access_find_visible(a, hash1), 0);
    access_free(a);
}

Test(access, a_hybrid_has_two_hashes)
{
    struct access *a = make();
    struct access_grant g;

    cr_assert_eq(access_put_hash(a, hash2, 3), 0);
    cr_assert_eq(ask(a, key1, hash2, 1, TRACKER_EVENT_NONE, &g), ACCESS_GRANTED);
    cr_assert_eq(g.torrent, 3);
    cr_assert_eq(access_put_hash(a, hash2, 4), 0);
    cr_assert_eq(ask(a, key1, hash2, 1, TRACKER_EVENT_NONE, &g), ACCESS_NOT_REGISTERED);
    access_free(a);
}

Test(access, the_longest_prefix_counts)
{
    struct access *a = make();
    struct access_grant g;

    cr_assert_eq(access_put_client(a, "-qB4", ACCESS_CLIENT_DENY), 0);
    cr_assert_eq(simple(a), ACCESS_CLIENT);
    cr_assert_eq(access_put_client(a, "-qB46", ACCESS_CLIENT_ALLOW), 0);
    cr_assert_eq(ask(a, key1, hash1, 1, TRACKER_EVENT_NONE, &g), ACCESS_GRANTED);
    cr_assert(g.named_client);
    cr_assert_eq(access_put_client(a, "-qB46", ACCESS_CLIENT_NONE), 0);
    cr_assert_eq(simple(a), ACCESS_CLIENT);
    cr_assert_eq(access_put_client(a, "-qB4", ACCESS_CLIENT_NONE), 0);
    cr_assert_eq(access_put_client(a, "-qB4", ACCESS_CLIENT_NONE), 0);
    cr_assert_eq(simple(a), ACCESS_GRANTED);
    cr_assert_eq(access_put_client(a, "-TR", ACCESS_CLIENT_ALLOW), 0);
    cr_assert_eq(simple(a), ACCESS_CLIENT, "there is a rule that allows others");
    access_free(a);
}

Test(access, rules_are_bounded)
{
    struct access *a = make();
    char prefix[16];

    for (int i = 0; i < ACCESS_CLIENTS_MAX; i++) {
        snprintf(prefix, sizeof(prefix), "-%03d", i);
        cr_assert_eq(access_put_client(a, prefix, ACCESS_CLIENT_DENY), 0);
    }
    cr_assert_eq(access_put_client(a, "-more", ACCESS_CLIENT_DENY), SPRAT_E_LIMIT);
    cr_assert_eq(access_put_client(a, "-000", ACCESS_CLIENT_NONE), 0);
    cr_assert_eq(access_put_client(a, "-more", ACCESS_CLIENT_DENY), 0);
    cr_assert_eq(access_put_client(a, "", ACCESS_CLIENT_DENY), SPRAT_E_LIMIT);
    cr_assert_eq(access_put_client(a, "123456789012345678901", ACCESS_CLIENT_DENY), SPRAT_E_LIMIT);
    access_free(a);
}

Test(access, ids_are_bounded)
{
    struct access *a = make();
    struct access_user u = {.id = ACCESS_USERS_MAX, .enabled = true};
    struct access_torrent t = {.id = ACCESS_TORRENTS_MAX};

    cr_assert_eq(access_put_user(a, &u), SPRAT_E_LIMIT);
    cr_assert_eq(access_put_torrent(a, &t), SPRAT_E_LIMIT);
    cr_assert_eq(simple(a), ACCESS_GRANTED);
    access_free(a);
}

Test(access, thousands_are_all_found)
{
    struct access *a = make();
    struct access_grant g;

    for (uint32_t i = 1; i < 5000; i++) {
        struct access_user u = {.id = i, .enabled = true, .can_leech = true};
        struct access_passkey k = {.user = i, .key = {9, (uint8_t)i, (uint8_t)(i >> 8)}};
        struct access_torrent t = {.id = i};
        uint8_t hash[20] = {9, (uint8_t)i, (uint8_t)(i >> 8)};

        cr_assert_eq(access_put_user(a, &u), 0);
        cr_assert_eq(access_put_passkey(a, &k), 0);
        cr_assert_eq(access_put_torrent(a, &t), 0);
        cr_assert_eq(access_put_hash(a, hash, i), 0);
    }
    for (uint32_t i = 1; i < 5000; i++) {
        uint8_t key[16] = {9, (uint8_t)i, (uint8_t)(i >> 8)};
        uint8_t hash[20] = {9, (uint8_t)i, (uint8_t)(i >> 8)};

        cr_assert_eq(ask(a, key, hash, 1, TRACKER_EVENT_NONE, &g), ACCESS_GRANTED);
        cr_assert(g.user == i && g.torrent == i);
    }
    access_free(a);
}

Test(access, clients_of_the_field)
{
    cr_assert(knownclients_has((const uint8_t *)"-qB4650-xxxxxxxxxxxx"));
    cr_assert(knownclients_has((const uint8_t *)"-TR4060-xxxxxxxxxxxx"));
    cr_assert(knownclients_has((const uint8_t *)"-tT0000-xxxxxxxxxxxx"));
    cr_assert(knownclients_has((const uint8_t *)"-vG0000-xxxxxxxxxxxx"));
    cr_assert(knownclients_has((const uint8_t *)"A2-1-36-0-xxxxxxxxxx"));
    cr_assert_not(knownclients_has((const uint8_t *)"-??0000-xxxxxxxxxxxx"));
    cr_assert_not(knownclients_has((const uint8_t *)"-B 0000-xxxxxxxxxxxx"));
    cr_assert_not(knownclients_has((const uint8_t *)"xxxxxxxxxxxxxxxxxxxx"));
}

Test(access, each_refusal_has_a_text)
{
    for (int r = ACCESS_GRANTED + 1; r <= ACCESS_BUSY; r++)
        cr_assert_gt(strlen(access_refusal_text((enum access_refusal)r)), 10);
    cr_assert_eq(access_refusal_retry_min(ACCESS_NO_PASSKEY), TRACKER_RETRY_NEVER);
    cr_assert_eq(access_refusal_retry_min(ACCESS_BUSY), 1);
}
