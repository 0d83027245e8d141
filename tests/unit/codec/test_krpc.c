/* SPDX-License-Identifier: BSD-2-Clause
 *
 * KRPC messages: the example packets of BEP 5 both ways, the fields of BEP 32, 33, 42, 43 and 51,
 * what real clients send beside the text of the BEPs, and what no message may be.
 */
#include "common/codec/krpc.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "common/base/err.h"
#include "common/codec/bencode.h"

#define TEXT(s)  ((const uint8_t *)(s))
#define BYTES(s) ((struct krpc_bytes){TEXT(s), sizeof(s) - 1})

#define ID_A TEXT("abcdefghij0123456789")
#define ID_M TEXT("mnopqrstuvwxyz123456")

static struct krpc_message
decode(const char *s)
{
    struct krpc_message m;

    cr_assert_eq(krpc_decode(&m, TEXT(s), strlen(s)), 0, "%s", s);
    return m;
}

static void
assert_rejects(const char *s)
{
    struct krpc_message m;

    cr_assert_eq(krpc_decode(&m, TEXT(s), strlen(s)), SPRAT_E_PROTOCOL, "%s", s);
}

static void
assert_bytes(struct krpc_bytes b, const char *expected)
{
    cr_assert_eq(b.len, strlen(expected));
    cr_assert_arr_eq(b.data, expected, b.len);
}

/* The message's bytes are |expected|, for every maximum that is large enough, and nothing is
 * written beyond a smaller one. */
static void
assert_encodes(const struct krpc_message *m, const char *expected)
{
    size_t len = strlen(expected);
    uint8_t out[KRPC_SIZE_MAX + 1];

    cr_assert_eq(krpc_encoded_len(m), len);
    cr_assert_eq(krpc_encode(out, KRPC_SIZE_MAX, m), len);
    cr_assert_arr_eq(out, expected, len);
    for (size_t max = 0; max < len; max++) {
        out[max] = 0xaa;
        cr_assert_eq(krpc_encode(out, max, m), 0);
        cr_assert_eq(out[max], 0xaa);
    }
    cr_assert_eq(krpc_encode(out, len, m), len);
}

static struct krpc_message
query(enum krpc_method method, const uint8_t *target)
{
    return (struct krpc_message){.kind = KRPC_QUERY,
                                 .tid = BYTES("aa"),
                                 .id = ID_A,
                                 .query = {.method = method, .target = target}};
}

static struct krpc_message
response(const uint8_t *id)
{
    return (struct krpc_message){.kind = KRPC_RESPONSE,
                                 .tid = BYTES("aa"),
                                 .id = id,
                                 .response = {.interval = -1, .num = -1}};
}

Test(krpc, bep5_ping)
{
    const char *q = "d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe";
    const char *r = "d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re";
    struct krpc_message m = decode(q);

    cr_assert_eq(m.kind, KRPC_QUERY);
    cr_assert_eq(m.query.method, KRPC_PING);
    cr_assert_arr_eq(m.id, ID_A, KRPC_ID_LEN);
    assert_bytes(m.tid, "aa");
    cr_assert_null(m.version.data);
    cr_assert_eq(m.ip.family, IP_NONE);
    m = query(KRPC_PING, NULL);
    assert_encodes(&m, q);

    m = decode(r);
    cr_assert_eq(m.kind, KRPC_RESPONSE);
    cr_assert_arr_eq(m.id, ID_M, KRPC_ID_LEN);
    cr_assert_null(m.response.values.data);
    cr_assert_eq(m.response.interval, -1);
    m = response(ID_M);
    assert_encodes(&m, r);
}

Test(krpc, bep5_find_node)
{
    const char *q = "d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e"
                    "1:q9:find_node1:t2:aa1:y1:qe";
    struct krpc_message m = decode(q);

    cr_assert_eq(m.query.method, KRPC_FIND_NODE);
    cr_assert_arr_eq(m.query.target, ID_M, KRPC_ID_LEN);
    m = query(KRPC_FIND_NODE, ID_M);
    assert_encodes(&m, q);

    /* The BEP's placeholder has no whole entry. */
    m = decode("d1:rd2:id20:0123456789abcdefghij5:nodes9:def456...e1:t2:aa1:y1:re");
    cr_assert_eq(krpc_nodes_count(&m.response.nodes, IP_V4), 0);
}

