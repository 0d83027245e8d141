/* SPDX-License-Identifier: BSD-2-Clause
 *
 * "piece layers" (BEP 52): each file of more than one piece gets the hashes of its pieces, checked
 * against its root. A layer that matches no file is an error; a missing layer is fetched from peers
 * later, as after a magnet link.
 */
#include <stdlib.h>
#include <string.h>

#include "common/codec/merkle.h"
#include "common/codec/metainfo_load.h"
#include "common/crypto/sha.h"

struct layer {
    const uint8_t *root;
    const uint8_t *hashes;
    size_t count;
    bool used; /* a file uses the layer, and it was checked */
};

struct layer_table {
    struct layer *items; /* ascending by root */
    size_t count;
};

static int
compare_root(const void *key, const void *item)
{
    return memcmp(key, ((const struct layer *)item)->root, SHA256_LEN);
}

static int
compare_layers(const void *a, const void *b)
{
    return compare_root(((const struct layer *)a)->root, b);
}

static int
read_layers(struct loader *l, struct bencode_item dict, struct layer_table *table)
{
    size_t n = 0;

    for (struct bencode_item k = bencode_first(dict); bencode_exists(k); k = bencode_next(dict, k))
        n++;
    if (n == 0)
        return 0;
    table->items = calloc(n, sizeof(*table->items));
    if (table->items == NULL)
        return SPRAT_E_NOMEM;
    for (struct bencode_item k = bencode_first(dict); bencode_exists(k);
         k = bencode_next(dict, k)) {
        struct layer *layer = &table->items[table->count++];
        size_t len;

        if (!bencode_string(k, &layer->root, &len) || len != SHA256_LEN)
            return errbuf_set(l->eb, SPRAT_E_TYPE, "piece layers: a key has not 32 bytes");
        if (!bencode_string(bencode_value(k), &layer->hashes, &len))
            return errbuf_set(l->eb, SPRAT_E_TYPE, "piece layers: a layer is not a string");
        if (len % SHA256_LEN != 0)
            return errbuf_set(
                l->eb, SPRAT_E_MISMATCH,
                "piece layers: a layer has %zu bytes, which is not a whole number of hashes", len);
        layer->count = len / SHA256_LEN;
    }
    qsort(table->items, table->count, sizeof(*table->items), compare_layers);
    return 0;
}

static int
check_layer(struct loader *l, const struct metainfo_file *file, struct layer *layer)
{
    unsigned height = merkle_log2(l->mi->piece_length / BLOCK_LEN);
    uint8_t root[SHA256_LEN];

    if (layer->count != file->piece_count)
        return errbuf_set(l->eb, SPRAT_E_MISMATCH,
                          "piece layers: the layer of %s has %zu hashes instead of %u", file->path,
                          layer->count, file->piece_count);
    if (layer->used)
        return 0;
    if (merkle_root(layer->hashes, layer->count, height, merkle_log2(layer->count), root) != 0 ||
        memcmp(root, file->root, SHA256_LEN) != 0)
        return errbuf_set(l->eb, SPRAT_E_HASH,
                          "piece layers: the layer of %s does not match its root", file->path);
    layer->used = true;
    return 0;
}

static int
hand_out(struct loader *l, struct layer_table *table)
{
    for (size_t i = 0; i < l->mi->file_count; i++) {
        struct metainfo_file *file = &l->mem->files[i];
        struct layer *layer = NULL;
        int err;

        if (!file->has_root || file->length <= l->mi->piece_length)
            continue;
        if (table->count > 0)
            layer = bsearch(file->root, table->items, table->count, sizeof(*layer), compare_root);
        if (layer == NULL) {
            l->mi->layers_missing = true;
            continue;
        }
        err = check_layer(l, file, layer);
        if (err != 0)
            return err;
        file->layer = layer->hashes;
    }
    for (size_t i = 0; i < table->count; i++)
        if (!table->items[i].used)
            return errbuf_set(l->eb, SPRAT_E_MISMATCH,
                              "piece layers: a layer belongs to no file of this torrent");
    return 0;
}

int
load_layers(struct loader *l)
{
    struct bencode_item dict = bencode_get(l->root, "piece layers");
    struct layer_table table = {0};
    int err;

    if (bencode_exists(dict) && !bencode_is(dict, BENCODE_DICT))
        return errbuf_set(l->eb, SPRAT_E_TYPE, "piece layers is not a dictionary");
    err = read_layers(l, dict, &table);
    if (err == 0)
        err = hand_out(l, &table);
    free(table.items);
    return err;
}
