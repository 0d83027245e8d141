/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads torrent files: decodes, picks the format, calls the parts in order, and computes totals. A
 * v1 file is read leniently, because the info-hash covers its bytes as they are; with "meta
 * version" the info dictionary must be canonical, so that it can't be read in two ways. Also
 * answers questions about pieces and files.
 */
#include "common/codec/metainfo.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/hex.h"
#include "common/codec/metainfo_load.h"
#include "common/crypto/sha.h"

enum {
    ITEMS_MAX = 16 * 1000 * 1000,
    META_VERSION = 2,
};

static const struct bencode_limits limits = {
    .depth_max = METAINFO_DEPTH_MAX, .size_max = METAINFO_SIZE_MAX, .items_max = ITEMS_MAX};

static int
decode(struct loader *l, struct bencode *b)
{
    int err = bencode_decode(b, l->mi->raw, l->mi->raw_len, BENCODE_LENIENT, &limits);

    if (err != 0)
        return errbuf_set(l->eb, err, "not a torrent file: the bencode is bad: %s",
                          sprat_strerror(err));
    l->root = bencode_root(b);
    return 0;
}

/* Only the info dictionary defines the torrent's identity: a newline after the end, or keys that
 * another program appended, are harmless. */
static int
check_canonical(struct loader *l)
{
    struct bencode b;
    int err = bencode_decode(&b, l->mi->info, l->mi->info_len, BENCODE_STRICT, &limits);

    if (err == 0)
        bencode_fini(&b);
    if (err == SPRAT_E_NOTCANONICAL)
        errbuf_set(l->eb, err, "info: not canonical bencode, which a v2 torrent must be");
    return err;
}

/* Finds the info dictionary and, before anything else in it, its version (BEP 52). */
static int
find_info(struct loader *l, const struct bencode *b)
{
    struct bencode_item version;
    int64_t number = 0;

    if (!bencode_is(l->root, BENCODE_DICT))
        return errbuf_set(l->eb, SPRAT_E_TYPE, "not a torrent file: it is not a dictionary");
    l->info = bencode_get(l->root, "info");
    if (!bencode_exists(l->info))
        return errbuf_set(l->eb, SPRAT_E_MISSING, "not a torrent file: info is missing");
    if (!bencode_is(l->info, BENCODE_DICT))
        return errbuf_set(l->eb, SPRAT_E_TYPE, "info is not a dictionary");
    l->mi->info = bencode_raw(l->info, &l->mi->info_len);
    version = bencode_get(l->info, "meta version");
    if (!bencode_exists(version)) {
        if (bencode_exists(bencode_get(l->info, "file tree")))
            return errbuf_set(l->eb, SPRAT_E_MISSING, "info: meta version is missing");
        return 0;
    }
    if (!bencode_int(version, &number))
        return errbuf_set(l->eb, SPRAT_E_TYPE, "info: meta version is not a number");
    if (number != META_VERSION)
        return errbuf_set(l->eb, SPRAT_E_VERSION,
                          "info: meta version is %" PRId64 ", and only %d is known", number,
                          META_VERSION);
    l->mi->id.has_v2 = true;
    return b->canonical ? 0 : check_canonical(l);
}

/* Sets the format and the info-hashes. */
static void
identify(struct loader *l)
{
    struct metainfo *mi = l->mi;

    mi->id.has_v1 = !mi->id.has_v2 || bencode_exists(bencode_get(l->info, "pieces")) ||
                 bencode_exists(bencode_get(l->info, "files")) ||
                 bencode_exists(bencode_get(l->info, "length"));
    if (mi->id.has_v1)
        sha1(mi->info, mi->info_len, mi->id.v1);
    if (mi->id.has_v2)
        sha256(mi->info, mi->info_len, mi->id.v2);
    mi->format = !mi->id.has_v2 ? METAINFO_V1 : mi->id.has_v1 ? METAINFO_HYBRID : METAINFO_V2;
}

static int
read_piece_length(struct loader *l)
{
    struct bencode_item item = bencode_get(l->info, "piece length");
    int64_t n;

    if (!bencode_exists(item))
        return errbuf_set(l->eb, SPRAT_E_MISSING, "info: piece length is missing");
    if (!bencode_int(item, &n))
        return errbuf_set(l->eb, SPRAT_E_TYPE, "info: piece length is not a number");
    if (n <= 0 || n > METAINFO_PIECE_LEN_MAX)
        return errbuf_set(l->eb, SPRAT_E_RANGE,
                          "info: piece length is %" PRId64 ", not from 1 to %d", n,
                          METAINFO_PIECE_LEN_MAX);
    if (l->mi->id.has_v2 && (n < BLOCK_LEN || (n & (n - 1)) != 0))
        return errbuf_set(l->eb, SPRAT_E_RANGE,
                          "info: piece length is %" PRId64 ", no power of two from %d on", n,
                          BLOCK_LEN);
    l->mi->piece_length = (uint32_t)n;
    return 0;
}

/* The name, or the info-hash if cleaning leaves nothing of the name. */
static int
read_name(struct loader *l)
{
    struct bencode_item item = bencode_get_type(l->info, "name.utf-8", BENCODE_STRING);
    char name[METAINFO_NAME_MAX + 1];
    const uint8_t *hash = l->mi->id.has_v1 ? l->mi->id.v1 : l->mi->id.v2;
    size_t hash_len = l->mi->id.has_v1 ? SHA1_LEN : SHA256_LEN;
    const uint8_t *s;
    size_t len;

    if (!bencode_exists(item))
        item = bencode_get(l->info, "name");
    if (!bencode_exists(item))
        return errbuf_set(l->eb, SPRAT_E_MISSING, "info: name is missing");
    if (!bencode_string(item, &s, &len))
        return errbuf_set(l->eb, SPRAT_E_TYPE, "info: name is not a string");
    len = metainfo_name_clean(s, len, name);
    if (len == 0)
        len = strlen(hex_encode(hash, hash_len, name));
    l->mi->name = mem_text(l->mem, name, len);
    return l->mi->name != NULL ? 0 : SPRAT_E_NOMEM;
}