Test(krpc, bep5_get_peers)
{
    const char *q = "d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz123456e"
                    "1:q9:get_peers1:t2:aa1:y1:qe";
    const char *r = "d1:rd2:id20:abcdefghij01234567895:token8:aoeusnth"
                    "6:valuesl6:axje.u6:idhtnmee1:t2:aa1:y1:re";
    struct krpc_message m = decode(q);
    struct krpc_values v;
    struct endpoint e;

    cr_assert_eq(m.query.method, KRPC_GET_PEERS);
    cr_assert_arr_eq(m.query.target, ID_M, KRPC_ID_LEN);
    m = query(KRPC_GET_PEERS, ID_M);
    assert_encodes(&m, q);

    m = decode(r);
    assert_bytes(m.response.token, "aoeusnth");
    krpc_values_init(&v, &m.response.values, IP_V4);
    cr_assert(krpc_values_next(&v, &e));
    cr_assert_arr_eq(e.ip, "axje", 4);
    cr_assert_eq(e.port, '.' << 8 | 'u');
    cr_assert(krpc_values_next(&v, &e));
    cr_assert_arr_eq(e.ip, "idht", 4);
    cr_assert_not(krpc_values_next(&v, &e));
    cr_assert_not(krpc_values_next(&v, &e));
    m = response(ID_A);
    m.response.token = BYTES("aoeusnth");
    m.response.values = BYTES("6:axje.u6:idhtnm");
    assert_encodes(&m, r);
}

Test(krpc, bep5_announce_peer)
{
    const char *q = "d1:ad2:id20:abcdefghij012345678912:implied_porti1e"
                    "9:info_hash20:mnopqrstuvwxyz1234564:porti6881e5:token8:aoeusnthe"
                    "1:q13:announce_peer1:t2:aa1:y1:qe";
    struct krpc_message m = decode(q);

    cr_assert_eq(m.query.method, KRPC_ANNOUNCE_PEER);
    cr_assert_arr_eq(m.query.target, ID_M, KRPC_ID_LEN);
    cr_assert_eq(m.query.port, 6881);
    cr_assert(m.query.implied_port);
    cr_assert_not(m.query.seed);
    assert_bytes(m.query.token, "aoeusnth");
    m = query(KRPC_ANNOUNCE_PEER, ID_M);
    m.query.implied_port = true;
    m.query.port = 6881;
    m.query.token = BYTES("aoeusnth");
    assert_encodes(&m, q);
}

Test(krpc, bep5_error)
{
    const char *s = "d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee";
    struct krpc_message m = decode(s);

    cr_assert_eq(m.kind, KRPC_ERROR);
    cr_assert_eq(m.error.code, KRPC_E_GENERIC);
    assert_bytes(m.error.text, "A Generic Error Ocurred");
    assert_encodes(&m, s);
}

Test(krpc, all_arguments_both_ways)
{
    const char *s = "d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz123456"
                    "6:noseedi1e6:scrapei1e4:wantl2:n42:n6ee"
                    "1:q9:get_peers2:roi1e1:t0:1:v4:SP011:y1:qe";
    struct krpc_message m = decode(s);

    cr_assert(m.query.noseed && m.query.scrape && m.query.read_only);
    cr_assert_eq(m.query.want, KRPC_WANT_N4 | KRPC_WANT_N6);
    cr_assert_not_null(m.tid.data);
    cr_assert_eq(m.tid.len, 0);
    assert_bytes(m.version, "SP01");
    assert_encodes(&m, s);
    s = "d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz1234564:porti1e4:seedi1e"
        "5:token0:e1:q13:announce_peer1:t3:\1\2\3"
        "1:y1:qe";
    m = decode(s);
    cr_assert(m.query.seed);
    assert_encodes(&m, s);
}

