/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Puts the texts together. All go through one static buffer: a test looks at one at a time.
 */
#include "tests/unit/codec/torrent_text.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_ROOM = 64 * 1024, HASHES_ROOM = 2000 };

static char room[TEXT_ROOM];

/* An exact copy on the heap, so that a sanitizer sees a read behind the end. */
static int
parse(const char *text, struct metainfo **mi, struct errbuf *eb)
{
    size_t len = strlen(text);
    uint8_t *copy = malloc(len > 0 ? len : 1);
    int err;

    memcpy(copy, text, len);
    err = metainfo_parse(copy, len, mi, eb);
    free(copy);
    return err;
}

struct metainfo *
text_load(const char *text)
{
    struct metainfo *mi = NULL;
    struct errbuf eb = {0};

    cr_assert_eq(parse(text, &mi, &eb), 0, "%s: %.300s", eb.text, text);
    return mi;
}

void
text_refuse(const char *text, int err, const char *needle)
{
    struct metainfo *mi = NULL;
    struct errbuf eb = {0};
    int got = parse(text, &mi, &eb);

    cr_assert_eq(got, err, "%d \"%s\" instead of %d: %.300s", got, eb.text, err, text);
    cr_assert_not_null(strstr(eb.text, needle), "\"%s\" says nothing of \"%s\"", eb.text, needle);
    cr_assert_null(mi);
}

static const char *
hashes(unsigned pieces)
{
    static char text[HASHES_ROOM];
    int n = snprintf(text, sizeof(text), "%u:", pieces * 20);

    cr_assert_lt((size_t)n + pieces * 20, sizeof(text));
    memset(text + n, 'h', (size_t)pieces * 20);
    text[(size_t)n + pieces * 20] = '\0';
    return text;
}

const char *
text_v1(const char *files, unsigned pieces)
{
    snprintf(room, sizeof(room), "d4:infod5:filesl%se4:name1:t12:piece lengthi16384e6:pieces%see",
             files, hashes(pieces));
    return room;
}

const char *
text_v2(const char *tree, const char *layers)
{
    snprintf(room, sizeof(room),
             "d4:infod9:file treed%se12:meta versioni2e4:name1:t12:piece lengthi16384ee%s%s%s",
             tree, layers != NULL ? "12:piece layersd" : "", layers != NULL ? layers : "",
             layers != NULL ? "ee" : "e");
    return room;
}

const char *
text_hybrid(const char *tree, const char *files, unsigned pieces)
{
    snprintf(room, sizeof(room),
             "d4:infod9:file treed%se5:filesl%se12:meta versioni2e4:name1:t"
             "12:piece lengthi16384e6:pieces%see",
             tree, files, hashes(pieces));
    return room;
}

const char *
text_around(const char *before, const char *inside, const char *after)
{
    snprintf(room, sizeof(room),
             "d%s4:infod6:lengthi1e4:name1:t12:piece lengthi16384e6:pieces%s%se%se", before,
             hashes(1), inside, after);
    return room;
}