static int
read_files(struct loader *l)
{
    int err = 0;

    if (l->mi->id.has_v2)
        err = load_v2_files(l);
    if (err == 0 && l->mi->id.has_v1) {
        l->mi->multi_file = bencode_exists(bencode_get(l->info, "files"));
        err = load_v1_files(l);
    }
    if (err == 0 && l->mi->format == METAINFO_HYBRID)
        err = load_hybrid(l);
    return err != 0 ? err : load_unique_paths(l);
}

/* Moves the files into the metainfo, and computes totals. */
static int
move_files(struct loader *l)
{
    struct file_list *list = l->mi->id.has_v1 ? &l->v1 : &l->v2;
    uint32_t length = l->mi->piece_length;

    l->mem->files = list->items;
    l->mi->files = list->items;
    l->mi->file_count = list->count;
    l->mi->span = list->end;
    l->mi->piece_count = (uint32_t)(list->end / length + (list->end % length != 0));
    list->items = NULL;
    l->mem->solid = calloc(l->mi->file_count, sizeof(*l->mem->solid));
    if (l->mem->solid == NULL)
        return SPRAT_E_NOMEM;
    for (size_t i = 0; i < l->mi->file_count; i++) {
        struct metainfo_file *file = &l->mem->files[i];

        file->first_piece = (uint32_t)(file->offset / length);
        if (file->length == 0)
            continue;
        file->piece_count =
            (uint32_t)((file->offset + file->length - 1) / length) - file->first_piece + 1;
        l->mem->solid[l->mem->solid_count++] = (uint32_t)i;
        if ((file->attr & ATTR_PAD) == 0)
            l->mi->total_size += file->length;
    }
    /* A torrent without content is refused, as by libtorrent. */
    if (l->mi->total_size == 0)
        return errbuf_set(l->eb, SPRAT_E_RANGE, "info: the files contain no data");
    return 0;
}

static int
load_torrent(struct loader *l, const struct bencode *b)
{
    int err = find_info(l, b);

    if (err != 0)
        return err;
    identify(l);
    err = read_piece_length(l);
    if (err == 0)
        err = read_name(l);
    if (err == 0)
        err = read_files(l);
    if (err == 0)
        err = move_files(l);
    if (err == 0 && l->mi->id.has_v2)
        err = load_layers(l);
    return err != 0 ? err : load_about(l);
}

static struct metainfo *
metainfo_new(const uint8_t *raw, size_t len)
{
    struct metainfo *mi = calloc(1, sizeof(*mi));

    if (mi == NULL)
        return NULL;
    mi->mem = calloc(1, sizeof(*mi->mem));
    if (mi->mem != NULL)
        mi->mem->raw = malloc(len > 0 ? len : 1);
    if (mi->mem == NULL || mi->mem->raw == NULL) {
        metainfo_free(mi);
        return NULL;
    }
    if (len > 0)
        memcpy(mi->mem->raw, raw, len);
    mi->raw = mi->mem->raw;
    mi->raw_len = len;
    return mi;
}

int
metainfo_parse(const uint8_t *raw, size_t len, struct metainfo **out, struct errbuf *eb)
{
    struct loader l = {.eb = eb};
    struct bencode b;
    int err;

    if (len > METAINFO_SIZE_MAX)
        return errbuf_set(eb, SPRAT_E_TOOBIG, "larger than %d bytes", METAINFO_SIZE_MAX);
    l.mi = metainfo_new(raw, len);
    if (l.mi == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    l.mem = l.mi->mem;
    err = decode(&l, &b);
    if (err == 0) {
        err = load_torrent(&l, &b);
        bencode_fini(&b);
    }
    free(l.v1.items);
    free(l.v2.items);
    if (err == SPRAT_E_NOMEM)
        errbuf_set(eb, err, "out of memory");
    if (err != 0) {
        metainfo_free(l.mi);
        return err;
    }
    *out = l.mi;
    return 0;
}

void
metainfo_free(struct metainfo *mi)
{
    if (mi == NULL)
        return;
    if (mi->mem != NULL)
        mem_fini(mi->mem);
    free(mi->mem);
    free(mi);
}

uint32_t
metainfo_piece_len(const struct metainfo *mi, uint32_t p)
{
    uint64_t start = (uint64_t)p * mi->piece_length;
    uint64_t end = mi->span;

    ASSERT(p < mi->piece_count);
    if (!mi->id.has_v1) {
        const struct metainfo_file *file = &mi->files[metainfo_file_at(mi, start)];

        end = file->offset + file->length;
    }
    return end - start < mi->piece_length ? (uint32_t)(end - start) : mi->piece_length;
}

size_t
metainfo_file_at(const struct metainfo *mi, uint64_t offset)
{
    const uint32_t *solid = mi->mem->solid;
    size_t low = 0, high = mi->mem->solid_count;

    ASSERT(offset < mi->span);
    /* solid[low] starts at or before |offset|, solid[high] after it. */
    while (high - low > 1) {
        size_t mid = low + (high - low) / 2;

        if (mi->files[solid[mid]].offset <= offset)
            low = mid;
        else
            high = mid;
    }
    return solid[low];
}
