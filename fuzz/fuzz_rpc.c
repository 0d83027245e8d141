/* SPDX-License-Identifier: BSD-2-Clause */
/* The control protocol: the first byte says how the rest is split over reads; each message that
 * comes out is served by methods that look at their params, and read as a response too. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/rpc/base64.h"
#include "common/rpc/frame.h"
#include "common/rpc/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static int
look(void *ctx, const json_t *params, struct rpc_call *call, json_t **result, struct errbuf *eb)
{
    static const char *const known[] = {"metainfo", "data", "limit"};
    const char *text = NULL;
    uint8_t *bytes;
    uint64_t limit = 0;
    bool flag = false;
    size_t n;

    (void)ctx;
    (void)call;
    if (rpc_check_keys(params, known, 3, eb) != 0 ||
        rpc_get_string(params, "metainfo", true, &text, eb) != 0 ||
        rpc_get_bool(params, "data", &flag, eb) != 0 ||
        rpc_get_u64(params, "limit", &limit, eb) != 0)
        return SPRAT_E_INVAL;
    if (base64_decode(text, strlen(text), &bytes, &n) != 0)
        return SPRAT_E_SYNTAX;
    char *again = base64_encode(bytes, n);
    ASSERT(again == NULL || strcmp(again, text) == 0);
    free(again);
    free(bytes);
    *result = json_integer((json_int_t)n);
    return 0;
}

static void
on_answer(void *ctx, char *answer, size_t n)
{
    struct errbuf eb = {""};
    json_t *result;

    (void)ctx;
    if (answer != NULL) {
        ASSERT(n > 0 && strlen(answer) == n && memchr(answer, '\n', n) == answer + n - 1);
        if (rpc_response(answer, n - 1, 1, &result, &eb) == 0)
            json_decref(result);
        free(answer);
    }
}

static void
serve(const char *text, size_t len)
{
    static const struct rpc_method methods[] = {{"look", look}};
    struct errbuf eb = {""};
    json_t *result;

    ASSERT(rpc_serve(methods, 1, NULL, text, len, on_answer, NULL) == NULL);
    if (rpc_response(text, len, 1, &result, &eb) == 0)
        json_decref(result);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct rpc_frame f;
    const char *text;
    size_t n, part;

    if (len < 1)
        return 0;
    part = (size_t)data[0] + 1;
    rpc_frame_init(&f);
    for (size_t at = 1; at < len; at += part) {
        if (rpc_frame_feed(&f, data + at, len - at < part ? len - at : part) != 0)
            break;
        while (rpc_frame_next(&f, &text, &n) == 1)
            serve(text, n);
    }
    rpc_frame_fini(&f);
    return 0;
}
