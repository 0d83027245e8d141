/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A request for a page is answered at once. Any other request becomes a job: a call on the
 * registry, a reload, a walk through the swarms for the largest ones, or the walk and then a call.
 * The answer of a job is sent later, through the struct http_turn of its request.
 */
#include "tracker/daemon/admin.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/magic.h"
#include "common/codec/http_response.h"
#include "common/ds/list.h"
#include "common/rpc/message.h"
#include "common/sys/addr.h"
#include "tracker/daemon/api.h"
#include "tracker/daemon/reload.h"
#include "tracker/daemon/topwalk.h"
#include "tracker/daemon/webfiles.h"
#include "tracker/operator/text.h"

#define ADMIN_MAGIC 0x61646d69u

#define COMMON_LINES                                                                               \
    "Cache-Control: no-store\r\n"                                                                  \
    "X-Content-Type-Options: nosniff\r\n"
/* The page may load its own files only, and no inline script: HTML in a user's name can't run code.
 */
#define PAGE_LINES                                                                                 \
    "Cache-Control: no-cache\r\n"                                                                  \
    "X-Content-Type-Options: nosniff\r\n"                                                          \
    "Referrer-Policy: no-referrer\r\n"                                                             \
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "           \
    "connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "                    \
    "frame-ancestors 'none'\r\n"

struct admin {
    uint32_t magic;
    struct admin_env env;
    struct token token;
    struct adminhost hosts;
    struct accountant_desk *desk; /* or NULL */
    struct list walks;            /* of struct job */
    unsigned nwalks;
    struct list reloads; /* of struct job */
    unsigned nreloads;
    struct buf body, response;
};

/* A job: a request whose answer comes later. */
struct job {
    struct admin *admin;
    struct http_turn turn;
    struct endpoint from;
    bool head, keep_alive;
    struct api_call *call; /* on the registry, or NULL */
    struct list link;      /* in |walks| or |reloads| */
    struct topwalk *walk;  /* or NULL */
    json_t *swarms;        /* what the walk found */
    bool reloads;
    struct reload_wait reload;
};

/* How to write a response. */
struct reply {
    struct buf *out;
    bool head, keep_alive;
};

/* ---- writing answers ---- */

static void
put(struct admin *a, const struct reply *r, int status, const char *type, const char *lines)
{
    if (a->body.err != 0) {
        buf_reset(&a->body);
        status = 503;
    }
    http_response_put_head_and(r->out, status, type, buf_len(&a->body), r->keep_alive, lines);
    if (!r->head)
        buf_put(r->out, buf_data(&a->body), buf_len(&a->body));
}

/* Takes the reference of |value|, which is NULL where memory was out. */
static void
put_json(struct admin *a, const struct reply *r, int status, const char *lines, json_t *value)
{
    char *text = value != NULL ? json_dumps(value, JSON_COMPACT) : NULL;

    json_decref(value);
    buf_reset(&a->body);
    if (text == NULL) {
        status = 503;
    } else if (strlen(text) >= ADMIN_BODY_MAX) {
        status = 400;
        buf_puts(&a->body, "{\"error\":\"this page is too long: ask for fewer, with limit=\"}\n");
    } else {
        buf_puts(&a->body, text);
        buf_puts(&a->body, "\n");
    }
    free(text);
    put(a, r, status, "application/json", lines);
}

static void
put_error(struct admin *a, const struct reply *r, int status, const char *lines, const char *text)
{
    put_json(a, r, status, lines, api_error(text));
}

/* ---- jobs ---- */

static void
job_free(struct job *j)
{
    if (j->walk != NULL) {
        list_remove(&j->link);
        j->admin->nwalks--;
        topwalk_free(j->walk);
    }
    if (j->reloads) {
        list_remove(&j->link);
        list_remove(&j->reload.link);
        j->admin->nreloads--;
    }
    json_decref(j->swarms);
    api_call_free(j->call);
    free(j);
}

static struct job *
job_new(struct admin *a, const struct http_request *req, struct http_turn turn)
{
    struct job *j = calloc(1, sizeof(*j));

    if (j == NULL)
        return NULL;
    *j = (struct job){
        .admin = a, .turn = turn, .head = req->method == HTTP_HEAD, .keep_alive = req->keep_alive};
    list_init(&j->link);
    list_init(&j->reload.link);
    return j;
}

