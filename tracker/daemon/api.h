/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The operator's API to the registry, as JSON below /api/. A call is parsed from a request on the
 * loop, run on the thread that may use the registry, and turned into an answer on the loop again.
 * This module knows no socket and no token.
 *
 *  users                      GET: a page, ?sort=name|uploaded&skip=&limit=    POST: adds one
 *  users/NAME                 GET   POST: changes it   DELETE: disables it
 *  users/NAME/passkeys        GET   POST: adds one, which with "rotate": true replaces the others;
 *                             or with "revoke": KEY revokes that one. No path contains a passkey,
 *                             since proxies log paths
 *  users/NAME/totals          GET: a page of its torrents
 *  torrents                   GET: a page, the latest first    POST: adds one
 *  torrents/HASH              GET   POST: changes it   DELETE: removes it, with a "reason"
 *  clients                    GET   POST: sets a rule
 *  clients/PREFIX             DELETE: removes the rule
 *  signals                    GET: a page, the latest first
 *  accounts                   GET: totals
 *
 * Every answer is an object; a page is {"items": […], "more": true or false}, an error
 * {"error": "…"}.
 */
#ifndef TRACKER_DAEMON_API_H
#define TRACKER_DAEMON_API_H

#include "common/base/endpoint.h"
#include "common/base/log.h"
#include "common/codec/http_request.h"
#include "tracker/daemon/api_call.h"

enum { API_BODY_MAX = 16384 }; /* bytes of a request's body */

/* Parses a request whose path after "/api/" is |path|. Returns 0 and |*out|, or the HTTP status to
 * answer, with a message in |eb|: 400, 404, 405 (|*allow| gets the value of the Allow header), 503.
 */
int api_call_new(const struct http_request *req, const char *path, size_t path_len,
                 struct api_call **out, const char **allow, struct errbuf *eb);
void api_call_free(struct api_call *c); /* NULL is legal */

/* Parses only |skip|, |limit| and |sort| of the query. Returns 0, or 400 and a message. */
int api_query(struct api_call *c, const struct http_request *req, struct errbuf *eb);

/* Runs the call; may block. Errors as those of the registry, with a message. */
int api_call_run(struct api_call *c, struct registry *r, struct errbuf *eb);

/* Logs a call that was run, if it changes something: the call, its subject, the client |from|, and
 * the failure if |err| is not 0. Passkeys and bodies are not logged. */
void api_call_log(const struct api_call *c, const struct endpoint *from, int err, const char *why,
                  const struct log *log);

/* The HTTP status for an error of api_call_run() or accountant_ask(). */
int api_status(int err);

/* {"error": |text|}; NULL when memory is out. */
json_t *api_error(const char *text);

#endif
