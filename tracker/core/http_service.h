/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Answers HTTP requests to the tracker (BEP 3, 7, 23, 24, 31, 48): the input is a parsed request,
 * the output a whole response. No socket. A private tracker has a gate, and finds the passkey as
 * passkey.h describes; an open tracker serves only the paths /announce and /scrape.
 */
#ifndef TRACKER_CORE_HTTP_SERVICE_H
#define TRACKER_CORE_HTTP_SERVICE_H

#include "common/codec/http_request.h"
#include "common/codec/tracker_query.h"
#include "common/ds/buf.h"
#include "tracker/core/doors.h"
#include "tracker/core/gate.h"

enum {
    HTTP_SERVICE_BODY_MAX = 65536,
    HTTP_SERVICE_REPLY_MAX = HTTP_SERVICE_BODY_MAX + 512, /* no response is longer */
};

/* Embedded; private except the counters. Its buffer grows once and is then reused. */
struct http_service {
    struct tracker_doors doors;
    struct tracker_gate gate; /* its |ctx| is NULL in an open tracker */
    struct buf body;
    struct tally announces; /* announces that reached the tracker */
    struct tally errors;    /* failure replies and statuses other than 200 */
    struct tally throttled; /* requests beyond the rate limit */
    struct tally denied;    /* requests that the gate refused */
    struct tally parked;    /* requests that had to wait */
};

/* |doors| is copied; the trackers behind it are borrowed. */
void http_service_init(struct http_service *h, const struct tracker_doors *doors);
/* Makes the service private; |gate| is copied. */
void http_service_set_gate(struct http_service *h, const struct tracker_gate *gate);
void http_service_fini(struct http_service *h);

/* Appends the response to |out|, which has room for HTTP_SERVICE_REPLY_MAX more bytes. Returns
 * false, and appends nothing, if the request must wait and be tried again: never on the last turn,
 * and never without a cluster. */
bool http_service_answer(struct http_service *h, const struct http_request *req,
                         const struct endpoint *from, enum service_turn turn, struct buf *out,
                         struct mono now);

/* Appends an error response with |req->status|, after which the connection must be closed. */
void http_service_refuse(struct http_service *h, const struct http_request *req, struct buf *out);

#endif