/* Sends |answer|, whose reference it takes, and ends the job. */
static void
job_finish(struct job *j, int status, json_t *answer)
{
    struct admin *a = j->admin;
    struct reply r = {.out = &a->response, .head = j->head, .keep_alive = j->keep_alive};

    buf_reset(&a->response);
    put_json(a, &r, status, COMMON_LINES, answer);
    http_front_answer(j->turn, buf_data(&a->response), buf_len(&a->response));
    job_free(j);
}

static void
job_fail(struct job *j, int err, const char *why)
{
    job_finish(j, api_status(err), api_error(why[0] != '\0' ? why : sprat_strerror(err)));
}

/* ---- calls on the registry ---- */

static int
work_call(void *user, struct registry *r, struct errbuf *eb)
{
    const struct job *j = user;

    return api_call_run(j->call, r, eb);
}

static void
done_call(void *user, int err, const char *why)
{
    struct job *j = user;

    api_call_log(j->call, &j->from, err, why, j->admin->env.log);
    if (err != 0)
        job_fail(j, err, why);
    else
        job_finish(j, j->call->status, json_incref(j->call->answer));
}

/* False if the answer comes later. */
static bool
answer_call(struct admin *a, const struct http_request *req, const struct endpoint *from,
            const char *path, size_t path_len, struct http_turn turn, const struct reply *r)
{
    struct api_call *call = NULL;
    struct errbuf eb = {""};
    const char *allow;
    char lines[256];
    struct job *j;
    int status = api_call_new(req, path, path_len, &call, &allow, &eb), err;

    if (status == 0 && a->desk == NULL) {
        api_call_free(call);
        put_error(a, r, 404, COMMON_LINES, "this tracker has no database of users");
        return true;
    }
    if (status != 0) {
        snprintf(lines, sizeof(lines), COMMON_LINES "%s", allow);
        put_error(a, r, status, lines, eb.text);
        return true;
    }
    j = job_new(a, req, turn);
    err = SPRAT_E_NOMEM;
    if (j == NULL) {
        api_call_free(call);
    } else {
        j->call = call;
        j->from = *from;
        err = accountant_ask(a->desk, work_call, done_call, j);
    }
    if (err == 0)
        return false;
    if (j != NULL)
        job_free(j);
    put_error(a, r, api_status(err), COMMON_LINES, "too much is asked at once");
    return true;
}

/* ---- the largest swarms ---- */

static json_t *
swarms_json(const struct topswarms *top)
{
    json_t *items = json_array();

    for (size_t i = 0; i < top->count; i++) {
        const struct tracker_scrape *s = &top->at[i];

        (void)json_array_append_new(
            items, json_pack("{s:o, s:I, s:I, s:I}", "hash",
                             text_json_hash(true, s->info_hash, sizeof(s->info_hash)), "seeders",
                             (json_int_t)s->complete, "leechers", (json_int_t)s->incomplete,
                             "completed", (json_int_t)s->downloaded));
    }
    return items;
}

/* Adds the names of registered torrents. */
static int
work_names(void *user, struct registry *r, struct errbuf *eb)
{
    const struct job *j = user;
    struct registry_torrent t;
    json_t *item;
    size_t i;

    json_array_foreach(j->swarms, i, item)
    {
        uint8_t hash[32];
        size_t len;

        if (!text_parse_hash(json_string_value(json_object_get(item, "hash")), hash, &len))
            continue;
        int err = registry_find_torrent(r, hash, len, &t, eb);
        if (err == 0)
            (void)json_object_set_new(item, "name", json_string(t.name));
        else if (err != SPRAT_E_NOTFOUND)
            return err;
    }
    return 0;
}

static void
done_names(void *user, int err, const char *why)
{
    struct job *j = user;

    (void)err, (void)why; /* the answer is valid without names */
    job_finish(j, 200, json_pack("{s:O}", "items", j->swarms));
}

static void
done_walk(void *ctx, const struct topswarms *top)
{
    struct job *j = ctx;
    struct admin *a = j->admin;

    j->swarms = swarms_json(top);
    if (a->desk == NULL || accountant_ask(a->desk, work_names, done_names, j) != 0)
        done_names(j, 0, "");
}

static bool
take_order(const struct api_call *c, enum topswarms_order *order)
{
    *order = TOPSWARMS_BY_PEERS;
    return c->sort[0] == '\0' || topswarms_order_parse(c->sort, strlen(c->sort), order);
}

