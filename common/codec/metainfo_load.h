/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The internals of metainfo_parse(), for files called metainfo*.c only. Parsing goes in this order:
 * metainfo.c decodes and picks the format, metainfo_v1.c and metainfo_v2.c list the files,
 * metainfo_unique.c makes their paths unique and their links safe, metainfo_layers.c checks the
 * piece layers, and metainfo_about.c reads trackers, web seeds, nodes and texts.
 */
#ifndef COMMON_CODEC_METAINFO_LOAD_H
#define COMMON_CODEC_METAINFO_LOAD_H

#include "common/codec/bencode.h"
#include "common/codec/metainfo.h"
#include "common/codec/metainfo_path.h"

struct mem_chunk;

/* The memory that a metainfo owns. Small allocations come from chunks and are freed with them. */
struct metainfo_mem {
    struct mem_chunk *chunks; /* newest first */
    uint8_t *raw;
    struct metainfo_file *files;
    uint32_t *solid; /* indices of the files that are not empty, for metainfo_file_at() */
    size_t solid_count;
};

/* Allocates |len| bytes, aligned for any type, for the lifetime of the metainfo; NULL when memory
 * is out. */
void *mem_alloc(struct metainfo_mem *mem, size_t len);
char *mem_text(struct metainfo_mem *mem, const char *s, size_t len);
/* Frees the memory that |mem| owns, but not |mem| itself. */
void mem_fini(struct metainfo_mem *mem);

/* One list of the files: a hybrid has two. */
struct file_list {
    struct metainfo_file *items; /* owned until the metainfo takes it */
    size_t count, cap;
    uint64_t end; /* end of piece space */
    size_t path_bytes;
};

struct loader {
    struct metainfo *mi;
    struct metainfo_mem *mem;
    struct errbuf *eb;
    struct bencode_item root, info;
    struct file_list v1, v2;
    struct metainfo_path path; /* scratch: the path of the current file */
};

/* Appends |file|, whose path is |l->path|, to |list|. NOMEM, TOOBIG, RANGE, with a message. */
int load_add_file(struct loader *l, struct file_list *list, struct metainfo_file *file);

/* Reads the attributes in the "attr" string of |dict| (BEP 47). */
unsigned load_attr(struct bencode_item dict);

/* Appends every string of the list |names| to |path|; |what| and |index| are for the error message.
 * TYPE if an element is no string. */
int load_path_list(struct loader *l, struct metainfo_path *path, struct bencode_item names,
                   const char *what, size_t index);

/* Reads "symlink path" of |dict| into |file->symlink|, below the torrent's name. MISSING if |dict|
 * has no such key; TYPE, NOMEM. load_unique_paths() checks later that the target exists. */
int load_symlink(struct loader *l, struct bencode_item dict, struct metainfo_file *file,
                 size_t index);

/* Lists the files of "files" or "length", and finds "pieces". */
int load_v1_files(struct loader *l);

/* Lists the files of "file tree". */
int load_v2_files(struct loader *l);

/* Compares |l->v1| with |l->v2| and copies the roots to |l->v1|. MISMATCH. */
int load_hybrid(struct loader *l);

/* Renames files until all paths differ and no file has the path of another's directory, then
 * resolves symlinks: a symlink that does not lead to a file or directory of this torrent points to
 * itself afterwards. Pads keep their paths, since they are never on disk. NOMEM, UNSAFE, TOOBIG. */
int load_unique_paths(struct loader *l);

/* Gives each v2 file its piece layer. */
int load_layers(struct loader *l);

/* Reads trackers, web seeds, nodes and texts. Malformed values are left out, since they are not
 * content. */
int load_about(struct loader *l);

#endif
