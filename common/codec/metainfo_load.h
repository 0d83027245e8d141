/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the parts of metainfo_parse() share; for files called metainfo*.c only. Parsing goes in this
 * order: metainfo.c decodes and picks the format, metainfo_v1.c and metainfo_v2.c list the files,
 * metainfo_unique.c makes their paths unique and their links harmless, metainfo_layers.c checks the
 * piece layers, and metainfo_about.c reads what is not content.
 */
#ifndef COMMON_CODEC_METAINFO_LOAD_H
#define COMMON_CODEC_METAINFO_LOAD_H

#include "common/codec/bencode.h"
#include "common/codec/metainfo.h"
#include "common/codec/metainfo_path.h"

struct mem_chunk;

/* Everything that a metainfo owns. Small things live in chunks and are freed with them. */
struct metainfo_mem {
    struct mem_chunk *chunks; /* the newest first */
    uint8_t *raw;
    struct metainfo_file *files;
    uint32_t *solid; /* indices of the files that have bytes, for metainfo_file_at() */
    size_t solid_count;
};

/* |len| bytes, aligned for anything, for as long as the metainfo lives; NULL when memory is out. */
void *mem_alloc(struct metainfo_mem *mem, size_t len);
char *mem_text(struct metainfo_mem *mem, const char *s, size_t len);
/* Frees what |mem| owns, not |mem| itself. */
void mem_fini(struct metainfo_mem *mem);

/* One description of the files: a hybrid has two. */
struct file_list {
    struct metainfo_file *items; /* owned until the metainfo takes it */
    size_t count, cap;
    uint64_t end; /* of piece space */
    size_t path_bytes;
};

struct loader {
    struct metainfo *mi;
    struct metainfo_mem *mem;
    struct errbuf *eb;
    struct bencode_item root, info;
    struct file_list v1, v2;
    struct metainfo_path path; /* scratch: what is being listed */
};

/* Adds |file|, whose path is |l->path|, to |list| at its end. Says NOMEM, TOOBIG, RANGE. */
int load_add_file(struct loader *l, struct file_list *list, struct metainfo_file *file);

/* The attributes in the "attr" string of |dict| (BEP 47). */
unsigned load_attr(struct bencode_item dict);

/* Appends every string of the list |names| to |path|; |what| and |index| are for the error's
 * sentence. TYPE if one is not a string. */
int load_path_list(struct loader *l, struct metainfo_path *path, struct bencode_item names,
                   const char *what, size_t index);

/* Reads "symlink path" of |dict| into |file->symlink|, below the torrent's name. MISSING if it is
 * none; TYPE, NOMEM. Whether the target exists is found out in load_symlinks(). */
int load_symlink(struct loader *l, struct bencode_item dict, struct metainfo_file *file,
                 size_t index);

/* Lists the files of "files" or "length", and finds "pieces". */
int load_v1_files(struct loader *l);

/* Lists the files of "file tree". */
int load_v2_files(struct loader *l);

/* Compares |l->v1| with |l->v2| and copies the roots over to |l->v1|. MISMATCH. */
int load_hybrid(struct loader *l);

/* Renames files until each path is taken once and no file is where another has a directory, then
 * resolves symlinks: one that does not lead to a file or directory of this torrent points to itself
 * afterwards. Pads are left alone: they are never on disk. NOMEM, UNSAFE, TOOBIG. */
int load_unique_paths(struct loader *l);

/* Hands each v2 file its piece layer. */
int load_layers(struct loader *l);

/* Trackers, web seeds, nodes and texts. What is malformed here is left out, it is not content. */
int load_about(struct loader *l);

#endif
