/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Our server with OpenSSL's client, through pipes that move a given number of bytes at a time:
 * handshakes, bytes in both directions, the end, a new certificate beside old connections, and
 * input that is no TLS.
 */
#include "common/crypto/tls.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/ds/buf.h"
#include "tests/unit/crypto/made_cert.h"

enum { PIPE_MAX = 1 << 20 };

/* The client's network is two memory BIOs; ours moves at most |step| bytes a call, and refuses
 * every other one. */
struct rig {
    SSL_CTX *ctx;
    SSL *client;
    BIO *to_client, *from_client;
    struct tls *tls;
    size_t step, room; /* |room|: bytes that may still be written to the client */
    bool closed, refuse;
};

static int64_t
rig_read(void *ctx, void *dst, size_t len)
{
    struct rig *r = ctx;
    int n;

    r->refuse = !r->refuse;
    if (r->refuse && r->step > 0)
        return SPRAT_E_AGAIN;
    if (r->step > 0 && len > r->step)
        len = r->step;
    n = BIO_read(r->from_client, dst, (int)len);
    if (n > 0)
        return n;
    return r->closed ? SPRAT_E_CLOSED : SPRAT_E_AGAIN;
}

static int64_t
rig_write(void *ctx, const void *src, size_t len)
{
    struct rig *r = ctx;

    if (r->step > 0 && len > r->step)
        len = r->step;
    if (len > r->room)
        len = r->room;
    if (len == 0)
        return SPRAT_E_AGAIN;
    r->room -= len;
    return BIO_write(r->to_client, src, (int)len);
}

static void
rig_start(struct rig *r, struct tls_server *s, size_t step)
{
    struct tls_io io = {.ctx = r, .read = rig_read, .write = rig_write};

    *r = (struct rig){.step = step, .room = PIPE_MAX};
    r->ctx = SSL_CTX_new(TLS_client_method());
    r->client = SSL_new(r->ctx);
    r->to_client = BIO_new(BIO_s_mem());
    r->from_client = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(r->to_client, -1);
    SSL_set_bio(r->client, r->to_client, r->from_client);
    SSL_set_connect_state(r->client);
    cr_assert_eq(tls_new(s, &io, &r->tls), 0);
}

static void
rig_stop(struct rig *r)
{
    tls_free(r->tls);
    SSL_free(r->client);
    SSL_CTX_free(r->ctx);
}

/* Both sides by turns. */
static void
shake_hands(struct rig *r)
{
    int ours = SPRAT_E_AGAIN, theirs = 0;

    for (int i = 0; i < 100000 && (ours != 0 || theirs != 1); i++) {
        if (theirs != 1)
            theirs = SSL_do_handshake(r->client);
        ERR_clear_error();
        if (ours != 0)
            ours = tls_handshake(r->tls);
        cr_assert(ours == 0 || ours == SPRAT_E_AGAIN, "%s", tls_reason(r->tls));
    }
    cr_assert(ours == 0 && theirs == 1);
}

static void
expect_exchange(struct rig *r)
{
    char got[8] = "";
    int64_t n;

    cr_assert_eq(SSL_write(r->client, "hello", 5), 5);
    while ((n = tls_read(r->tls, got, 3)) == SPRAT_E_AGAIN)
        ;
    cr_assert_eq(n, 3);
    cr_assert_eq(tls_pending(r->tls), 2, "of the same record");
    cr_assert_eq(tls_read(r->tls, got + 3, 5), 2);
    cr_assert_str_eq(got, "hello");
    while ((n = tls_write(r->tls, "world", 5)) == SPRAT_E_AGAIN)
        ;
    cr_assert_eq(n, 5);
    cr_assert_eq(SSL_read(r->client, got, 8), 5);
    cr_assert_eq(memcmp(got, "world", 5), 0);
}

Test(tls, handshake_and_bytes_in_one_go_and_in_drops)
{
    static const size_t steps[] = {0, 1, 7};
    struct tls_server *s = made_server("one");

    for (size_t i = 0; i < 3; i++) {
        struct rig r;

        rig_start(&r, s, steps[i]);
        shake_hands(&r);
        expect_exchange(&r);
        rig_stop(&r);
    }
    tls_server_drop(s);
}

