/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads magnet links. Links come from web pages, so every part is bounded. Malformed parts that
 * only help to find peers are dropped without refusing the link.
 */
#include "common/codec/magnet.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/hex.h"
#include "common/codec/uri.h"
#include "common/base/utf8.h"

/* An unescaped value of the link. */
struct value {
    const uint8_t *bytes;
    size_t len;
};

static bool
starts_with(struct value v, const char *prefix)
{
    size_t len = strlen(prefix);

    return v.len >= len && strncasecmp((const char *)v.bytes, prefix, len) == 0;
}

static struct value
behind(struct value v, size_t len)
{
    return (struct value){v.bytes + len, v.len - len};
}

static bool
read_hex(struct value v, uint8_t *out, size_t len)
{
    return v.len == 2 * len && hex_decode((const char *)v.bytes, v.len, out);
}

/* RFC 4648, section 6: 32 letters for 20 bytes, in either case. */
static bool
read_base32(struct value v, uint8_t out[20])
{
    uint64_t bits = 0;
    unsigned have = 0;
    size_t used = 0;

    if (v.len != 32)
        return false;
    for (size_t i = 0; i < v.len; i++) {
        uint8_t c = v.bytes[i];

        if (c >= '2' && c <= '7')
            c = (uint8_t)(c - '2' + 26);
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
            c = (uint8_t)((c | 0x20) - 'a');
        else
            return false;
        bits = bits << 5 | c;
        have += 5;
        if (have >= 8) {
            have -= 8;
            out[used++] = (uint8_t)(bits >> have);
        }
    }
    return true;
}

/* Stores an info-hash; a second one of the same kind must be equal. */
static int
set_hash(bool *has, uint8_t *hash, const uint8_t *read, size_t len, struct errbuf *eb)
{
    if (*has && memcmp(hash, read, len) != 0)
        return errbuf_set(eb, SPRAT_E_MISMATCH,
                          "the magnet link has two different info-hashes of one kind");
    *has = true;
    memcpy(hash, read, len);
    return 0;
}

static int
read_topic(struct magnet *m, struct value v, struct errbuf *eb)
{
    static const char v1[] = "urn:btih:", v2[] = "urn:btmh:", sha256_tag[] = "1220";
    uint8_t hash[32];

    if (starts_with(v, v1)) {
        v = behind(v, sizeof(v1) - 1);
        if (!read_hex(v, hash, 20) && !read_base32(v, hash))
            return errbuf_set(eb, SPRAT_E_SYNTAX,
                              "the magnet link's btih is neither 40 hex digits "
                              "nor 32 of base32");
        return set_hash(&m->id.has_v1, m->id.v1, hash, 20, eb);
    }
    if (starts_with(v, v2)) {
        v = behind(v, sizeof(v2) - 1);
        if (!starts_with(v, sha256_tag) || !read_hex(behind(v, sizeof(sha256_tag) - 1), hash, 32))
            return errbuf_set(eb, SPRAT_E_SYNTAX,
                              "the magnet link's btmh is not 1220 and 64 hex digits");
        return set_hash(&m->id.has_v2, m->id.v2, hash, 32, eb);
    }
    /* Links may name the same content for other networks too. */
    return 0;
}

static int
read_name(struct magnet *m, struct value v)
{
    if (m->name != NULL || v.len == 0)
        return 0;
    m->name = malloc(v.len + 1);
    if (m->name == NULL)
        return SPRAT_E_NOMEM;
    utf8_repair(v.bytes, v.len, m->name);
    /* The name must be a single line. */
    for (char *c = m->name; *c != '\0'; c++)
        if (*c == '\n' || *c == '\t')
            *c = ' ';
    return 0;
}

/* Makes room for one more item in an array of |count|. */
static int
grow(void **items, size_t count, size_t size)
{
    void *grown;

    /* The array is full at each power of two. */
    if ((count & (count - 1)) != 0)
        return 0;
    grown = realloc(*items, (count > 0 ? count * 2 : 1) * size);
    if (grown == NULL)
        return SPRAT_E_NOMEM;
    *items = grown;
    return 0;
}

