/* SPDX-License-Identifier: BSD-2-Clause
 *
 * JSON-RPC 2.0: the examples of its specification, our limits, and both sides against each other.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "common/rpc/message.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* json_unpack() takes no const, though it changes nothing. */
static json_t *
params_of(const json_t *params)
{
    return (json_t *)(uintptr_t)params;
}

struct calls {
    unsigned count;
};

static int
subtract(void *ctx, const json_t *params, struct rpc_call *call, json_t **result,
         struct errbuf *eb)
{
    struct calls *c = ctx;
    json_int_t a, b;

    (void)call;
    c->count++;
    if (json_is_array(params) && json_unpack(params_of(params), "[I,I]", &a, &b) == 0)
        *result = json_integer(a - b);
    else if (json_unpack(params_of(params), "{s:I, s:I}", "minuend", &a, "subtrahend", &b) == 0)
        *result = json_integer(a - b);
    else
        return errbuf_set(eb, SPRAT_E_INVAL, "two numbers are needed");
    return 0;
}

static int
update(void *ctx, const json_t *params, struct rpc_call *call, json_t **result,
       struct errbuf *eb)
{
    (void)call;
    (void)params;
    (void)result;
    (void)eb;
    ((struct calls *)ctx)->count++;
    return 0;
}

static int
full(void *ctx, const json_t *params, struct rpc_call *call, json_t **result,
     struct errbuf *eb)
{
    (void)call;
    (void)params;
    (void)result;
    ((struct calls *)ctx)->count++;
    return errbuf_set(eb, SPRAT_E_NOSPACE, "no room on /dev/null");
}

/* The first of two answers comes later, the second at once. */
struct later {
    struct rpc_call *call;
    unsigned called;
};

static int
later(void *ctx, const json_t *params, struct rpc_call *call, json_t **result, struct errbuf *eb)
{
    struct later *l = ctx;

    (void)params;
    (void)result;
    (void)eb;
    l->call = call;
    if (l->called++ == 1)
        rpc_answer(call, 0, json_string("at once"), NULL);
    return RPC_LATER;
}

static const struct rpc_method methods[] = {
    {"subtract", subtract},
    {"update", update},
    {"full", full},
    {"later", later},
};

struct served {
    unsigned times;
    char *line;
    size_t len;
};

static void
note_answer(void *ctx, char *line, size_t len)
{
    struct served *s = ctx;

    s->times++;
    s->line = line;
    s->len = len;
}

/* The answer to a text whose requests are all answered at once. */
static char *
serve(struct calls *calls, const char *text, size_t text_len, size_t *len)
{
    struct served s = {0};

    cr_assert_null(rpc_serve(methods, COUNT(methods), calls, text, text_len, note_answer, &s));
    cr_assert_eq(s.times, 1);
    *len = s.len;
    return s.line;
}

/* Serves |text| and compares the response as JSON; NULL: none is expected. */
static unsigned
expect(const char *text, const char *want)
{
    struct calls calls = {0};
    size_t len = 0;
    char *answer = serve(&calls, text, strlen(text), &len);

    if (want == NULL) {
        cr_expect_null(answer, "%s", answer);
        return calls.count;
    }
    cr_assert_not_null(answer, "%s", text);
    cr_expect_eq(strlen(answer), len);
    cr_expect_eq(strchr(answer, '\n'), answer + len - 1, "one line");
    json_t *got = json_loads(answer, 0, NULL), *exp = json_loads(want, 0, NULL);
    cr_assert_not_null(exp, "%s", want);
    cr_expect(json_equal(got, exp), "%s\n got %s want %s", text, answer, want);
    json_decref(got);
    json_decref(exp);
    free(answer);
    return calls.count;
}

/* Serves |text| and expects an error of |code| for |id| ("null" or a number). */
static void
expect_error(const char *text, int code, const char *id)
{
    struct calls calls = {0};
    size_t len = 0;
    char *answer = serve(&calls, text, strlen(text), &len);
    char want[64];

    cr_assert_not_null(answer, "%s", text);
    snprintf(want, sizeof(want), "\"code\":%d", code);
    cr_expect_not_null(strstr(answer, want), "%s: %s", text, answer);
    snprintf(want, sizeof(want), "\"id\":%s}", id);
    cr_expect_not_null(strstr(answer, want), "%s: %s", text, answer);
    free(answer);
}

