/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One call of the operator's API (api.h) while it runs: its arguments, and the functions that make
 * its answer. The files api_*.c, which have the calls, know this and not the table of paths.
 */
#ifndef TRACKER_DAEMON_API_CALL_H
#define TRACKER_DAEMON_API_CALL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "tracker/store/registry.h"

enum {
    API_LIST_MAX = 100, /* items of a page; and what is given where no limit is asked for */
    API_PART_MAX = 192, /* bytes of a part of a path, unescaped */
    API_VALUE_MAX = 32, /* bytes of a value in a query */
};

/* A call under way. */
struct api_call {
    const struct api_route *route;
    char name[API_PART_MAX + 1]; /* the second part of the path */
    json_t *body;                /* an object, or NULL */
    uint64_t skip, limit;
    char sort[API_VALUE_MAX + 1]; /* "" if the query has none */
    int status;                   /* of the answer */
    json_t *answer;
};

/* A page of a list while it is filled. */
struct api_page {
    json_t *items;
    uint64_t limit;
    bool more;
};

/* Begins a page. Callers ask the registry for one item more than the page shows, to learn whether
 * there are more. */
int api_page_begin(struct api_page *p, const struct api_call *c);
/* Adds an item, whose reference it takes. Its result can be the result of an |each| callback. */
int api_page_add(struct api_page *p, json_t *item);
/* Makes the page the answer if |err| is 0; returns |err|. */
int api_page_end(struct api_page *p, struct api_call *c, int err);

/* Sets the answer to |answer|, whose reference it takes. NOMEM if that is NULL. */
int api_answer(struct api_call *c, int status, json_t *answer);

/* Runs |c| on |r|, blocks, and makes the answer. Returns as the registry does, with a sentence. */
typedef int (*api_run_fn)(struct api_call *c, struct registry *r, struct errbuf *eb);

#endif
