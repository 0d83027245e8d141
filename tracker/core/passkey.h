/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Finds the target of a request ("/announce" or "/scrape") and the passkey in its path and query.
 * The passkey is a folder before the target (/PASSKEY/announce) or a parameter of the query
 * (passkey=PASSKEY). Over UDP the same text is the URL data (BEP 41).
 */
#ifndef TRACKER_CORE_PASSKEY_H
#define TRACKER_CORE_PASSKEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tracker/core/access.h"

enum {
    PASSKEY_DIGITS = 2 * ACCESS_PASSKEY_LEN,
    PASSKEY_TEXT_SIZE = PASSKEY_DIGITS + 1, /* with a NUL */
};

enum request_target { TARGET_OTHER, TARGET_ANNOUNCE, TARGET_SCRAPE };

enum passkey_form {
    PASSKEY_NONE,  /* the request has no passkey */
    PASSKEY_GIVEN, /* 32 hex digits of either case */
    PASSKEY_BAD,   /* the text in its place is not a passkey, or the query has two different ones */
};

struct passkey_request {
    enum request_target target;
    enum passkey_form form;
    bool in_path; /* the passkey is a folder before the target */
    uint8_t key[ACCESS_PASSKEY_LEN];
};

/* Parses an HTTP target: |path| begins with '/'; |query| is the text after the '?'. */
void passkey_parse_request(struct passkey_request *r, const char *path, size_t path_len,
                           const char *query, size_t query_len);

/* Parses the URL data of a UDP announce: path and query in one text, "" for none. |target| is
 * TARGET_ANNOUNCE, whatever the path ends in. */
void passkey_parse_url(struct passkey_request *r, const char *url, size_t len);

/* Reads exactly PASSKEY_DIGITS hex digits. Returns false for any other text. */
bool passkey_parse(uint8_t key[ACCESS_PASSKEY_LEN], const char *text, size_t len);

/* Writes |key| in lower-case hex with a NUL; returns |out|. */
const char *passkey_format(const uint8_t key[ACCESS_PASSKEY_LEN], char out[PASSKEY_TEXT_SIZE]);

#endif