/* BEP 42: "ip" is at the top level, of a response or an error; some clients write no port. */
Test(krpc, ip)
{
    struct krpc_message m = decode("d1:eli203e0:e2:ip6:\1\2\3\4\5\6"
                                   "1:t1:x1:y1:ee");
    const char *v6 = "d2:ip18:ABCDEFGHIJKLMNOPQR1:rd2:id20:abcdefghij0123456789e1:t1:x1:y1:re";

    cr_assert_eq(m.ip.family, IP_V4);
    cr_assert_arr_eq(m.ip.ip, "\1\2\3\4", 4);
    cr_assert_eq(m.ip.port, 0x506);
    m = decode(v6);
    cr_assert_eq(m.ip.family, IP_V6);
    cr_assert_eq(m.ip.port, 'Q' << 8 | 'R');
    assert_encodes(&m, v6);
    m = decode("d2:ip4:\1\2\3\4"
               "1:rde1:t1:x1:y1:re");
    cr_assert_eq(m.ip.family, IP_V4);
    cr_assert_eq(m.ip.port, 0);
    m = decode("d2:ip5:\1\2\3\4\5"
               "1:rde1:t1:x1:y1:re");
    cr_assert_eq(m.ip.family, IP_NONE);
    m = decode("d2:ipi5e1:rde1:t1:x1:y1:re");
    cr_assert_eq(m.ip.family, IP_NONE);
}

Test(krpc, nodes_of_both_families)
{
    const struct endpoint a = {.ip = {1, 2, 3, 4}, .port = 5, .family = IP_V4};
    const struct endpoint b = {.ip = {0x20, 1, [15] = 9}, .port = 6, .family = IP_V6};
    struct krpc_message m = response(ID_A), back;
    uint8_t nodes[2 * KRPC_NODE_V4_LEN], nodes6[KRPC_NODE_V6_LEN], out[KRPC_SIZE_MAX];
    struct krpc_node node;
    size_t len = krpc_node_put(nodes, ID_A, &a);

    cr_assert_eq(len, KRPC_NODE_V4_LEN);
    len += krpc_node_put(nodes + len, ID_M, &a);
    m.response.nodes = (struct krpc_bytes){nodes, len};
    m.response.nodes6 = (struct krpc_bytes){nodes6, krpc_node_put(nodes6, ID_M, &b)};
    len = krpc_encode(out, sizeof(out), &m);
    cr_assert_eq(krpc_decode(&back, out, len), 0);
    cr_assert_eq(krpc_nodes_count(&back.response.nodes, IP_V4), 2);
    krpc_node_get(&node, &back.response.nodes, IP_V4, 1);
    cr_assert_arr_eq(node.id, ID_M, KRPC_ID_LEN);
    cr_assert(endpoint_equal(&node.addr, &a));
    cr_assert_eq(krpc_nodes_count(&back.response.nodes6, IP_V6), 1);
    krpc_node_get(&node, &back.response.nodes6, IP_V6, 0);
    cr_assert(endpoint_equal(&node.addr, &b));
}

Test(krpc, an_incomplete_node_at_the_end_is_left_out)
{
    struct krpc_message m =
        decode("d1:rd5:nodes27:abcdefghijklmnopqrstuvwxyzX"
               "6:nodes637:abcdefghijklmnopqrstuvwxyz01234567890e1:t1:x1:y1:re");

    cr_assert_eq(m.response.nodes.len, KRPC_NODE_V4_LEN);
    cr_assert_eq(m.response.nodes6.len, 0);
    cr_assert_eq(krpc_nodes_count(&m.response.nodes6, IP_V6), 0);
}

/* Walks |values|, as it is written in a response, and prints the ports and families. */
static void
assert_values(const char *values, enum ip_family family, const char *expected)
{
    char s[512], got[256] = "";
    struct krpc_message m;
    struct krpc_values v;
    struct endpoint e;

    snprintf(s, sizeof(s), "d1:rd6:values%se1:t1:x1:y1:re", values);
    m = decode(s);
    krpc_values_init(&v, &m.response.values, family);
    while (krpc_values_next(&v, &e))
        snprintf(got + strlen(got), sizeof(got) - strlen(got), " %c%u", "64"[e.family == IP_V4],
                 (unsigned)e.port & 0xff);
    cr_assert_str_eq(got, expected, "%s", values);
}

