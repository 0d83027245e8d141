/* SPDX-License-Identifier: BSD-2-Clause
 *
 * libcurl's multi-socket interface joined to the loop: curl says which sockets and which timeout it
 * waits for, and the loop reports them. Independent of the content of answers.
 */
#include "common/ev/fetch.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/magic.h"
#include "common/ds/buf.h"
#include "common/ds/list.h"
#include "common/ev/url.h"
#include "common/sys/addr.h"

#define FETCHER_MAGIC 0x46455452u
#define FETCH_MAGIC   0x46455443u
#define SOCK_MAGIC    0x46534f43u

_Static_assert(FETCH_MESSAGE_MAX >= CURL_ERROR_SIZE, "curl's messages fit");

struct fetcher {
    uint32_t magic;
    struct loop *loop;
    struct loop_timer *timer;
    CURLM *multi;
    char *user_agent;
    char *ca_file; /* NULL: the system's */
    struct list fetches;
};

struct fetch {
    uint32_t magic;
    struct fetcher *fetcher;
    struct list link;
    CURL *easy;
    struct buf body;
    char message[FETCH_MESSAGE_MAX];
    void (*fn)(void *ctx, const struct fetch_result *res);
    void *ctx;
};

/* A socket that libcurl waits for. */
struct sock {
    uint32_t magic;
    struct fetcher *fetcher;
    curl_socket_t fd;
    struct loop_fd *watch;
};

static void
fetch_free(struct fetch *x)
{
    list_remove(&x->link);
    if (x->easy != NULL) {
        curl_multi_remove_handle(x->fetcher->multi, x->easy);
        curl_easy_cleanup(x->easy);
    }
    buf_fini(&x->body);
    MAGIC_CLEAR(x);
    free(x);
}

static int
err_of(CURLcode code, const struct fetch *x)
{
    switch (code) { /* curl's enum has a hundred more codes: all of them are faults of the other
                       side */
    case CURLE_OK: return 0;
    case CURLE_OUT_OF_MEMORY: return SPRAT_E_NOMEM;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY: return SPRAT_E_RESOLVE;
    case CURLE_COULDNT_CONNECT: return SPRAT_E_REFUSED;
    case CURLE_OPERATION_TIMEDOUT: return SPRAT_E_TIMEOUT;
    case CURLE_URL_MALFORMAT: return SPRAT_E_SYNTAX;
    case CURLE_FILESIZE_EXCEEDED: return SPRAT_E_TOOBIG;
    case CURLE_WRITE_ERROR: return x->body.err != 0 ? x->body.err : SPRAT_E_REMOTE;
    default: return SPRAT_E_REMOTE;
    }
}

static enum fetch_cause
connect_cause(const struct fetch *x)
{
    long error = 0;

    curl_easy_getinfo(x->easy, CURLINFO_OS_ERRNO, &error);
    switch (error) { /* the error numbers that have a cause of their own */
    case EHOSTUNREACH:
    case ENETUNREACH: return FETCH_UNREACHABLE;
    case ETIMEDOUT: return FETCH_NO_CONNECTION;
    case ECONNREFUSED: return FETCH_REFUSED;
    default: return FETCH_OTHER;
    }
}

static enum fetch_cause
timeout_cause(const struct fetch *x)
{
    curl_off_t connected_us = 0, secure_us = 0;
    long local_port = 0; /* for some versions of curl, connected means that TLS is up too */
    const char *scheme = NULL;

    curl_easy_getinfo(x->easy, CURLINFO_CONNECT_TIME_T, &connected_us);
    curl_easy_getinfo(x->easy, CURLINFO_LOCAL_PORT, &local_port);
    curl_easy_getinfo(x->easy, CURLINFO_APPCONNECT_TIME_T, &secure_us);
    curl_easy_getinfo(x->easy, CURLINFO_SCHEME, &scheme);
    if (connected_us == 0 && local_port <= 0)
        return FETCH_NO_CONNECTION;
    return secure_us == 0 && scheme != NULL && strcasecmp(scheme, "https") == 0 ? FETCH_TLS_SILENT
                                                                               : FETCH_NO_ANSWER;
}

/* The numbers of X509_verify_cert(3). */
static enum fetch_cause
certificate_cause(const struct fetch *x)
{
    enum { UNSPECIFIED = 1, NOT_YET_VALID = 9, HAS_EXPIRED = 10, OTHER_HOST = 62, OTHER_IP = 64 };
    long verify = 0;

    curl_easy_getinfo(x->easy, CURLINFO_SSL_VERIFYRESULT, &verify);
    switch (verify) { /* the codes that have a cause of their own */
    case NOT_YET_VALID:
    case HAS_EXPIRED: return FETCH_EXPIRED;
    case 0:           /* the chain is valid, and curl compares the names itself: */
    case UNSPECIFIED: /* this is curl's value before it has compared them */
    case OTHER_HOST:
    case OTHER_IP: return FETCH_OTHER_NAME;
    default: return FETCH_UNTRUSTED;
    }
}

