/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The tracker behind HTTP requests (BEP 3, 7, 23, 24, 31, 48): the head of a request in, a whole
 * response out. No socket. A private tracker has a gate: passkey.h says where it looks for the
 * passkey; an open one knows no paths but /announce and /scrape.
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

/* Embedded; private but for the counters. Its buffer grows once and is used again and again. */
struct http_service {
    struct tracker_doors doors;
    struct tracker_gate gate; /* of a private tracker */
    struct buf body;
    struct tally announces; /* that reached the tracker */
    struct tally errors;    /* failure replies and statuses other than 200 */
    struct tally throttled; /* requests beyond the rate limit */
    struct tally denied;    /* requests that the gate did not let in */
    struct tally parked;    /* that had to come again */
};

/* |doors| are copied, and what is behind them borrowed. */
void http_service_init(struct http_service *h, const struct tracker_doors *doors);
/* Makes it private; copied, as the doors are. */
void http_service_set_gate(struct http_service *h, const struct tracker_gate *gate);
void http_service_fini(struct http_service *h);

/* Appends the response to |out|, which has room for HTTP_SERVICE_REPLY_MAX more bytes. False, and
 * nothing is appended, if the request shall come again: not on the last turn, and never where
 * trackers are alone. */
bool http_service_answer(struct http_service *h, const struct http_request *req,
                         const struct endpoint *from, enum service_turn turn, struct buf *out,
                         struct mono now);

/* Appends an error response with |req->status|, after which the connection is to be closed. */
void http_service_refuse(struct http_service *h, const struct http_request *req, struct buf *out);

#endif
