/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sentences for HTTP requests that got no answer, and for other network errors: what happened, and
 * what the user can do.
 */
#ifndef COMMON_EV_FETCHSAY_H
#define COMMON_EV_FETCHSAY_H

#include <stddef.h>

#include "common/ev/fetch.h"
#include "common/ev/url.h"

/* Whom the sentences are about. */
struct fetchsay {
    const char *who;   /* "tracker" or "server" */
    unsigned answer_s; /* seconds that an answer may take */
};

/* Writes the sentence for a request to |url| without an HTTP answer: |res->cause| is not
 * FETCH_NO_CAUSE. */
void fetchsay_cause(char *out, size_t size, const struct fetchsay *about, const struct url *url,
                    const struct fetch_result *res);

/* Writes the sentence for the error |err| at |url|, whatever its scheme. |waited_s|: seconds waited
 * for an answer. */
void fetchsay_err(char *out, size_t size, const struct fetchsay *about, const struct url *url,
                  int err, unsigned waited_s);

#endif
