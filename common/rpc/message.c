/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads requests, calls methods and writes responses. The text is measured before jansson parses
 * it, so that no client makes jansson recurse deeply or build a tree that is a hundred times larger
 * than the text.
 */
#include "common/rpc/message.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/magic.h"
#include "common/rpc/jsontext.h"

#define CALL_MAGIC UINT32_C(0x6c6c6163)

struct rpc_call {
    uint32_t magic;
    const struct rpc_method *methods;
    size_t method_count;
    void *ctx;
    json_t *message;
    size_t next;     /* the next request of the batch */
    json_t *answers; /* the responses so far */
    json_t *id;      /* id of the current request; NULL: a notification */
    bool inside;     /* a method is being called */
    bool waiting;    /* waits for rpc_answer() */
    void (*done)(void *ctx, char *line, size_t len);
    void *done_ctx;
};

/* Measures depth and number of values by the punctuation outside of strings. */
static int
measure(const char *text, size_t len, struct errbuf *eb)
{
    size_t items = 1;
    unsigned depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < len; i++) {
        if (in_string) {
            if (text[i] == '\\')
                i++;
            else if (text[i] == '"')
                in_string = false;
            continue;
        }
        switch (text[i]) {
        case '"': in_string = true; break;
        case '[':
        case '{':
            items++;
            if (++depth > RPC_DEPTH_MAX)
                return errbuf_set(eb, SPRAT_E_DEPTH, "nested deeper than %d", RPC_DEPTH_MAX);
            break;
        case ']':
        case '}': depth -= depth > 0; break;
        case ',': items++; break;
        }
    }
    if (items > RPC_ITEMS_MAX)
        return errbuf_set(eb, SPRAT_E_TOOBIG, "more than %d values", RPC_ITEMS_MAX);
    return 0;
}

int
rpc_parse(const char *text, size_t len, json_t **out, struct errbuf *eb)
{
    json_error_t why;
    int err = measure(text, len, eb);

    if (err != 0)
        return err;
    *out = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    if (*out == NULL)
        return errbuf_set(eb, SPRAT_E_SYNTAX, "%s at byte %d", why.text, why.position);
    return 0;
}

/* Builds a response with |error| or |result|, and consumes their references. The id is null if it
 * is unknown. */
static json_t *
response(const json_t *id, json_t *result, json_t *error)
{
    json_t *r = json_object();

    if (r == NULL) {
        json_decref(result);
        json_decref(error);
        return NULL;
    }
    json_object_set_new(r, "jsonrpc", json_string("2.0"));
    if (error != NULL)
        json_object_set_new(r, "error", error);
    else
        json_object_set_new(r, "result", result != NULL ? result : json_null());
    json_object_set_new(r, "id", id != NULL ? json_deep_copy(id) : json_null());
    return r;
}

static json_t *
error_object(int code, const char *message)
{
    return json_pack("{s:i, s:o}", "code", code, "message", json_text(message));
}

static const char *
error_text(enum rpc_error code)
{
    switch (code) {
#define X(name, value, text)                                                                       \
    case value: return text;
        RPC_ERROR_TABLE(X)
#undef X
    }
    return "";
}

static json_t *
protocol_error(const json_t *id, enum rpc_error code, const char *detail)
{
    char message[ERRBUF_SIZE + 64];

    snprintf(message, sizeof(message), "%s%s%s", error_text(code), detail != NULL ? ": " : "",
             detail != NULL ? detail : "");
    return response(id, NULL, error_object(code, message));
}

static const struct rpc_method *
find_method(const struct rpc_call *s, const char *name)
{
    for (size_t i = 0; i < s->method_count; i++)
        if (strcmp(s->methods[i].name, name) == 0)
            return &s->methods[i];
    return NULL;
}

static void
add_answer(struct rpc_call *c, json_t *answer)
{
    if (answer != NULL)
        json_array_append_new(c->answers, answer);
}

/* Adds the answer to the current request; a notification gets none. */
static void
add_result(struct rpc_call *c, int err, json_t *result, const struct errbuf *eb)
{
    const char *text = eb != NULL && eb->text[0] != '\0' ? eb->text : sprat_strerror(err);
    int code = err == SPRAT_E_INVAL ? RPC_E_PARAMS : RPC_SPRAT_BASE + err;

    if (c->id == NULL)
        json_decref(result);
    else if (err == 0)
        add_answer(c, response(c->id, result, NULL));
    else
        add_answer(c, response(c->id, NULL, error_object(code, text)));
    json_decref(c->id);
    c->id = NULL;
}

static void
call(struct rpc_call *c, const char *name, const json_t *params, json_t *id)
{
    const struct rpc_method *m = find_method(c, name);
    struct errbuf eb = {""};
    json_t *result = NULL;
    int err;

    if (m == NULL) {
        if (id != NULL)
            add_answer(c, protocol_error(id, RPC_E_METHOD, NULL));
        return;
    }
    c->id = json_incref(id);
    c->waiting = true;
    c->inside = true;
    err = m->call(c->ctx, params, c, &result, &eb);
    c->inside = false;
    if (err != RPC_LATER) {
        c->waiting = false;
        add_result(c, err, result, &eb);
    }
}

static void
serve_one(struct rpc_call *c, json_t *request)
{
    json_t *id = json_object_get(request, "id");
    const json_t *method = json_object_get(request, "method");
    const json_t *params = json_object_get(request, "params");
    const char *version = json_string_value(json_object_get(request, "jsonrpc"));
    bool bad_id = id != NULL && !json_is_string(id) && !json_is_number(id) && !json_is_null(id);

    if (!json_is_object(request) || version == NULL || strcmp(version, "2.0") != 0 || bad_id ||
        !json_is_string(method) ||
        (params != NULL && !json_is_object(params) && !json_is_array(params)))
        add_answer(c, protocol_error(bad_id ? NULL : id, RPC_E_REQUEST, NULL));
    else
        call(c, json_string_value(method), params, id);
}

