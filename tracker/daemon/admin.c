/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Three pages.
 */
#include "tracker/daemon/admin.h"

#include <string.h>

#include "common/codec/http_response.h"

void
admin_init(struct admin *a, void (*gather)(void *ctx, struct metrics *m), void *ctx)
{
    *a = (struct admin){.ctx = ctx, .gather = gather};
    buf_init(&a->body, ADMIN_BODY_MAX);
}

void
admin_fini(struct admin *a)
{
    buf_fini(&a->body);
}

static void
respond(struct admin *a, struct buf *out, int status, const char *type, bool keep_alive)
{
    http_response_put_head(out, status, type, buf_len(&a->body), keep_alive);
    buf_put(out, buf_data(&a->body), buf_len(&a->body));
}

static bool
path_is(const struct http_request *req, const char *path)
{
    return req->path_len == strlen(path) && memcmp(req->path, path, req->path_len) == 0;
}

static void
answer(void *ctx, const struct http_request *req, const struct endpoint *from, struct buf *out,
       struct mono now)
{
    struct admin *a = ctx;
    const char *type = "text/plain; charset=utf-8";
    struct metrics m = {0};
    int status = 200;

    (void)from, (void)now;
    buf_reset(&a->body);
    a->gather(a->ctx, &m);
    if (path_is(req, "/metrics")) {
        type = "text/plain; version=0.0.4; charset=utf-8";
        metrics_put_prometheus(&m, &a->body);
    } else if (path_is(req, "/stats")) {
        type = "application/json";
        metrics_put_json(&m, &a->body);
    } else if (path_is(req, "/health")) {
        buf_puts(&a->body, "ok\n");
    } else {
        status = 404;
        buf_puts(&a->body, "There are /metrics, /stats and /health.\n");
    }
    if (a->body.err != 0) {
        buf_reset(&a->body);
        status = 503;
    }
    respond(a, out, status, type, req->keep_alive);
}

static void
refuse(void *ctx, int status, struct buf *out)
{
    struct admin *a = ctx;

    buf_reset(&a->body);
    buf_printf(&a->body, "%s\n", http_status_text(status));
    respond(a, out, status, "text/plain", false);
}

struct http_handler
admin_handler(struct admin *a)
{
    return (struct http_handler){.ctx = a, .answer = answer, .refuse = refuse};
}
