/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Redis' protocol: commands as bytes, replies in any pieces, and what is refused before it takes
 * memory. And where a Redis is.
 */
#include "tracker/net/redis.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tracker/net/cluster_url.h"

Test(redis, a_command_is_an_array_of_strings)
{
    static struct cluster_command cmd = {
        .argc = 3, .argv = {"SET", "k", "a\0b"}, .lens = {3, 1, 3}};
    static const char expected[] = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\na\0b\r\n";
    struct buf out;

    buf_init(&out, 1000);
    cr_assert_eq(redis_put(&out, &cmd), 0);
    cr_assert_eq(buf_len(&out), sizeof(expected) - 1);
    cr_assert_eq(memcmp(buf_data(&out), expected, buf_len(&out)), 0);
    buf_fini(&out);
    buf_init(&out, 5);
    cr_assert_eq(redis_put(&out, &cmd), SPRAT_E_TOOBIG);
    buf_fini(&out);
}

/* Feeds |text| in pieces of |step| bytes; what reading it comes to. */
static int
read_text(struct redis_reader *r, const char *text, size_t len, size_t step,
          const struct cluster_reply **reply)
{
    int got = 0;

    for (size_t at = 0; at < len && got == 0; at += step) {
        cr_assert_eq(redis_reader_feed(r, text + at, at + step < len ? step : len - at), 0);
        got = redis_reader_next(r, reply);
    }
    return got;
}

Test(redis, replies_come_in_any_pieces)
{
    static const char text[] = "*3\r\n:7\r\n$5\r\nab\0cd\r\n$-1\r\n";

    for (size_t step = 1; step < sizeof(text); step++) {
        struct redis_reader *r = redis_reader_new();
        const struct cluster_reply *reply;

        cr_assert_eq(read_text(r, text, sizeof(text) - 1, step, &reply), 1);
        cr_assert_eq(reply->type, CLUSTER_REPLY_ARRAY);
        cr_assert_eq(reply->count, 3);
        cr_assert_eq(reply->elements[0].integer, 7);
        cr_assert_eq(reply->elements[1].len, 5);
        cr_assert_eq(memcmp(reply->elements[1].str, "ab\0cd", 5), 0);
        cr_assert_eq(reply->elements[2].type, CLUSTER_REPLY_NIL);
        cr_assert_eq(redis_reader_next(r, &reply), 0);
        redis_reader_free(r);
    }
}

Test(redis, statuses_and_errors)
{
    struct redis_reader *r = redis_reader_new();
    const struct cluster_reply *reply;
    char longer[5000];

    cr_assert_eq(read_text(r, "+OK\r\n", 5, 5, &reply), 1);
    cr_assert(reply->type == CLUSTER_REPLY_STATUS && reply->len == 2);
    cr_assert_eq(read_text(r, "-ERR no\r\n", 9, 9, &reply), 1);
    cr_assert(reply->type == CLUSTER_REPLY_ERROR && memcmp(reply->str, "ERR no", 6) == 0);
    memset(longer, 'x', sizeof(longer));
    memcpy(longer, "-ERR ", 5);
    memcpy(longer + sizeof(longer) - 2, "\r\n", 2);
    cr_assert_eq(read_text(r, longer, sizeof(longer), 999, &reply), 1);
    cr_assert_eq(reply->len, 1024, "cut");
    redis_reader_free(r);
}

Test(redis, what_can_not_be_ours_is_refused)
{
    static const char *const texts[] = {"*201\r\n:1\r\n",     "*1000000000\r\n", "*-2\r\n",
                                        "*1\r\n*1\r\n:1\r\n", "hello\r\n",       ":x\r\n",
                                        "*2\r\n:1\r\n*0\r\n", "$-5\r\n"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct redis_reader *r = redis_reader_new();
        const struct cluster_reply *reply;

        cr_assert_eq(read_text(r, texts[i], strlen(texts[i]), 100, &reply), SPRAT_E_PROTOCOL, "%s",
                     texts[i]);
        redis_reader_free(r);
    }
}

Test(redis, a_string_without_an_end_is_not_kept_for_ever)
{
    struct redis_reader *r = redis_reader_new();
    const struct cluster_reply *reply;
    static char piece[4096];
    size_t fed = 0;
    int err = redis_reader_feed(r, "$536870912\r\n", 12);

    memset(piece, 'x', sizeof(piece));
    while (err == 0) {
        cr_assert_eq(redis_reader_next(r, &reply), 0);
        err = redis_reader_feed(r, piece, sizeof(piece));
        fed += sizeof(piece);
    }
    cr_assert_eq(err, SPRAT_E_PROTOCOL);
    cr_assert_leq(fed, REDIS_UNREAD_MAX + sizeof(piece));
    redis_reader_free(r);
}

/* ---- where it is ---- */

Test(cluster_url, what_operators_write)
{
    struct cluster_url u;

    cr_assert_eq(cluster_url_parse("redis://host", &u, NULL), 0);
    cr_assert(strcmp(u.host, "host") == 0 && u.port == 6379 && u.database == 0);
    cr_assert_eq(cluster_url_parse("redis://us%65r:p%40ss%2f@[::1]:7000/12", &u, NULL), 0);
    cr_assert_str_eq(u.user, "user");
    cr_assert_str_eq(u.password, "p@ss/");
    cr_assert_str_eq(u.host, "::1");
    cr_assert(u.port == 7000 && u.database == 12);
    cr_assert(!u.tls);
    cr_assert_eq(cluster_url_parse("rediss://host:1", &u, NULL), 0);
    cr_assert(u.tls && strcmp(u.host, "host") == 0 && u.port == 1);
    cr_assert_eq(cluster_url_parse("redis://user@h", &u, NULL), 0);
    cr_assert(strcmp(u.user, "user") == 0 && u.password[0] == '\0');
    cr_assert_eq(cluster_url_parse("redis://:secret@10.0.0.1/", &u, NULL), 0);
    cr_assert(u.user[0] == '\0' && strcmp(u.password, "secret") == 0);
}

Test(cluster_url, what_is_none)
{
    static const char *const texts[] = {"",
                                        "host",
                                        "redisss://host",
                                        "rediss:/host",
                                        "redis://",
                                        "redis:///1",
                                        "redis://:1",
                                        "redis://h:0",
                                        "redis://h:65536",
                                        "redis://h:123456789",
                                        "redis://h/x",
                                        "redis://h/-1",
                                        "redis://h?x",
                                        "redis://user:@h",
                                        "redis://@h",
                                        "redis://[::1",
                                        "redis://[]",
                                        "redis://[::1]x",
                                        "redis://a%00b:x@h"};
    char longer[400] = "redis://";

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct cluster_url u = {.port = 1};
        struct errbuf eb = {""};

        cr_assert_eq(cluster_url_parse(texts[i], &u, &eb), SPRAT_E_SYNTAX, "%s", texts[i]);
        cr_assert(u.port == 1 && eb.text[0] != '\0');
    }
    memset(longer + 8, 'h', 300);
    cr_assert_eq(cluster_url_parse(longer, &(struct cluster_url){0}, NULL), SPRAT_E_SYNTAX);
}