static enum fetch_cause
cause_of(CURLcode code, const struct fetch *x)
{
    switch (code) { /* curl's enum has a hundred more codes */
    case CURLE_OK: return FETCH_NO_CAUSE;
    case CURLE_COULDNT_RESOLVE_HOST: return FETCH_NOT_RESOLVED;
    case CURLE_COULDNT_CONNECT: return connect_cause(x);
    case CURLE_OPERATION_TIMEDOUT: return timeout_cause(x);
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_PARTIAL_FILE: return FETCH_CLOSED;
    case CURLE_PEER_FAILED_VERIFICATION: return certificate_cause(x);
    /* OpenSSL's message when the first bytes are no TLS record. */
    case CURLE_SSL_CONNECT_ERROR:
        return strstr(x->message, "wrong version number") != NULL ||
                       strstr(x->message, "packet length too long") != NULL
                   ? FETCH_TLS_TO_PLAIN
                   : FETCH_TLS;
    case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9, that is, no status line */
    case CURLE_WEIRD_SERVER_REPLY: return FETCH_NOT_HTTP;
    case CURLE_TOO_MANY_REDIRECTS: return FETCH_REDIRECTS;
    default: return FETCH_OTHER;
    }
}

/* Calls the callback of a finished request and frees it. */
static void
finish(struct fetch *x, CURLcode code)
{
    struct fetch_result res = {.cause = cause_of(code, x), .err = err_of(code, x)};
    long status = 0;

    MAGIC_CHECK(x, FETCH_MAGIC);
    curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK && x->message[0] == '\0')
        snprintf(x->message, sizeof(x->message), "%s", curl_easy_strerror(code));
    res.status = (unsigned)status;
    res.message = code == CURLE_OK ? "" : x->message;
    if (res.err == 0) {
        res.body = buf_data(&x->body);
        res.len = buf_len(&x->body);
    }
    x->fn(x->ctx, &res);
    fetch_free(x);
}

static void
collect(struct fetcher *f)
{
    CURLMsg *msg;
    int left;

    while ((msg = curl_multi_info_read(f->multi, &left)) != NULL) {
        CURLcode code = msg->data.result;
        void *x = NULL;

        if (msg->msg == CURLMSG_DONE &&
            curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &x) == CURLE_OK)
            finish(x, code);
    }
}

static void
on_timer(void *ctx)
{
    struct fetcher *f = ctx;
    int running;

    MAGIC_CHECK(f, FETCHER_MAGIC);
    curl_multi_socket_action(f->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect(f);
}

static void
on_socket_ready(void *ctx, unsigned what)
{
    struct sock *s = ctx;
    struct fetcher *f;
    int running;

    MAGIC_CHECK(s, SOCK_MAGIC);
    f = s->fetcher;
    /* |s| may be freed after this. */
    curl_multi_socket_action(f->multi, s->fd,
                             what == LOOP_READ ? CURL_CSELECT_IN : CURL_CSELECT_OUT, &running);
    collect(f);
}

static void
sock_free(struct sock *s)
{
    loop_fd_free(s->watch);
    MAGIC_CLEAR(s);
    free(s);
}

static struct sock *
sock_new(struct fetcher *f, curl_socket_t fd)
{
    struct sock *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    MAGIC_SET(s, SOCK_MAGIC);
    s->fetcher = f;
    s->fd = fd;
    s->watch = loop_fd_new(f->loop, fd, on_socket_ready, s);
    if (s->watch == NULL) {
        sock_free(s);
        return NULL;
    }
    curl_multi_assign(f->multi, fd, s);
    return s;
}

/* curl's CURLMOPT_SOCKETFUNCTION. */
static int
on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *sock)
{
    struct fetcher *f = ctx;
    struct sock *s = sock;
    unsigned wanted = 0;

    (void)easy;
    MAGIC_CHECK(f, FETCHER_MAGIC);
    if (what == CURL_POLL_REMOVE) {
        if (s != NULL)
            sock_free(s);
        return 0;
    }
    if (s == NULL)
        s = sock_new(f, fd);
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
        wanted |= LOOP_READ;
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
        wanted |= LOOP_WRITE;
    return s != NULL && loop_fd_want(s->watch, wanted) == 0 ? 0 : -1;
}

/* curl's CURLMOPT_TIMERFUNCTION. */
static int
on_curl_timer(CURLM *multi, long timeout_ms, void *ctx)
{
    struct fetcher *f = ctx;

    (void)multi;
    MAGIC_CHECK(f, FETCHER_MAGIC);
    loop_timer_set(f->timer, timeout_ms < 0 ? MONO_NEVER
                                            : mono_add_ms(loop_now(f->loop), timeout_ms));
    return 0;
}

static size_t
on_curl_body(char *bytes, size_t size, size_t count, void *ctx)
{
    struct fetch *x = ctx;

    MAGIC_CHECK(x, FETCH_MAGIC);
    return buf_put(&x->body, bytes, size * count) == 0 ? size * count : 0;
}