Test(tls, versions_and_alpn)
{
    struct tls_server *s = made_server("one");
    const unsigned char *chosen;
    unsigned len;
    struct rig r;

    rig_start(&r, s, 0);
    SSL_set_alpn_protos(r.client, (const unsigned char *)"\x02h2\x08http/1.1", 12);
    shake_hands(&r);
    SSL_get0_alpn_selected(r.client, &chosen, &len);
    cr_assert(len == 8 && memcmp(chosen, "http/1.1", 8) == 0);
    cr_assert_eq(SSL_version(r.client), TLS1_3_VERSION);
    rig_stop(&r);

    rig_start(&r, s, 0);
    SSL_set_alpn_protos(r.client, (const unsigned char *)"\x02h2", 3);
    SSL_set_max_proto_version(r.client, TLS1_2_VERSION);
    shake_hands(&r);
    expect_exchange(&r);
    rig_stop(&r);

    rig_start(&r, s, 0);
    SSL_set_security_level(r.client, 0);
    SSL_set_max_proto_version(r.client, TLS1_1_VERSION);
    (void)SSL_do_handshake(r.client);
    cr_assert_eq(tls_handshake(r.tls), SPRAT_E_PROTOCOL, "TLS 1.1");
    rig_stop(&r);
    tls_server_drop(s);
}

Test(tls, sessions_are_resumed_by_tickets)
{
    struct tls_server *s = made_server("one");
    SSL_SESSION *session;
    struct rig r;

    rig_start(&r, s, 0);
    shake_hands(&r);
    expect_exchange(&r);
    session = SSL_get1_session(r.client);
    SSL_shutdown(r.client); /* or the client does not trust the session any more */
    rig_stop(&r);
    rig_start(&r, s, 0);
    SSL_set_session(r.client, session);
    shake_hands(&r);
    cr_assert_eq(SSL_session_reused(r.client), 1);
    rig_stop(&r);
    SSL_SESSION_free(session);
    tls_server_drop(s);
}

Test(tls, the_end_from_either_side)
{
    struct tls_server *s = made_server("one");
    struct rig r;
    char c;

    rig_start(&r, s, 0);
    shake_hands(&r);
    tls_shutdown(r.tls);
    cr_assert_eq(SSL_read(r.client, &c, 1), 0);
    cr_assert_eq(SSL_get_error(r.client, 0), SSL_ERROR_ZERO_RETURN);
    cr_assert_eq(SSL_write(r.client, "x", 1), 1);
    cr_assert_eq(tls_read(r.tls, &c, 1), 1, "reading goes on");
    SSL_shutdown(r.client);
    cr_assert_eq(tls_read(r.tls, &c, 1), SPRAT_E_CLOSED);
    rig_stop(&r);

    rig_start(&r, s, 0);
    shake_hands(&r);
    r.closed = true;
    cr_assert_eq(tls_read(r.tls, &c, 1), SPRAT_E_CLOSED, "without close_notify");
    rig_stop(&r);
    tls_server_drop(s);
}

/* The client does not read a megabyte: the write waits, and continues where it was. */
Test(tls, a_full_pipe)
{
    struct tls_server *s = made_server("one");
    uint8_t *bytes = malloc(PIPE_MAX), *got = malloc(PIPE_MAX);
    size_t sent = 0, received = 0;
    struct rig r;

    for (size_t i = 0; i < PIPE_MAX; i++)
        bytes[i] = (uint8_t)(i * 7 >> 3);
    rig_start(&r, s, 0);
    shake_hands(&r);
    while (received < PIPE_MAX) {
        int64_t n = sent < PIPE_MAX ? tls_write(r.tls, bytes + sent, PIPE_MAX - sent) : 0;
        int m;

        if (n == SPRAT_E_AGAIN) {
            cr_assert_eq(tls_wants(r.tls), TLS_WANT_WRITE);
            r.room += 5000;
        } else {
            cr_assert_geq(n, 0);
            r.room = 5000;
        }
        sent += n > 0 ? (size_t)n : 0;
        while ((m = SSL_read(r.client, got + received, (int)(PIPE_MAX - received))) > 0)
            received += (size_t)m;
        ERR_clear_error();
    }
    cr_assert_eq(memcmp(bytes, got, PIPE_MAX), 0);
    rig_stop(&r);
    free(bytes);
    free(got);
    tls_server_drop(s);
}

static void
expect_garbage(const char *text, size_t len, const char *reason)
{
    struct tls_server *s = made_server("one");
    struct rig r;
    char c;

    rig_start(&r, s, 0);
    BIO_write(r.from_client, text, (int)len);
    cr_assert_eq(tls_handshake(r.tls), SPRAT_E_PROTOCOL);
    cr_assert_str_eq(tls_reason(r.tls), reason);
    cr_assert_lt(tls_read(r.tls, &c, 1), 0);
    rig_stop(&r);
    tls_server_drop(s);
}