static int
add_url(char ***urls, size_t *count, size_t max, struct value v)
{
    char url[URI_MAX + 1];
    void *items = *urls;

    if (*count == max || uri_clean(v.bytes, v.len, url) == 0)
        return 0;
    for (size_t i = 0; i < *count; i++)
        if (strcmp((*urls)[i], url) == 0)
            return 0;
    if (grow(&items, *count, sizeof(**urls)) != 0)
        return SPRAT_E_NOMEM;
    *urls = items;
    (*urls)[*count] = strdup(url);
    if ((*urls)[*count] == NULL)
        return SPRAT_E_NOMEM;
    (*count)++;
    return 0;
}

/* Reads decimal digits up to |stop| or the end, and advances past them. False if there are none, or
 * the number exceeds |max|. */
static bool
read_number(struct value *v, uint32_t max, uint32_t *number)
{
    uint64_t n = 0;
    size_t i = 0;

    for (; i < v->len && v->bytes[i] >= '0' && v->bytes[i] <= '9'; i++) {
        n = n * 10 + (uint64_t)(v->bytes[i] - '0');
        if (n > max)
            return false;
    }
    *v = behind(*v, i);
    *number = (uint32_t)n;
    return i > 0;
}

static bool
is_host(struct value v)
{
    for (size_t i = 0; i < v.len; i++)
        if (v.bytes[i] <= ' ' || v.bytes[i] >= 0x7f || strchr("[]/@", v.bytes[i]) != NULL)
            return false;
    return v.len > 0 && v.len <= 255;
}

/* Splits "host:port" or "[v6]:port". */
static bool
split_peer(struct value v, struct value *host, uint32_t *port)
{
    const uint8_t *colon = v.len > 0 ? memrchr(v.bytes, ':', v.len) : NULL;
    struct value rest;

    if (colon == NULL)
        return false;
    *host = (struct value){v.bytes, (size_t)(colon - v.bytes)};
    rest = behind(v, host->len + 1);
    if (host->len > 2 && host->bytes[0] == '[' && host->bytes[host->len - 1] == ']')
        *host = (struct value){host->bytes + 1, host->len - 2};
    else if (memchr(host->bytes, ':', host->len) != NULL)
        return false;
    return is_host(*host) && read_number(&rest, 65535, port) && rest.len == 0 && *port > 0;
}

static int
add_peer(struct magnet *m, struct value v)
{
    struct value host;
    uint32_t port;
    void *items = m->peers;
    char *copy;

    if (m->peer_count == MAGNET_PEERS_MAX || !split_peer(v, &host, &port))
        return 0;
    if (grow(&items, m->peer_count, sizeof(*m->peers)) != 0)
        return SPRAT_E_NOMEM;
    m->peers = items;
    copy = strndup((const char *)host.bytes, host.len);
    if (copy == NULL)
        return SPRAT_E_NOMEM;
    m->peers[m->peer_count++] = (struct magnet_peer){.host = copy, .port = (uint16_t)port};
    return 0;
}

static int
add_range(struct magnet *m, struct magnet_range range, struct errbuf *eb)
{
    void *items = m->ranges;

    if (m->range_count == MAGNET_RANGES_MAX)
        return errbuf_set(eb, SPRAT_E_TOOBIG, "the magnet link's so has more than %d parts",
                          MAGNET_RANGES_MAX);
    if (grow(&items, m->range_count, sizeof(*m->ranges)) != 0)
        return SPRAT_E_NOMEM;
    m->ranges = items;
    m->ranges[m->range_count++] = range;
    return 0;
}

/* Reads "0,2,4-6" (BEP 53). An error here refuses the whole link: a user who selected some files
 * must not get all files. */
static int
read_selection(struct magnet *m, struct value v, struct errbuf *eb)
{
    for (;;) {
        struct magnet_range range;
        bool ok = read_number(&v, METAINFO_FILES_MAX - 1, &range.first);
        int err;

        range.last = range.first;
        if (ok && starts_with(v, "-")) {
            v = behind(v, 1);
            ok = read_number(&v, METAINFO_FILES_MAX - 1, &range.last) && range.first <= range.last;
        }
        if (!ok || (v.len > 0 && v.bytes[0] != ','))
            return errbuf_set(eb, SPRAT_E_SYNTAX,
                              "the magnet link's so is not a list of file numbers like 0,2,4-6");
        err = add_range(m, range, eb);
        if (err != 0 || v.len == 0)
            return err;
        v = behind(v, 1);
    }
}

