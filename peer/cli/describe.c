/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Torrents and magnet links, each as JSON and as text. Strings from torrent files go to terminals
 * only through text_fit(), and into JSON only as UTF-8.
 */
#include "peer/cli/describe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/hex.h"
#include "common/ds/buf.h"
#include "common/rpc/jsontext.h"
#include "peer/cli/text.h"

enum { LINE_MAX_BYTES = METAINFO_PATH_MAX * 4, HOST_PORT_MAX = 300 };

const char *
describe_format(bool v1, bool v2)
{
    return v1 && v2 ? "hybrid" : v2 ? "v2" : "v1";
}

static json_t *
json_hex(const uint8_t *bytes, size_t len)
{
    char hex[HEX_SIZE(32)];

    return bytes != NULL ? json_string(hex_encode(bytes, len, hex)) : json_null();
}

void
describe_put_hashes(json_t *o, const uint8_t *v1, const uint8_t *v2)
{
    json_object_set_new(o, "info_hash_v1", json_hex(v1, 20));
    json_object_set_new(o, "info_hash_v2", json_hex(v2, 32));
}

static json_t *
json_files(const struct metainfo *mi)
{
    json_t *files = json_array();

    for (size_t i = 0; i < mi->file_count; i++) {
        json_t *f;

        if (mi->files[i].attr & ATTR_PAD)
            continue;
        f = json_object();
        json_object_set_new(f, "path", json_text(mi->files[i].path));
        json_object_set_new(f, "length", json_integer((json_int_t)mi->files[i].length));
        json_array_append_new(files, f);
    }
    return files;
}

static json_t *
json_tiers(const struct metainfo_tier *tiers, size_t count)
{
    json_t *all = json_array();

    for (size_t i = 0; i < count; i++) {
        json_t *tier = json_array();

        for (size_t k = 0; k < tiers[i].count; k++)
            json_array_append_new(tier, json_text(tiers[i].urls[k]));
        json_array_append_new(all, tier);
    }
    return all;
}

static json_t *
json_texts(const char *const *texts, size_t count)
{
    json_t *all = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(all, json_text(texts[i]));
    return all;
}

/* Returns the text of |b|, to be freed, and leaves |b| empty; NULL after an error of |b|. */
static char *
text_of(struct buf *b)
{
    size_t len;
    char *text = buf_str(b) != NULL ? (char *)buf_take(b, &len) : NULL;

    buf_fini(b);
    return text;
}

/* The magnet link of |mi|, to be freed; NULL when memory is out. */
static char *
magnet_of(const struct metainfo *mi)
{
    struct buf b;

    buf_init(&b, SIZE_MAX / 2);
    magnet_print_metainfo(mi, NULL, &b);
    return text_of(&b);
}

/* Writes HOST:PORT, or [IPV6]:PORT. */
static void
put_host_port(char text[HOST_PORT_MAX], const char *host, uint16_t port)
{
    snprintf(text, HOST_PORT_MAX, strchr(host, ':') ? "[%.255s]:%u" : "%.255s:%u", host,
             (unsigned)port);
}

static json_t *
json_nodes(const struct metainfo *mi)
{
    json_t *all = json_array();
    char text[HOST_PORT_MAX];

    for (size_t i = 0; i < mi->node_count; i++) {
        put_host_port(text, mi->nodes[i].host, mi->nodes[i].port);
        json_array_append_new(all, json_text(text));
    }
    return all;
}

json_t *
describe_json(const struct metainfo *mi)
{
    json_t *o = json_object();
    char *magnet = magnet_of(mi);

    json_object_set_new(o, "name", json_text(mi->name));
    json_object_set_new(o, "format", json_string(describe_format(mi->id.has_v1, mi->id.has_v2)));
    describe_put_hashes(o, mi->id.has_v1 ? mi->id.v1 : NULL,
                        mi->id.has_v2 ? mi->id.v2 : NULL);
    json_object_set_new(o, "piece_length", json_integer(mi->piece_length));
    json_object_set_new(o, "piece_count", json_integer(mi->piece_count));
    json_object_set_new(o, "total_size", json_integer((json_int_t)mi->total_size));
    json_object_set_new(o, "private", json_boolean(mi->is_private));
    json_object_set_new(o, "files", json_files(mi));
    json_object_set_new(o, "trackers", json_tiers(mi->tiers, mi->tier_count));
    json_object_set_new(o, "web_seeds", json_texts(mi->web_seeds, mi->web_seed_count));
    json_object_set_new(o, "dht_nodes", json_nodes(mi));
    json_object_set_new(o, "magnet", json_text(magnet));
    free(magnet);
    return o;
}

static char *
print_magnet(const struct magnet *m)
{
    struct buf b;

    buf_init(&b, SIZE_MAX / 2);
    magnet_print(m, &b);
    return text_of(&b);
}

json_t *
describe_magnet_json(const struct magnet *m)
{
    static const char *const unknown[] = {"piece_length", "piece_count", "total_size", "private",
                                          "files"};
    json_t *o = json_object(), *tiers = json_array(), *tier;
    char *link = print_magnet(m);

    json_object_set_new(o, "name", json_text(m->name));
    json_object_set_new(o, "format", json_string(describe_format(m->id.has_v1, m->id.has_v2)));
    describe_put_hashes(o, m->id.has_v1 ? m->id.v1 : NULL, m->id.has_v2 ? m->id.v2 : NULL);
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
        json_object_set_new(o, unknown[i], json_null());
    for (size_t i = 0; i < m->tracker_count; i++) {
        tier = json_array();
        json_array_append_new(tier, json_text(m->trackers[i]));
        json_array_append_new(tiers, tier);
    }
    json_object_set_new(o, "trackers", tiers);
    json_object_set_new(o, "web_seeds",
                        json_texts((const char *const *)m->web_seeds, m->web_seed_count));
    json_object_set_new(o, "dht_nodes", json_array());
    json_object_set_new(o, "magnet", json_text(link));
    free(link);
    return o;
}