Test(message, calls)
{
    expect("{\"jsonrpc\": \"2.0\", \"method\": \"subtract\", \"params\": [42, 23], \"id\": 1}",
           "{\"jsonrpc\": \"2.0\", \"result\": 19, \"id\": 1}");
    expect("{\"jsonrpc\": \"2.0\", \"method\": \"subtract\", \"id\": \"x\", "
           "\"params\": {\"subtrahend\": 23, \"minuend\": 42}}",
           "{\"jsonrpc\": \"2.0\", \"result\": 19, \"id\": \"x\"}");
    expect("{\"jsonrpc\": \"2.0\", \"method\": \"update\", \"id\": null}",
           "{\"jsonrpc\": \"2.0\", \"result\": null, \"id\": null}");
}

Test(message, notifications_are_done_and_not_answered)
{
    cr_expect_eq(expect("{\"jsonrpc\": \"2.0\", \"method\": \"update\", \"params\": [1]}", NULL),
                 1);
    cr_expect_eq(expect("{\"jsonrpc\": \"2.0\", \"method\": \"foobar\"}", NULL), 0);
    cr_expect_eq(expect("[{\"jsonrpc\": \"2.0\", \"method\": \"update\"},"
                        "{\"jsonrpc\": \"2.0\", \"method\": \"full\"}]",
                        NULL),
                 2);
}

Test(message, errors)
{
    expect_error("{\"jsonrpc\": \"2.0\", \"method\": \"foobar\", \"id\": 1}", RPC_E_METHOD, "1");
    expect_error("{\"jsonrpc\": \"2.0\", \"method\": \"foobar, \"params\": \"bar\", \"baz]",
                 RPC_E_PARSE, "null");
    expect_error("", RPC_E_PARSE, "null");
    expect_error("3", RPC_E_REQUEST, "null");
    expect_error("[]", RPC_E_REQUEST, "null");
    expect_error("[1]", RPC_E_REQUEST, "null");
    expect_error("{\"jsonrpc\": \"2.0\", \"method\": 1, \"params\": \"bar\"}", RPC_E_REQUEST,
                 "null");
    expect_error("{\"jsonrpc\": \"1.0\", \"method\": \"update\", \"id\": 5}", RPC_E_REQUEST, "5");
    expect_error("{\"jsonrpc\": \"2.0\", \"method\": \"update\", \"id\": []}", RPC_E_REQUEST,
                 "null");
    expect_error("{\"jsonrpc\": \"2.0\", \"method\": \"update\", \"params\": 3, \"id\": 5}",
                 RPC_E_REQUEST, "5");
    expect_error("{\"jsonrpc\": \"2.0\", \"method\": \"subtract\", \"params\": [1], \"id\": 9}",
                 RPC_E_PARAMS, "9");
    expect_error("{\"jsonrpc\": \"2.0\", \"method\": \"full\", \"id\": 9}",
                 RPC_SPRAT_BASE + SPRAT_E_NOSPACE, "9");
    expect_error("{\"jsonrpc\":\"2.0\",\"jsonrpc\":\"2.0\",\"method\":\"update\",\"id\":1}",
                 RPC_E_PARSE, "null");
}

Test(message, batches)
{
    expect("[{\"jsonrpc\": \"2.0\", \"method\": \"subtract\", \"params\": [3,1], \"id\": \"1\"},"
           "{\"jsonrpc\": \"2.0\", \"method\": \"update\", \"params\": [7]},"
           "{\"jsonrpc\": \"2.0\", \"method\": \"subtract\", \"params\": [42,23], \"id\": \"2\"},"
           "{\"foo\": \"boo\"}]",
           "[{\"jsonrpc\": \"2.0\", \"result\": 2, \"id\": \"1\"},"
           "{\"jsonrpc\": \"2.0\", \"result\": 19, \"id\": \"2\"},"
           "{\"jsonrpc\": \"2.0\", \"error\": {\"code\": -32600, \"message\": \"invalid request\"},"
           " \"id\": null}]");
}

