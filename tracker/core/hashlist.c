/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The hashes are sorted. A directory, indexed by the first bits of a hash, says where the hashes
 * with these bits begin. Info-hashes are evenly distributed, so each entry of the directory covers
 * a few hashes. The operator writes the list, so no attacker can choose hashes that share an entry.
 */
#include "tracker/core/hashlist.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/bytes.h"
#include "common/base/hex.h"

enum {
    PER_PLACE = 8, /* hashes, on average */
    V1_DIGITS = 40,
    V2_DIGITS = 64,
    GROWTH_MIN = 256,
};

struct hashlist {
    uint8_t (*hashes)[TRACKER_HASH_LEN];
    size_t count, cap;
    uint32_t *begins; /* 2^bits + 1 */
    unsigned bits;
};

static int
compare(const void *a, const void *b)
{
    return memcmp(a, b, TRACKER_HASH_LEN);
}

static size_t
place_of(const struct hashlist *l, const uint8_t *hash)
{
    return l->bits == 0 ? 0 : get_u32be(hash) >> (32 - l->bits);
}

static int
append(struct hashlist *l, const uint8_t hash[TRACKER_HASH_LEN])
{
    if (l->count == HASHLIST_MAX)
        return SPRAT_E_LIMIT;
    if (l->count == l->cap) {
        size_t cap = l->cap + (l->cap > GROWTH_MIN ? l->cap : GROWTH_MIN);
        uint8_t(*hashes)[TRACKER_HASH_LEN] = realloc(l->hashes, cap * TRACKER_HASH_LEN);

        if (hashes == NULL)
            return SPRAT_E_NOMEM;
        l->hashes = hashes;
        l->cap = cap;
    }
    memcpy(l->hashes[l->count++], hash, TRACKER_HASH_LEN);
    return 0;
}

/* Returns how many hex digits |line| begins with; the first 40 are stored in |hash|. */
static size_t
read_digits(const char *line, size_t len, uint8_t hash[TRACKER_HASH_LEN])
{
    size_t n = 0;

    for (; n < len && hex_digit_value(line[n]) >= 0; n++) {
        uint8_t digit = (uint8_t)hex_digit_value(line[n]);

        if (n < V1_DIGITS)
            hash[n / 2] = (uint8_t)(n % 2 == 0 ? digit << 4 : hash[n / 2] | digit);
    }
    return n;
}

static int
parse_line(struct hashlist *l, const char *line, size_t len)
{
    uint8_t hash[TRACKER_HASH_LEN];
    size_t digits;

    while (len > 0 && (line[0] == ' ' || line[0] == '\t'))
        line++, len--;
    if (len == 0 || line[0] == '#' || line[0] == '\r')
        return 0;
    digits = read_digits(line, len, hash);
    if (digits != V1_DIGITS && digits != V2_DIGITS)
        return SPRAT_E_SYNTAX;
    if (digits < len && line[digits] != ' ' && line[digits] != '\t' && line[digits] != '\r')
        return SPRAT_E_SYNTAX;
    return append(l, hash);
}

static void
sort_and_drop_doubles(struct hashlist *l)
{
    size_t kept = 0;

    if (l->count > 0)
        qsort(l->hashes, l->count, TRACKER_HASH_LEN, compare);
    for (size_t i = 0; i < l->count; i++)
        if (i == 0 || compare(l->hashes[i], l->hashes[kept - 1]) != 0)
            memmove(l->hashes[kept++], l->hashes[i], TRACKER_HASH_LEN);
    l->count = kept;
}

static int
make_directory(struct hashlist *l)
{
    size_t places, at = 0;

    while (l->bits < 24 && ((size_t)PER_PLACE << l->bits) < l->count)
        l->bits++;
    places = (size_t)1 << l->bits;
    l->begins = malloc((places + 1) * sizeof(*l->begins));
    if (l->begins == NULL)
        return SPRAT_E_NOMEM;
    for (size_t place = 0; place <= places; place++) {
        while (at < l->count && place_of(l, l->hashes[at]) < place)
            at++;
        l->begins[place] = (uint32_t)at;
    }
    return 0;
}

static int
parse_text(struct hashlist *l, const char *text, size_t len, struct errbuf *eb)
{
    size_t number = 1;

    for (const char *end = text + len; text < end; number++) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        size_t line_len = (size_t)((newline != NULL ? newline : end) - text);
        int err = parse_line(l, text, line_len);

        if (err == SPRAT_E_SYNTAX)
            return errbuf_set(eb, err, "line %zu: this is no info-hash of 40 or 64 hex digits",
                              number);
        if (err != 0)
            return errbuf_set(eb, err, "line %zu: %s", number,
                              err == SPRAT_E_LIMIT ? "too many hashes" : sprat_strerror(err));
        text += line_len + (newline != NULL);
    }
    return 0;
}

int
hashlist_parse(const char *text, size_t len, struct hashlist **out, struct errbuf *eb)
{
    struct hashlist *l = calloc(1, sizeof(*l));
    int err;

    if (l == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    err = parse_text(l, text, len, eb);
    if (err == 0) {
        sort_and_drop_doubles(l);
        err = make_directory(l);
        if (err != 0)
            errbuf_set(eb, err, "out of memory");
    }
    if (err != 0) {
        hashlist_free(l);
        return err;
    }
    *out = l;
    return 0;
}

void
hashlist_free(struct hashlist *l)
{
    if (l == NULL)
        return;
    free(l->hashes);
    free(l->begins);
    free(l);
}

bool
hashlist_has(const struct hashlist *l, const uint8_t hash[TRACKER_HASH_LEN])
{
    size_t place = place_of(l, hash);
    uint32_t begin = l->begins[place], end = l->begins[place + 1];

    return end > begin &&
           bsearch(hash, l->hashes[begin], end - begin, TRACKER_HASH_LEN, compare) != NULL;
}

size_t
hashlist_count(const struct hashlist *l)
{
    return l->count;
}