static bool
answer_swarms(struct admin *a, const struct http_request *req, struct http_turn turn,
              const struct reply *r)
{
    enum topswarms_order order;
    struct api_call query = {.limit = 0};
    struct errbuf eb = {""};
    struct job *j = NULL;
    int status = api_query(&query, req, &eb);

    if (status == 0 && !take_order(&query, &order)) {
        status = 400;
        errbuf_set(&eb, 0, "swarms are sorted by peers, seeders, leechers or completed");
    }
    if (status != 0) {
        put_error(a, r, status, COMMON_LINES, eb.text);
        return true;
    }
    if (a->nwalks < ADMIN_WALKS_MAX)
        j = job_new(a, req, turn);
    if (j != NULL)
        j->walk = topwalk_new(a->env.loop, a->env.shards, order, query.limit, done_walk, j);
    if (j == NULL || j->walk == NULL) {
        free(j);
        put_error(a, r, 503, COMMON_LINES, "too much is asked at once");
        return true;
    }
    a->nwalks++;
    list_push_back(&a->walks, &j->link);
    return false;
}

/* ---- the rest of the API ---- */

static void
done_reload(void *ctx, int err, const char *why)
{
    struct job *j = ctx;

    if (err != 0)
        job_finish(j, err == SPRAT_E_NOMEM ? 503 : 409, api_error(why));
    else
        job_finish(j, 200, json_pack("{s:b}", "reloaded", 1));
}

static bool
answer_reload(struct admin *a, const struct http_request *req, const struct endpoint *from,
              struct http_turn turn, const struct reply *r)
{
    char client[ADDR_TEXT_MAX];
    struct job *j = NULL;

    if (req->method != HTTP_POST) {
        put_error(a, r, 405, COMMON_LINES "Allow: POST\r\n", "reloading is a POST");
        return true;
    }
    log_event(a->env.log, LOG_INFO, "reloading over the API",
              log_text("client", addr_format_ip(from, client)));
    if (a->nreloads < ADMIN_RELOADS_MAX)
        j = job_new(a, req, turn);
    if (j != NULL) {
        j->reload.done = done_reload;
        j->reload.ctx = j;
    }
    if (j == NULL || a->env.reload(a->env.ctx, &j->reload) != 0) {
        free(j);
        put_error(a, r, 503, COMMON_LINES, "nothing is changed: try again later");
        return true;
    }
    j->reloads = true;
    a->nreloads++;
    list_push_back(&a->reloads, &j->link);
    return false;
}

static bool
may(struct admin *a, const struct http_request *req, const struct reply *r)
{
    if (!a->token.set) {
        put_error(a, r, 403, COMMON_LINES,
                  "this tracker has no admin-token-file: nothing can be seen or changed here");
        return false;
    }
    if (token_is_shown(&a->token, req->authorization, req->authorization_len))
        return true;
    put_error(a, r, 401, COMMON_LINES "WWW-Authenticate: Bearer\r\n",
              "the administrator's token is missing or wrong");
    return false;
}

static bool
is(const char *path, size_t len, const char *want)
{
    return len == strlen(want) && memcmp(path, want, len) == 0;
}

static bool
answer_api(struct admin *a, const struct http_request *req, const struct endpoint *from,
           struct http_turn turn, const struct reply *r)
{
    const char *path = req->path + strlen("/api/");
    size_t len = req->path_len - strlen("/api/");
    bool swarms = is(path, len, "swarms");

    if (!may(a, req, r))
        return true;
    if (is(path, len, "reload"))
        return answer_reload(a, req, from, turn, r);
    if (swarms && req->method != HTTP_GET && req->method != HTTP_HEAD) {
        put_error(a, r, 405, COMMON_LINES "Allow: GET, HEAD\r\n", "swarms can only be looked at");
        return true;
    }
    return swarms ? answer_swarms(a, req, turn, r) : answer_call(a, req, from, path, len, turn, r);
}

/* ---- pages ---- */

static bool
answer_file(struct admin *a, const struct http_request *req, const struct reply *r)
{
    for (size_t i = 0; i < webfiles_count; i++) {
        const struct webfile *f = &webfiles[i];

        if (!is(req->path, req->path_len, f->path))
            continue;
        buf_reset(&a->body);
        buf_put(&a->body, f->data, f->len);
        put(a, r, 200, f->type, PAGE_LINES);
        return true;
    }
    return false;
}

