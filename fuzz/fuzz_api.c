/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Fuzzes the admin API up to where the registry is asked: an HTTP request with its body becomes a
 * call, or a status with a sentence. Whatever is taken is within the limits that calls rely on.
 */
#include <string.h>

#include "common/base/assert.h"
#include "tracker/daemon/api.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_call(struct api_call *c)
{
    ASSERT(c->limit >= 1 && c->limit <= API_LIST_MAX && c->skip <= UINT32_MAX);
    ASSERT(strlen(c->name) <= API_PART_MAX);
    ASSERT(strlen(c->sort) <= API_VALUE_MAX);
    ASSERT(c->body == NULL || json_is_object(c->body));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct http_accepts accepts = {.more_methods = ~0u, .body_max = API_BODY_MAX};
    struct http_scan scan = {.accepts = &accepts};
    struct errbuf eb = {""};
    struct api_call *call = NULL;
    struct http_request req;
    const char *allow;
    int status;

    if (http_request_parse(&req, &scan, data, size) != 0 || req.path_len < 5)
        return 0;
    status = api_call_new(&req, req.path + 5, req.path_len - 5, &call, &allow, &eb);
    if (status == 0) {
        check_call(call);
    } else {
        json_t *said = api_error(eb.text);

        ASSERT(call == NULL && eb.text[0] != '\0' && status >= 400 && status < 600);
        ASSERT((status == 405) == (allow[0] != '\0'));
        ASSERT(said != NULL);
        json_decref(said);
    }
    api_call_free(call);
    return 0;
}