Test(krpc, values_in_each_form)
{
    assert_values("le", IP_V4, "");
    assert_values("l6:aaaa0A6:bbbb0Be", IP_V4, " 465 466");
    /* BEP 32: hybrid lists. */
    assert_values("l6:aaaa0A18:bbbbbbbbbbbbbbbb0Be", IP_V4, " 465 666");
    assert_values("l18:bbbbbbbbbbbbbbbb0B6:aaaa0Ae", IP_V6, " 666 465");
    assert_values("l18:bbbbbbbbbbbbbbbb0Be", IP_V6, " 666");
    /* One long string, in a list or in place of it. */
    assert_values("l18:aaaa0Abbbb0Bcccc0Ce", IP_V4, " 465 466 467");
    assert_values("l12:aaaa0Abbbb0Be", IP_V4, " 465 466");
    assert_values("18:aaaa0Abbbb0Bcccc0C", IP_V4, " 465 466 467");
    assert_values("36:bbbbbbbbbbbbbbbb0Bcccccccccccccccc0C", IP_V6, " 666 667");
    /* Strings of other lengths are skipped; an item of another type ends the list. */
    assert_values("l5:aaaa06:bbbb0B0:7:ccccccce", IP_V4, " 466");
    assert_values("l6:aaaa0Ai5e6:bbbb0Be", IP_V4, " 465");
    assert_values("lle6:bbbb0Be", IP_V4, "");
    assert_values("i5e", IP_V4, "");
    assert_values("d6:aaaa0A6:bbbb0Be", IP_V4, "");
}

Test(krpc, values_that_no_peer_can_have_are_skipped)
{
    static const uint8_t s[] = "d1:rd6:valuesl6:aaaa\0\0"
                               "6:\0\0\0\0"
                               "0A"
                               "6:cccc\0\1"
                               "ee"
                               "1:t1:x1:y1:re";
    struct krpc_message m;
    struct krpc_values v;
    struct endpoint e;

    cr_assert_eq(krpc_decode(&m, s, sizeof(s) - 1), 0);
    krpc_values_init(&v, &m.response.values, IP_V4);
    cr_assert(krpc_values_next(&v, &e));
    cr_assert_eq(e.ip[0], 'c');
    cr_assert_eq(e.port, 1);
    cr_assert_not(krpc_values_next(&v, &e));
}

Test(krpc, values_are_written_as_they_are_read)
{
    const struct endpoint a = {.ip = {1, 2, 3, 4}, .port = 5, .family = IP_V4};
    const struct endpoint b = {.ip = {0x20, 1, [15] = 9}, .port = 6, .family = IP_V6};
    uint8_t bytes[KRPC_VALUE_V4_LEN + KRPC_VALUE_V6_LEN];
    struct krpc_bytes values = {bytes, 0};
    struct krpc_values v;
    struct endpoint e;

    values.len = krpc_value_put(bytes, &a);
    cr_assert_eq(values.len, KRPC_VALUE_V4_LEN);
    values.len += krpc_value_put(bytes + values.len, &b);
    cr_assert_eq(values.len, sizeof(bytes));
    krpc_values_init(&v, &values, IP_V4);
    cr_assert(krpc_values_next(&v, &e));
    cr_assert(endpoint_equal(&e, &a));
    cr_assert(krpc_values_next(&v, &e));
    cr_assert(endpoint_equal(&e, &b));
    cr_assert_not(krpc_values_next(&v, &e));
}