/* True if |key| is |name|, or |name| with a number as in "tr.1". */
static bool
is_key(struct value key, const char *name)
{
    uint32_t number;

    if (!starts_with(key, name))
        return false;
    key = behind(key, strlen(name));
    if (key.len == 0)
        return true;
    if (key.bytes[0] != '.')
        return false;
    key = behind(key, 1);
    return read_number(&key, UINT32_MAX, &number) && key.len == 0;
}

static int
read_parameter(struct magnet *m, struct value key, struct value v, struct errbuf *eb)
{
    if (is_key(key, "xt"))
        return read_topic(m, v, eb);
    if (is_key(key, "dn"))
        return read_name(m, v);
    if (is_key(key, "tr"))
        return add_url(&m->trackers, &m->tracker_count, MAGNET_TRACKERS_MAX, v);
    if (is_key(key, "ws"))
        return add_url(&m->web_seeds, &m->web_seed_count, MAGNET_WEB_SEEDS_MAX, v);
    if (is_key(key, "x.pe"))
        return add_peer(m, v);
    if (is_key(key, "so"))
        return read_selection(m, v, eb);
    if (is_key(key, "x.private"))
        m->is_private = v.len == 1 && v.bytes[0] == '1';
    return 0;
}

/* Unescapes a value. In names '+' is a space, since web pages encode names like forms. */
static struct value
unescape(struct value key, const char *raw, size_t len, uint8_t *scratch)
{
    memcpy(scratch, raw, len);
    if (is_key(key, "dn"))
        for (size_t i = 0; i < len; i++)
            if (scratch[i] == '+')
                scratch[i] = ' ';
    return (struct value){scratch, uri_unescape((const char *)scratch, len, scratch)};
}

/* Reads |text|, which follows the scheme; |scratch| is large enough for it. */
static int
read_parameters(struct magnet *m, const char *text, uint8_t *scratch, struct errbuf *eb)
{
    while (*text != '\0') {
        size_t len = strcspn(text, "&");
        size_t key_len = strcspn(text, "=&");
        struct value key = {(const uint8_t *)text, key_len};
        struct value v = {scratch, 0};
        int err;

        if (key_len < len)
            v = unescape(key, text + key_len + 1, len - key_len - 1, scratch);
        err = read_parameter(m, key, v, eb);
        if (err != 0)
            return err;
        text += len + (text[len] == '&');
    }
    if (!m->id.has_v1 && !m->id.has_v2)
        return errbuf_set(eb, SPRAT_E_MISSING,
                          "the magnet link has no info-hash (xt=urn:btih: or xt=urn:btmh:)");
    return 0;
}

int
magnet_parse(const char *text, struct magnet **out, struct errbuf *eb)
{
    size_t len = strnlen(text, MAGNET_LEN_MAX + 1);
    struct magnet *m;
    uint8_t *scratch;
    int err;

    if (len > MAGNET_LEN_MAX)
        return errbuf_set(eb, SPRAT_E_TOOBIG, "the magnet link is longer than %d bytes",
                          MAGNET_LEN_MAX);
    if (strncasecmp(text, MAGNET_SCHEME, sizeof(MAGNET_SCHEME) - 1) != 0)
        return errbuf_set(eb, SPRAT_E_SYNTAX, "a magnet link begins with %s", MAGNET_SCHEME);
    m = calloc(1, sizeof(*m));
    scratch = malloc(len);
    err = m == NULL || scratch == NULL
              ? SPRAT_E_NOMEM
              : read_parameters(m, text + sizeof(MAGNET_SCHEME) - 1, scratch, eb);
    free(scratch);
    if (err == SPRAT_E_NOMEM)
        errbuf_set(eb, err, "out of memory");
    if (err != 0) {
        magnet_free(m);
        return err;
    }
    *out = m;
    return 0;
}

static void
free_all(char **texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(texts[i]);
    free(texts);
}

void
magnet_free(struct magnet *m)
{
    if (m == NULL)
        return;
    free(m->name);
    free_all(m->trackers, m->tracker_count);
    free_all(m->web_seeds, m->web_seed_count);
    for (size_t i = 0; i < m->peer_count; i++)
        free(m->peers[i].host);
    free(m->peers);
    free(m->ranges);
    free(m);
}