static void
answer_page(struct admin *a, const struct http_request *req, const struct reply *r)
{
    const char *type = "text/plain; charset=utf-8";
    struct metrics m = {0};
    int status = 200;

    if (answer_file(a, req, r))
        return;
    buf_reset(&a->body);
    a->env.gather(a->env.ctx, &m);
    if (is(req->path, req->path_len, "/metrics")) {
        type = "text/plain; version=0.0.4; charset=utf-8";
        metrics_put_prometheus(&m, &a->body);
    } else if (is(req->path, req->path_len, "/stats") ||
               is(req->path, req->path_len, "/api/stats")) {
        type = "application/json";
        metrics_put_json(&m, &a->body);
    } else if (is(req->path, req->path_len, "/health")) {
        status = m.members_missing ? 503 : 200;
        buf_puts(&a->body, m.members_missing ? "no users are known yet\n" : "ok\n");
    } else {
        status = 404;
        buf_puts(&a->body, "There are /, /metrics, /stats, /health and /api/.\n");
    }
    put(a, r, status, type, COMMON_LINES);
}

/* Whether the request may come from a browser that shows a page of another host. Health checks are
 * exempt: they reveal nothing, and often use another name. */
static bool
is_misdirected(struct admin *a, const struct http_request *req, const struct reply *r)
{
    char text[2 * ADMINHOST_NAME_MAX];

    if (adminhost_serves(&a->hosts, req->host, req->host_len) ||
        is(req->path, req->path_len, "/health"))
        return false;
    snprintf(text, sizeof(text),
             "this address was asked for as '%.*s': name that host in the setting admin-host",
             (int)(req->host_len < ADMINHOST_NAME_MAX ? req->host_len : ADMINHOST_NAME_MAX),
             req->host);
    put_error(a, r, 421, COMMON_LINES, text);
    return true;
}

static bool
ask(void *ctx, const struct http_request *req, const struct endpoint *from, struct http_turn turn,
    struct buf *out, struct mono now)
{
    struct admin *a = ctx;
    struct reply r = {.out = out, .head = req->method == HTTP_HEAD, .keep_alive = req->keep_alive};
    bool api = req->path_len >= 5 && memcmp(req->path, "/api/", 5) == 0;

    (void)now;
    MAGIC_CHECK(a, ADMIN_MAGIC);
    if (is_misdirected(a, req, &r))
        return true;
    if (api && !is(req->path, req->path_len, "/api/stats"))
        return answer_api(a, req, from, turn, &r);
    if (req->method != HTTP_GET && req->method != HTTP_HEAD)
        put_error(a, &r, 405, COMMON_LINES "Allow: GET, HEAD\r\n", "this can only be looked at");
    else
        answer_page(a, req, &r);
    return true;
}

static void
refuse(void *ctx, const struct http_request *req, struct buf *out)
{
    struct admin *a = ctx;
    struct reply r = {.out = out, .head = req->method == HTTP_HEAD};

    put_error(a, &r, req->status, COMMON_LINES, http_status_text(req->status));
}

/* ---- the whole ---- */

struct admin *
admin_new(const struct admin_env *env)
{
    struct admin *a = calloc(1, sizeof(*a));

    if (a == NULL)
        return NULL;
    MAGIC_SET(a, ADMIN_MAGIC);
    a->env = *env;
    list_init(&a->walks);
    list_init(&a->reloads);
    buf_init(&a->body, ADMIN_BODY_MAX);
    buf_init(&a->response, HTTP_SERVICE_REPLY_MAX);
    return a;
}

int
admin_set_accountant(struct admin *a, struct accountant *accountant)
{
    a->desk = accountant_desk_new(accountant, a->env.loop);
    return a->desk != NULL ? 0 : SPRAT_E_NOMEM;
}

void
admin_stop(struct admin *a)
{
    if (a == NULL)
        return;
    accountant_desk_free(a->desk);
    a->desk = NULL;
    LIST_EACH_SAFE (it, &a->walks)
        job_fail(LIST_ENTRY(it, struct job, link), SPRAT_E_CANCELLED, "");
    LIST_EACH_SAFE (it, &a->reloads)
        job_fail(LIST_ENTRY(it, struct job, link), SPRAT_E_CANCELLED, "");
}

void
admin_free(struct admin *a)
{
    if (a == NULL)
        return;
    MAGIC_CHECK(a, ADMIN_MAGIC);
    admin_stop(a);
    buf_fini(&a->body);
    buf_fini(&a->response);
    MAGIC_CLEAR(a);
    free(a);
}

void
admin_set_hosts(struct admin *a, const struct adminhost *hosts)
{
    a->hosts = *hosts;
}

void
admin_set_token(struct admin *a, const struct token *t)
{
    a->token = *t;
}

struct http_handler
admin_handler(struct admin *a)
{
    return (struct http_handler){
        .ctx = a,
        .ask = ask,
        .refuse = refuse,
        .accepts = {.more_methods = 1u << HTTP_POST | 1u << HTTP_DELETE, .body_max = API_BODY_MAX},
    };
}