/* BEP 33 and 51 in one response. */
Test(krpc, blooms_and_samples)
{
    uint8_t seeds[KRPC_BLOOM_LEN] = "seeds", peers[KRPC_BLOOM_LEN] = "peers", out[KRPC_SIZE_MAX];
    struct krpc_message m = response(ID_A), back;
    struct bencode_limits limits = {.depth_max = 3, .size_max = KRPC_SIZE_MAX, .items_max = 40};
    struct bencode tree;
    size_t len;

    m.response.bloom_seeds = seeds;
    m.response.bloom_peers = peers;
    m.response.samples = BYTES("abcdefghij0123456789mnopqrstuvwxyz123456");
    m.response.interval = 21600;
    m.response.num = 0;
    m.response.nodes = BYTES("");
    len = krpc_encode(out, sizeof(out), &m);
    cr_assert_eq(bencode_decode(&tree, out, len, BENCODE_STRICT, &limits), 0);
    bencode_fini(&tree);
    cr_assert_eq(krpc_decode(&back, out, len), 0);
    cr_assert_arr_eq(back.response.bloom_seeds, seeds, KRPC_BLOOM_LEN);
    cr_assert_arr_eq(back.response.bloom_peers, peers, KRPC_BLOOM_LEN);
    cr_assert_eq(back.response.samples.len, 40);
    cr_assert_eq(back.response.interval, 21600);
    cr_assert_eq(back.response.num, 0);
    back = decode("d1:rd4:BFsd3:abc7:samples0:e1:t1:x1:y1:re");
    cr_assert_null(back.response.bloom_seeds);
    cr_assert_not_null(back.response.samples.data);
    cr_assert_eq(back.response.samples.len, 0);
}

Test(krpc, methods)
{
    struct krpc_message m;

    m = decode("d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e"
               "1:q17:sample_infohashes1:t2:aa1:y1:qe");
    cr_assert_eq(m.query.method, KRPC_SAMPLE_INFOHASHES);
    assert_encodes(&m, "d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e"
                       "1:q17:sample_infohashes1:t2:aa1:y1:qe");
    /* An unknown method with either kind of target. */
    m = decode("d1:ad6:target20:mnopqrstuvwxyz123456e1:q3:new1:t2:aa1:y1:qe");
    cr_assert_eq(m.query.method, KRPC_UNKNOWN);
    cr_assert_not_null(m.query.target);
    m = decode("d1:ad9:info_hash20:mnopqrstuvwxyz123456e1:q3:new1:t2:aa1:y1:qe");
    cr_assert_not_null(m.query.target);
    m = decode("d1:ade1:q3:new1:t2:aa1:y1:qe");
    cr_assert_null(m.query.target);
    /* The other key is no target of a known method. */
    m = decode("d1:ad6:target20:mnopqrstuvwxyz123456e1:q9:get_peers1:t2:aa1:y1:qe");
    cr_assert_null(m.query.target);
    m = decode("d1:ad9:info_hash20:mnopqrstuvwxyz123456e1:q9:find_node1:t2:aa1:y1:qe");
    cr_assert_null(m.query.target);
    /* BEP 44, with a value of any kind. */
    m = decode("d1:ad6:target20:mnopqrstuvwxyz123456e1:q3:get1:t2:aa1:y1:qe");
    cr_assert_eq(m.query.method, KRPC_GET);
    m = decode("d1:ad1:vd1:ali1eleeee1:q3:put1:t2:aa1:y1:qe");
    cr_assert_eq(m.query.method, KRPC_PUT);
    /* No method at all. */
    m = decode("d1:ade1:t2:aa1:y1:qe");
    cr_assert_eq(m.query.method, KRPC_UNKNOWN);
    cr_assert_str_eq(krpc_method_text(KRPC_ANNOUNCE_PEER), "announce_peer");
    cr_assert_str_eq(krpc_method_text(KRPC_UNKNOWN), "unknown");
}

Test(krpc, what_clients_send_beside_the_text)
{
    /* Unsorted keys, unknown keys, bytes after the end, a duplicate of which the first counts. */
    struct krpc_message m = decode(
        "d1:y1:q1:t2:aa1:t2:bb1:q4:ping3:xyzld1:ai1eee1:ad2:id20:abcdefghij0123456789ee\r\n");

    cr_assert_eq(m.query.method, KRPC_PING);
    assert_bytes(m.tid, "aa");
    cr_assert_arr_eq(m.id, ID_A, KRPC_ID_LEN);
    /* "want" is in "a" only, "ro" at the top level only. */
    m = decode("d1:ad2:roi1ee1:q4:ping1:t1:x4:wantl2:n4e1:y1:qe");
    cr_assert_eq(m.query.want, 0);
    cr_assert_not(m.query.read_only);
    m = decode("d1:ad4:wantl2:n82:n6i4eee1:q4:ping1:t1:x1:y1:qe");
    cr_assert_eq(m.query.want, KRPC_WANT_N6);
}