Test(message, batch_limit)
{
    const char *one = "{\"jsonrpc\":\"2.0\",\"method\":\"update\"},";
    char *text = malloc(strlen(one) * (RPC_BATCH_MAX + 1) + 3), *p = text;

    *p++ = '[';
    for (int i = 0; i <= RPC_BATCH_MAX; i++)
        p = stpcpy(p, one);
    strcpy(p - 1, "]");
    expect_error(text, RPC_E_REQUEST, "null");
    free(text);
}

Test(message, deep_and_wide_texts_are_refused)
{
    char deep[3 * RPC_DEPTH_MAX], *wide = malloc(2 * RPC_ITEMS_MAX + 16);
    json_t *out = NULL;

    memset(deep, '[', RPC_DEPTH_MAX + 1);
    memset(deep + RPC_DEPTH_MAX + 1, ']', RPC_DEPTH_MAX + 1);
    cr_expect_eq(rpc_parse(deep, 2 * (RPC_DEPTH_MAX + 1), &out, NULL), SPRAT_E_DEPTH);
    cr_assert_eq(rpc_parse(deep + 1, 2 * RPC_DEPTH_MAX, &out, NULL), 0);
    json_decref(out);
    wide[0] = '[';
    for (size_t i = 0; i < RPC_ITEMS_MAX; i++)
        memcpy(wide + 1 + 2 * i, "1,", 2);
    memcpy(wide + 1 + 2 * RPC_ITEMS_MAX, "1]", 2);
    cr_expect_eq(rpc_parse(wide, 2 * RPC_ITEMS_MAX + 3, &out, NULL), SPRAT_E_TOOBIG);
    free(wide);
}

Test(message, brackets_in_strings_are_no_depth)
{
    char text[200];
    json_t *out = NULL;

    memset(text, '[', sizeof(text));
    memcpy(text, "[\"\\\"", 4);
    memcpy(text + sizeof(text) - 2, "\"]", 2);
    cr_assert_eq(rpc_parse(text, sizeof(text), &out, NULL), 0);
    cr_expect_eq(json_array_size(out), 1);
    json_decref(out);
    cr_expect_eq(rpc_parse("\"\\", 2, &out, NULL), SPRAT_E_SYNTAX, "an escape at the very end");
}

Test(message, both_sides)
{
    struct calls calls = {0};
    struct errbuf eb = {""};
    size_t len, answer_len;
    json_t *params = json_pack("[i,i]", 5, 3), *result = NULL;
    char *line = rpc_request("subtract", params, 7, &len);
    char *answer = serve(&calls, line, len - 1, &answer_len);

    cr_assert_eq(rpc_response(answer, answer_len - 1, 7, &result, &eb), 0, "%s", eb.text);
    cr_expect_eq(json_integer_value(result), 2);
    json_decref(result);
    cr_expect_eq(rpc_response(answer, answer_len - 1, 8, &result, &eb), SPRAT_E_PROTOCOL);
    free(line);
    free(answer);
    json_decref(params);

    line = rpc_request("full", NULL, 1, &len);
    answer = serve(&calls, line, len - 1, &answer_len);
    cr_expect_eq(rpc_response(answer, answer_len - 1, 1, &result, &eb), SPRAT_E_NOSPACE);
    cr_expect_str_eq(eb.text, "no room on /dev/null");
    free(line);
    free(answer);
}

Test(message, hostile_answers)
{
    static const char *const bad[] = {"",
                                      "nonsense",
                                      "[]",
                                      "{}",
                                      "null",
                                      "{\"result\":1}",
                                      "{\"result\":1,\"id\":\"1\"}",
                                      "{\"error\":1,\"id\":1}"};
    json_t *result = NULL;
    struct errbuf eb;

    for (size_t i = 0; i < COUNT(bad); i++)
        cr_expect_eq(rpc_response(bad[i], strlen(bad[i]), 1, &result, &eb), SPRAT_E_PROTOCOL, "%s",
                     bad[i]);
    const char *odd = "{\"error\":{\"code\":12345,\"message\":\"a\\nb\"},\"id\":1}";
    cr_expect_eq(rpc_response(odd, strlen(odd), 1, &result, &eb), SPRAT_E_REMOTE);
    cr_expect_str_eq(eb.text, "a\\nb");
    cr_expect_null(result);
}