Test(tls, what_is_no_tls)
{
    expect_garbage("GET / HTTP/1.1\r\n\r\n", 18, "http request");
    expect_garbage("\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 14, "wrong version number");
    expect_garbage("\x13\x42itTorrent protocol", 20, "wrong version number");
    expect_garbage("\x16\x03\x01\x48\x01 too long a record", 24, "packet length too long");
}

Test(tls, bytes_changed_on_the_way)
{
    struct tls_server *s = made_server("one");
    char record[256], c;
    struct rig r;
    int n = 0;

    rig_start(&r, s, 0);
    shake_hands(&r);
    SSL_write(r.client, "hello", 5);
    while (BIO_ctrl_pending(r.from_client) > 0)
        n = BIO_read(r.from_client, record, sizeof(record));
    cr_assert_gt(n, 0);
    record[n - 1] ^= 1;
    BIO_write(r.from_client, record, n);
    cr_assert_eq(tls_read(r.tls, &c, 1), SPRAT_E_PROTOCOL);
    rig_stop(&r);
    tls_server_drop(s);
}

Test(tls, old_connections_keep_the_old_certificate)
{
    struct tls_server *one = made_server("one"), *two = made_server("two");
    struct rig old, new;
    char name[64];

    rig_start(&old, one, 0);
    shake_hands(&old);
    tls_server_drop(one);
    rig_start(&new, two, 0);
    shake_hands(&new);
    expect_exchange(&old);
    expect_exchange(&new);
    X509_NAME_oneline(X509_get_subject_name(SSL_get0_peer_certificate(new.client)), name, 64);
    cr_assert_str_eq(name, "/CN=two");
    rig_stop(&old);
    rig_stop(&new);
    tls_server_drop(two);
}

static void
expect_refused(const char *cert_text, const char *key_text, int err, const char *words)
{
    struct tls_pem cert = made_pem("c.pem", cert_text), key = made_pem("k.pem", key_text);
    struct tls_server *s = NULL;
    struct errbuf eb;

    cr_expect_eq(tls_server_new(&cert, &key, &s, &eb), err, "%s", eb.text);
    cr_expect(strstr(eb.text, words) != NULL, "%s", eb.text);
    cr_expect_null(s);
}

Test(tls, files_that_are_no_good)
{
    static char chain[(TLS_CHAIN_MAX + 1) * MADE_PEM_MAX];
    struct made_cert m, other;

    made_cert_make(&m, "one", -10, 10);
    made_cert_make(&other, "two", -10, 10);
    expect_refused("", m.key, SPRAT_E_SYNTAX, "c.pem: this is not a certificate in PEM format");
    expect_refused("nonsense", m.key, SPRAT_E_SYNTAX, "c.pem");
    expect_refused(m.key, m.key, SPRAT_E_SYNTAX, "c.pem");
    expect_refused(m.cert, "", SPRAT_E_SYNTAX, "k.pem: this is not a private key in PEM format");
    expect_refused(m.cert, m.cert, SPRAT_E_SYNTAX, "k.pem");
    expect_refused(m.cert, m.locked_key, SPRAT_E_SYNTAX, "k.pem: the key is behind a password");
    expect_refused(m.cert, other.key, SPRAT_E_MISMATCH, "k.pem: the key is not the certificate's");
    for (int i = 0; i < TLS_CHAIN_MAX + 1; i++)
        strcat(chain, m.cert);
    expect_refused(chain, m.key, SPRAT_E_TOOBIG, "c.pem: more than 16 certificates");
    strcpy(chain, m.cert);
    strcat(chain, "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n");
    expect_refused(chain, m.key, SPRAT_E_SYNTAX, "c.pem: a certificate of the chain");
}

Test(tls, a_chain_and_its_times)
{
    static char chain[2 * MADE_PEM_MAX];
    struct made_cert m, root;
    struct tls_pem cert, key;
    struct tls_server *s;
    struct errbuf eb;
    struct rig r;

    made_cert_make(&m, "one", -100, 1000);
    made_cert_make(&root, "root", -100, 1000);
    strcpy(chain, m.cert);
    strcat(chain, root.cert);
    cert = made_pem("cert", chain);
    key = made_pem("key", m.key);
    cr_assert_eq(tls_server_new(&cert, &key, &s, &eb), 0, "%s", eb.text);
    cr_assert_leq(llabs(tls_server_valid_from(s) - (time(NULL) - 100)), 60);
    cr_assert_leq(llabs(tls_server_valid_until(s) - (time(NULL) + 1000)), 60);
    rig_start(&r, s, 0);
    shake_hands(&r);
    cr_assert_eq(sk_X509_num(SSL_get_peer_cert_chain(r.client)), 2);
    rig_stop(&r);
    tls_server_drop(s);
}

/* ---- our client with our server ---- */

struct end {
    struct buf *in, *out;
};

static int64_t
end_read(void *ctx, void *dst, size_t len)
{
    const struct end *e = ctx;

    if (buf_len(e->in) == 0)
        return SPRAT_E_AGAIN;
    if (len > buf_len(e->in))
        len = buf_len(e->in);
    memcpy(dst, buf_data(e->in), len);
    buf_consume(e->in, len);
    return (int64_t)len;
}

static int64_t
end_write(void *ctx, const void *src, size_t len)
{
    const struct end *e = ctx;

    return buf_put(e->out, src, len) == 0 ? (int64_t)len : SPRAT_E_NOMEM;
}

/* Connects to a server whose certificate is for "redis.example", as |host|. Returns the client's
 * result. */
static int
connect_as(struct tls_client *client, struct tls_server *server, const char *host)
{
    struct buf up, down;
    struct end ends[2] = {{&down, &up}, {&up, &down}};
    struct tls_io ios[2] = {{&ends[0], end_read, end_write}, {&ends[1], end_read, end_write}};
    struct tls *ours, *theirs;
    int err = SPRAT_E_AGAIN;
    char got[6] = "";

    buf_init(&up, PIPE_MAX);
    buf_init(&down, PIPE_MAX);
    cr_assert_eq(tls_new_client(client, host, &ios[0], &ours), 0);
    cr_assert_eq(tls_new(server, &ios[1], &theirs), 0);
    for (int i = 0; i < 20 && err == SPRAT_E_AGAIN; i++) {
        err = tls_handshake(ours);
        (void)tls_handshake(theirs);
    }
    if (err == 0) {
        cr_assert_eq(tls_write(ours, "hello", 5), 5);
        cr_assert_eq(tls_read(theirs, got, 5), 5);
        cr_assert_str_eq(got, "hello");
    } else {
        cr_assert_not_null(strstr(tls_reason(ours), "verify failed"), "%s", tls_reason(ours));
    }
    tls_free(ours);
    tls_free(theirs);
    buf_fini(&up);
    buf_fini(&down);
    return err;
}

Test(tls, a_client_believes_its_authorities_and_the_name)
{
    static struct made_cert right, wrong;
    struct tls_pem cert, key, other;
    struct tls_client *client, *stranger;
    struct tls_server *server;
    struct errbuf eb = {""};

    made_cert_make(&right, "redis.example", -10, 1000);
    made_cert_make(&wrong, "redis.example", -10, 1000);
    cert = made_pem("right", right.cert);
    key = made_pem("right", right.key);
    other = made_pem("wrong", wrong.cert);
    cr_assert_eq(tls_server_new(&cert, &key, &server, &eb), 0, "%s", eb.text);
    cr_assert_eq(tls_client_new(&cert, &client, &eb), 0, "%s", eb.text);
    cr_assert_eq(tls_client_new(&other, &stranger, &eb), 0, "%s", eb.text);
    cr_assert_eq(connect_as(client, server, "redis.example"), 0);
    cr_assert_eq(connect_as(client, server, "evil.example"), SPRAT_E_PROTOCOL);
    cr_assert_eq(connect_as(client, server, "127.0.0.1"), SPRAT_E_PROTOCOL);
    cr_assert_eq(connect_as(stranger, server, "redis.example"), SPRAT_E_PROTOCOL);
    tls_client_free(stranger);
    tls_client_free(client);
    tls_client_free(NULL);
    cr_assert_eq(tls_client_new(&key, &client, &eb), SPRAT_E_SYNTAX);
    cr_assert_not_null(strstr(eb.text, "no certificate"), "%s", eb.text);
    cr_assert_eq(tls_client_new(NULL, &client, &eb), 0, "the system's");
    cr_assert_eq(connect_as(client, server, "redis.example"), SPRAT_E_PROTOCOL);
    tls_client_free(client);
    tls_server_drop(server);
}