/* Returns the value as one line, and consumes its reference. */
static char *
to_line(json_t *value, size_t *len)
{
    char *text = value != NULL ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    char *line = NULL;

    json_decref(value);
    if (text != NULL) {
        *len = strlen(text) + 1;
        line = realloc(text, *len + 1);
        if (line == NULL)
            free(text);
        else
            memcpy(line + *len - 1, "\n", 2);
    }
    return line;
}

static size_t
request_count(const struct rpc_call *c)
{
    return json_is_array(c->message) ? json_array_size(c->message) : 1;
}

/* The response to the client: all answers of a batch, or the single one. */
static json_t *
whole_answer(struct rpc_call *c)
{
    if (json_array_size(c->answers) == 0)
        return NULL;
    if (json_is_array(c->message) && request_count(c) > 0 && request_count(c) <= RPC_BATCH_MAX)
        return json_incref(c->answers);
    return json_incref(json_array_get(c->answers, 0));
}

static void
finish(struct rpc_call *c)
{
    size_t len = 0;
    char *line;

    if (c->done != NULL) {
        line = to_line(whole_answer(c), &len);
        c->done(c->done_ctx, line, len);
    }
    json_decref(c->answers);
    json_decref(c->message);
    MAGIC_CLEAR(c);
    free(c);
}

/* Continues until a request has to wait (true) or all are answered: then |c| is freed. */
static bool
advance(struct rpc_call *c)
{
    size_t count = request_count(c);

    if (count == 0 || count > RPC_BATCH_MAX) {
        add_answer(c, protocol_error(NULL, RPC_E_REQUEST,
                                     count == 0 ? "an empty batch"
                                                : "too many requests in one batch"));
        c->next = count;
    }
    while (c->next < count && c->done != NULL) {
        size_t i = c->next++;

        serve_one(c, json_is_array(c->message) ? json_array_get(c->message, i) : c->message);
        if (c->waiting)
            return true;
    }
    finish(c);
    return false;
}

void
rpc_answer(struct rpc_call *c, int err, json_t *result, const struct errbuf *eb)
{
    MAGIC_CHECK(c, CALL_MAGIC);
    ASSERT(c->waiting);
    c->waiting = false;
    add_result(c, err, result, eb);
    if (!c->inside)
        (void)advance(c);
}

void
rpc_abandon(struct rpc_call *c)
{
    MAGIC_CHECK(c, CALL_MAGIC);
    c->done = NULL;
}

struct rpc_call *
rpc_serve(const struct rpc_method *methods, size_t method_count, void *ctx, const char *text,
          size_t len, void (*done)(void *done_ctx, char *line, size_t line_len), void *done_ctx)
{
    struct rpc_call *c = calloc(1, sizeof(*c));
    struct errbuf eb = {""};
    json_t *message = NULL;

    if (c == NULL || rpc_parse(text, len, &message, &eb) != 0) {
        size_t n = 0;
        char *line = to_line(protocol_error(NULL, RPC_E_PARSE, eb.text), &n);

        free(c);
        done(done_ctx, line, n);
        return NULL;
    }
    MAGIC_SET(c, CALL_MAGIC);
    c->methods = methods;
    c->method_count = method_count;
    c->ctx = ctx;
    c->message = message;
    c->answers = json_array();
    c->done = done;
    c->done_ctx = done_ctx;
    return advance(c) ? c : NULL;
}

char *
rpc_request(const char *method, const json_t *params, int id, size_t *out_len)
{
    json_t *r = json_pack("{s:s, s:s, s:i}", "jsonrpc", "2.0", "method", method, "id", id);

    if (r != NULL && params != NULL &&
        json_object_set_new(r, "params", json_deep_copy(params)) != 0) {
        json_decref(r);
        return NULL;
    }
    return to_line(r, out_len);
}

/* Converts the "error" member of a response to an enum sprat_err and a message. */
static int
remote_error(const json_t *error, struct errbuf *eb)
{
    const char *message = json_string_value(json_object_get(error, "message"));
    json_int_t code = json_integer_value(json_object_get(error, "code"));
    int err = SPRAT_E_REMOTE;

    if (code == RPC_E_PARAMS)
        err = SPRAT_E_INVAL;
    else if (code < RPC_SPRAT_BASE && code > RPC_SPRAT_BASE - 100)
        err = (int)(code - RPC_SPRAT_BASE);
    return errbuf_set(eb, err, "%s", message != NULL ? message : sprat_strerror(err));
}

int
rpc_response(const char *text, size_t len, int id, json_t **result, struct errbuf *eb)
{
    struct errbuf why = {""};
    json_t *r, *error, *value;
    const json_t *rid;
    int err = rpc_parse(text, len, &r, &why);

    if (err != 0)
        return errbuf_set(eb, SPRAT_E_PROTOCOL, "the answer is not JSON: %s", why.text);
    error = json_object_get(r, "error");
    value = json_object_get(r, "result");
    rid = json_object_get(r, "id");
    if (json_is_object(error)) {
        err = remote_error(error, eb);
    } else if (value == NULL || !json_is_integer(rid) || json_integer_value(rid) != id) {
        err = errbuf_set(eb, SPRAT_E_PROTOCOL, "the answer is not one to our request");
    } else {
        *result = json_incref(value);
    }
    json_decref(r);
    return err;
}