Test(message, params)
{
    json_t *p = json_loads("{\"s\":\"x\",\"b\":true,\"n\":5,\"neg\":-1,\"nil\":null}", 0, NULL);
    const char *s = "old";
    bool b = false;
    uint64_t n = 9;
    struct errbuf eb;
    static const char *const all[] = {"s", "b", "n", "neg", "nil"};
    static const char *const few[] = {"s", "b", "n", "neg", "nill"};

    cr_expect_eq(rpc_get_string(p, "s", true, &s, &eb), 0);
    cr_expect_str_eq(s, "x");
    cr_expect_eq(rpc_get_string(p, "none", false, &s, &eb), 0);
    cr_expect_eq(rpc_get_string(p, "nil", false, &s, &eb), 0);
    cr_expect_str_eq(s, "x");
    cr_expect_eq(rpc_get_string(p, "nil", true, &s, &eb), SPRAT_E_INVAL);
    cr_expect_str_eq(eb.text, "'nil' is missing");
    cr_expect_eq(rpc_get_string(NULL, "s", true, &s, &eb), SPRAT_E_INVAL);
    cr_expect_eq(rpc_get_string(p, "n", true, &s, &eb), SPRAT_E_INVAL);
    cr_expect_eq(rpc_get_bool(p, "b", &b, &eb), 0);
    cr_expect(b);
    cr_expect_eq(rpc_get_bool(p, "s", &b, &eb), SPRAT_E_INVAL);
    cr_expect_eq(rpc_get_u64(p, "n", &n, &eb), 0);
    cr_expect_eq(n, 5);
    cr_expect_eq(rpc_get_u64(p, "neg", &n, &eb), SPRAT_E_INVAL);
    cr_expect_eq(rpc_check_keys(p, all, COUNT(all), &eb), 0);
    cr_expect_eq(rpc_check_keys(NULL, all, COUNT(all), &eb), 0);
    cr_expect_eq(rpc_check_keys(p, few, COUNT(few), &eb), SPRAT_E_INVAL);
    cr_expect_str_eq(eb.text, "unknown param 'nil'; did you mean 'nill'?");
    json_decref(p);
}

/* --- answers that come later --- */

static const char two_later[] = "[{\"jsonrpc\":\"2.0\",\"method\":\"later\",\"id\":1},"
                                "{\"jsonrpc\":\"2.0\",\"method\":\"later\",\"id\":2}]";

Test(message, a_batch_goes_on_when_an_answer_has_come)
{
    struct later l = {.called = 0};
    struct served s = {0};
    struct rpc_call *c = rpc_serve(methods, COUNT(methods), &l, two_later, strlen(two_later),
                                   note_answer, &s);

    cr_assert_not_null(c);
    cr_expect_eq(l.called, 1, "the second request waits for the first");
    cr_expect_eq(s.times, 0);
    rpc_answer(l.call, SPRAT_E_TIMEOUT, NULL, &(struct errbuf){"a loop hangs"});
    cr_assert_eq(s.times, 1);
    cr_expect_not_null(strstr(s.line, "a loop hangs"), "%s", s.line);
    cr_expect_not_null(strstr(s.line, "\"result\":\"at once\""), "%s", s.line);
    free(s.line);
}

Test(message, an_abandoned_batch_ends_with_the_request_under_way)
{
    struct later l = {.called = 0};
    struct served s = {0};

    rpc_abandon(rpc_serve(methods, COUNT(methods), &l, two_later, strlen(two_later), note_answer,
                          &s));
    rpc_answer(l.call, 0, json_true(), NULL);
    cr_expect_eq(l.called, 1);
    cr_expect_eq(s.times, 0);
}