struct fetcher *
fetcher_new(struct loop *l, const char *user_agent, const char *ca_file)
{
    struct fetcher *f = calloc(1, sizeof(*f));

    if (f == NULL)
        return NULL;
    MAGIC_SET(f, FETCHER_MAGIC);
    list_init(&f->fetches);
    f->loop = l;
    f->timer = loop_timer_new(l, on_timer, f);
    f->user_agent = strdup(user_agent);
    f->ca_file = ca_file != NULL ? strdup(ca_file) : NULL;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) == 0)
        f->multi = curl_multi_init();
    if (f->timer == NULL || f->user_agent == NULL || f->multi == NULL ||
        (ca_file != NULL && f->ca_file == NULL)) {
        fetcher_free(f);
        return NULL;
    }
    curl_multi_setopt(f->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    curl_multi_setopt(f->multi, CURLMOPT_SOCKETDATA, f);
    curl_multi_setopt(f->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    curl_multi_setopt(f->multi, CURLMOPT_TIMERDATA, f);
    curl_multi_setopt(f->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)FETCH_CONNS_MAX);
    return f;
}

void
fetcher_free(struct fetcher *f)
{
    if (f == NULL)
        return;
    MAGIC_CHECK(f, FETCHER_MAGIC);
    LIST_EACH_SAFE(it, &f->fetches)
        fetch_free(LIST_ENTRY(it, struct fetch, link));
    if (f->multi != NULL)
        curl_multi_cleanup(f->multi);
    curl_global_cleanup();
    loop_timer_free(f->timer);
    free(f->user_agent);
    free(f->ca_file);
    MAGIC_CLEAR(f);
    free(f);
}

/* Requests to this machine never go through a proxy from the environment. */
static bool
is_loopback_url(const char *text)
{
    struct url url;
    struct endpoint e;

    if (url_parse(text, &url) != 0)
        return false;
    return strcmp(url.host, "localhost") == 0 ||
           (addr_parse_ip(url.host, 0, &e) == 0 && addr_is_loopback(&e));
}

static void
set_protocols(CURL *c)
{
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(c, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
    curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
    /* A name server that does not answer must not block the loop when a request is cancelled. */
    curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L);
#endif
}

static bool
set_source(CURL *c, const struct fetch_request *req)
{
    char ip[ADDR_TEXT_MAX], name[ADDR_TEXT_MAX + 8];

    if (req->family != IP_NONE)
        curl_easy_setopt(c, CURLOPT_IPRESOLVE,
                         req->family == IP_V4 ? (long)CURL_IPRESOLVE_V4 : (long)CURL_IPRESOLVE_V6);
    if (req->from == NULL)
        return true;
    snprintf(name, sizeof(name), "host!%s", addr_format_ip(req->from, ip));
    return curl_easy_setopt(c, CURLOPT_INTERFACE, name) == CURLE_OK;
}

static bool
set_options(struct fetch *x, const struct fetch_request *req)
{
    CURL *c = x->easy;

    set_protocols(c);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_PRIVATE, x);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, x->message);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_curl_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(c, CURLOPT_MAXREDIRS, (long)FETCH_REDIRECTS_MAX);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)(req->connect_ms != 0 ? req->connect_ms : FETCH_CONNECT_MS));
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS,
                     (long)(req->timeout_ms != 0 ? req->timeout_ms : FETCH_TIMEOUT_MS));
    /* OpenSSL's directory of the system's authorities stays in use. */
    if (x->fetcher->ca_file != NULL &&
        curl_easy_setopt(c, CURLOPT_CAINFO, x->fetcher->ca_file) != CURLE_OK)
        return false;
    if (is_loopback_url(req->url))
        curl_easy_setopt(c, CURLOPT_PROXY, "");
    return curl_easy_setopt(c, CURLOPT_URL, req->url) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_ACCEPT_ENCODING, "") == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_USERAGENT, x->fetcher->user_agent) == CURLE_OK &&
           set_source(c, req);
}

struct fetch *
fetch_start(struct fetcher *f, const struct fetch_request *req,
            void (*fn)(void *ctx, const struct fetch_result *res), void *ctx)
{
    struct fetch *x = calloc(1, sizeof(*x));

    MAGIC_CHECK(f, FETCHER_MAGIC);
    if (x == NULL)
        return NULL;
    MAGIC_SET(x, FETCH_MAGIC);
    x->fetcher = f;
    x->fn = fn;
    x->ctx = ctx;
    list_init(&x->link);
    buf_init(&x->body, req->body_max);
    x->easy = curl_easy_init();
    if (x->easy == NULL || !set_options(x, req) ||
        curl_multi_add_handle(f->multi, x->easy) != CURLM_OK) {
        fetch_free(x);
        return NULL;
    }
    list_push_back(&f->fetches, &x->link);
    return x;
}

void
fetch_cancel(struct fetch *x)
{
    if (x == NULL)
        return;
    MAGIC_CHECK(x, FETCH_MAGIC);
    fetch_free(x);
}