/* Prints a row "label  text"; |text| is made safe for a terminal. */
static void
row(const char *label, const char *text)
{
    char safe[LINE_MAX_BYTES];

    text_fit(safe, sizeof(safe), text, METAINFO_PATH_MAX);
    printf("%-13s %s\n", label, safe);
}

static void
row_hash(const char *label, const uint8_t *bytes, size_t len)
{
    char hex[HEX_SIZE(32)];

    row(label, hex_encode(bytes, len, hex));
}

static void
row_time(const char *label, int64_t seconds)
{
    char text[64];
    time_t t = (time_t)seconds;
    struct tm tm;

    if (gmtime_r(&t, &tm) != NULL && strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm) > 0)
        row(label, text);
}

size_t
describe_count_files(const struct metainfo *mi)
{
    size_t n = 0;

    for (size_t i = 0; i < mi->file_count; i++)
        n += (mi->files[i].attr & ATTR_PAD) == 0;
    return n;
}

static void
text_files(const struct metainfo *mi)
{
    printf("\nfiles\n");
    for (size_t i = 0; i < mi->file_count; i++) {
        const struct metainfo_file *f = &mi->files[i];
        char path[LINE_MAX_BYTES], target[LINE_MAX_BYTES], size[TEXT_NUMBER_MAX];

        if (f->attr & ATTR_PAD)
            continue;
        text_fit(path, sizeof(path), f->path, METAINFO_PATH_MAX);
        printf("%12s  %s%s", f->attr & ATTR_SYMLINK ? "link" : text_size(f->length, size), path,
               f->attr & ATTR_EXECUTABLE ? " (executable)" : "");
        if (f->symlink != NULL) {
            text_fit(target, sizeof(target), f->symlink, METAINFO_PATH_MAX);
            printf(" -> %s", target);
        }
        putchar('\n');
    }
}

static void
text_trackers(const struct metainfo *mi)
{
    for (size_t i = 0; i < mi->tier_count; i++)
        for (size_t k = 0; k < mi->tiers[i].count; k++)
            row(i == 0 && k == 0 ? "trackers" : "", mi->tiers[i].urls[k]);
    for (size_t i = 0; i < mi->web_seed_count; i++)
        row(i == 0 ? "web seeds" : "", mi->web_seeds[i]);
}

static void
text_nodes(const struct metainfo *mi)
{
    char text[HOST_PORT_MAX];

    for (size_t i = 0; i < mi->node_count; i++) {
        put_host_port(text, mi->nodes[i].host, mi->nodes[i].port);
        row(i == 0 ? "DHT nodes" : "", text);
    }
}

void
describe_text(const struct metainfo *mi)
{
    char size[TEXT_NUMBER_MAX], line[128];

    row("name", mi->name);
    row("format", describe_format(mi->id.has_v1, mi->id.has_v2));
    if (mi->id.has_v1)
        row_hash("info-hash v1", mi->id.v1, 20);
    if (mi->id.has_v2)
        row_hash("info-hash v2", mi->id.v2, 32);
    snprintf(line, sizeof(line), "%s (%llu bytes) in %zu %s", text_size(mi->total_size, size),
             (unsigned long long)mi->total_size, describe_count_files(mi),
             describe_count_files(mi) == 1 ? "file" : "files");
    row("size", line);
    snprintf(line, sizeof(line), "%u of %s", mi->piece_count, text_size(mi->piece_length, size));
    row("pieces", line);
    row("private", mi->is_private ? "yes" : "no");
    text_trackers(mi);
    text_nodes(mi);
    if (mi->source != NULL)
        row("source", mi->source);
    if (mi->comment != NULL)
        row("comment", mi->comment);
    if (mi->created_by != NULL)
        row("created by", mi->created_by);
    if (mi->creation_date != 0)
        row_time("created at", mi->creation_date);
    if (mi->layers_missing)
        row("piece layers", "missing: they are fetched from peers first");
    text_files(mi);
}

void
describe_created(const struct metainfo *mi, const char *path, const char *note)
{
    row("torrent", path);
    if (mi->id.has_v1)
        row_hash("info-hash v1", mi->id.v1, 20);
    if (mi->id.has_v2)
        row_hash("info-hash v2", mi->id.v2, 32);
    if (note != NULL)
        row("note", note);
}

void
describe_magnet_text(const struct magnet *m)
{
    char *link = print_magnet(m), line[HOST_PORT_MAX];

    row("name", m->name != NULL ? m->name : "(not known)");
    row("format", describe_format(m->id.has_v1, m->id.has_v2));
    if (m->id.has_v1)
        row_hash("info-hash v1", m->id.v1, 20);
    if (m->id.has_v2)
        row_hash("info-hash v2", m->id.v2, 32);
    for (size_t i = 0; i < m->tracker_count; i++)
        row(i == 0 ? "trackers" : "", m->trackers[i]);
    for (size_t i = 0; i < m->web_seed_count; i++)
        row(i == 0 ? "web seeds" : "", m->web_seeds[i]);
    for (size_t i = 0; i < m->peer_count; i++) {
        put_host_port(line, m->peers[i].host, m->peers[i].port);
        row(i == 0 ? "peers" : "", line);
    }
    if (m->range_count > 0)
        row("files", "a selection");
    if (link != NULL)
        row("magnet", link);
    free(link);
}