Test(krpc, fields_of_the_wrong_form_are_left_out)
{
    struct krpc_message m;

    m = decode("d1:ad2:id19:abcdefghij0123456786:noseedi0e4:porti65536e4:seed1:15:tokeni1ee"
               "1:q4:ping2:roi2e1:t1:x1:v1:x1:y1:qe");
    cr_assert_null(m.id);
    cr_assert_null(m.query.token.data);
    cr_assert_eq(m.query.port, 0);
    cr_assert_not(m.query.noseed || m.query.seed || m.query.read_only);
    m = decode("d1:ad4:porti-1ee1:q13:announce_peer1:t1:x1:y1:qe");
    cr_assert_eq(m.query.port, 0);
    m = decode("d1:a3:abc1:q4:ping1:t1:x1:y1:qe");
    cr_assert_null(m.id);
    m = decode("d1:rle1:t1:x1:y1:re");
    cr_assert_null(m.id);
    m = decode("d1:el3:abci5ee1:t1:x1:y1:ee");
    cr_assert_eq(m.error.code, 0);
    cr_assert_null(m.error.text.data);
    m = decode("d1:e3:abc1:t1:x1:y1:ee");
    cr_assert_eq(m.error.code, 0);
}

Test(krpc, what_is_no_message)
{
    static const char *const bad[] = {
        "",
        "d",
        "de",
        "le",
        "i1e",
        "4:ping",
        "d1:y1:q1:q4:pinge", /* no transaction id */
        "d1:ti5e1:y1:qe",    /* one that is no string */
        "d1:t2:aae",         /* no kind */
        "d1:t2:aa1:y1:xe",   /* an unknown one */
        "d1:t2:aa1:y2:qqe",
        "d1:t2:aa1:yi1ee",
        "d1:t2:aa1:y1:q", /* cut */
        "d1:t99:aa1:y1:qe",
        "d1:t4294967298:aa1:y1:qe",
        "d1:t18446744073709551618:aa1:y1:qe",
        "d1:t2:aai5e1:x1:y1:qe",   /* a key that is no string */
        "d1:t2:aa1:xi1e1:y1:q1:z", /* no value */
        "d1:xi99999999999999999999e1:t2:aa1:y1:qe",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_rejects(bad[i]);
}

Test(krpc, nesting_and_size_are_bounded)
{
    char s[KRPC_READ_MAX + 2] = "d1:t1:x1:x";
    struct krpc_message m;
    size_t at = strlen(s);

    memset(s + at, 'l', 1000);
    memset(s + at + 1000, 'e', 1000);
    memcpy(s + at + 2000, "1:y1:qe", 8);
    assert_rejects(s);
    memset(s + at, ' ', 2000);
    for (size_t i = 0; i < 500; i++)
        memcpy(s + at + i * 3, "i1e", 3);
    assert_rejects(s);
    /* The longest message that is read, and one byte more. */
    memset(s, ' ', sizeof(s));
    memcpy(s, "d1:t1:x1:y1:qe", 14);
    cr_assert_eq(krpc_decode(&m, TEXT(s), KRPC_READ_MAX), 0);
    cr_assert_eq(krpc_decode(&m, TEXT(s), KRPC_READ_MAX + 1), SPRAT_E_PROTOCOL);
}

/* Every prefix of a message, from a buffer of just that length, so that a sanitizer sees a read
 * beyond its end. */
Test(krpc, every_cut_is_rejected)
{
    static const char s[] = "d2:ip6:1234561:rd2:id20:abcdefghij01234567895:nodes0:5:token1:x"
                            "6:valuesl6:axje.uee1:t2:aa1:v4:XX001:y1:re";

    for (size_t len = 0; len < sizeof(s) - 1; len++) {
        uint8_t *copy = malloc(len + 1);
        struct krpc_message m;

        memcpy(copy + 1, s, len);
        cr_assert_eq(krpc_decode(&m, copy + 1, len), SPRAT_E_PROTOCOL);
        free(copy);
    }
}
