/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A hash table and an LRU list under one mutex; descriptors are closed without the mutex.
 */
#include "peer/store/openfiles.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/assert.h"
#include "common/crypto/random.h"
#include "common/ds/hashmap.h"
#include "common/ds/list.h"
#include "common/sys/lock.h"
#include "peer/store/claims.h"

struct openfile_key {
    uintptr_t owner;
    size_t file;
    size_t write;
};

struct openfile {
    struct hashmap_node node;
    struct list link; /* on |idle|, |held| or |gone| */
    struct openfile_key key;
    uint32_t refs;
    bool gone; /* removed from the table; closed when the last holder drops it */
    int fd;
    uint64_t ticket; /* ticket of its claim; 0: opened for reading */
};

struct openfiles {
    struct lock lock;
    struct claims *claims;
    struct hashmap map;
    struct list idle; /* least recently used first */
    struct list held;
    uint32_t idle_count;
    uint32_t max;
};

static bool
match_key(const struct hashmap_node *node, const void *key, size_t len)
{
    const struct openfile *f = (const struct openfile *)(const void *)node; /* the first member */

    return memcmp(&f->key, key, len) == 0;
}

struct openfiles *
openfiles_new(uint32_t max, struct claims *claims)
{
    struct openfiles *of = calloc(1, sizeof(*of));
    uint64_t seed[2];

    if (of == NULL)
        return NULL;
    random_bytes(seed, sizeof(seed));
    hashmap_init(&of->map, seed, match_key);
    lock_init(&of->lock);
    list_init(&of->idle);
    list_init(&of->held);
    of->max = max;
    of->claims = claims;
    return of;
}

static void
close_fd(struct openfiles *of, int fd, uint64_t ticket)
{
    if (of->claims != NULL)
        claims_close(of->claims, ticket, fd);
    close(fd);
}

/* Closes all files on a private list. The lock must not be held: close() can take long. */
static void
close_all(struct openfiles *of, struct list *files)
{
    struct list *link;

    while ((link = list_pop_front(files)) != NULL) {
        struct openfile *f = LIST_ENTRY(link, struct openfile, link);
        close_fd(of, f->fd, f->ticket);
        free(f);
    }
}

/* Removes an idle file for closing. */
static void
retire(struct openfiles *of, struct openfile *f, struct list *closing)
{
    if (!f->gone)
        hashmap_remove(&of->map, &f->node);
    list_remove(&f->link);
    list_push_back(closing, &f->link);
    of->idle_count--;
}

void
openfiles_free(struct openfiles *of)
{
    struct list closing;

    if (of == NULL)
        return;
    ASSERT(list_empty(&of->held));
    list_init(&closing);
    while (!list_empty(&of->idle))
        retire(of, LIST_ENTRY(of->idle.next, struct openfile, link), &closing);
    close_all(of, &closing);
    hashmap_fini(&of->map);
    lock_fini(&of->lock);
    free(of);
}

/* The lock must be held. */
static struct openfile *
find_and_hold(struct openfiles *of, const struct openfile_key *key)
{
    struct hashmap_node *node = hashmap_find(&of->map, key, sizeof(*key));
    struct openfile *f;

    if (node == NULL)
        return NULL;
    f = LIST_ENTRY(node, struct openfile, node);
    if (f->refs++ == 0) {
        list_remove(&f->link);
        list_push_back(&of->held, &f->link);
        of->idle_count--;
    }
    return f;
}

struct openfile *
openfiles_get(struct openfiles *of, const void *owner, size_t file, bool write)
{
    struct openfile_key key = {.owner = (uintptr_t)owner, .file = file, .write = true};
    struct openfile *f;

    lock_take(&of->lock);
    f = find_and_hold(of, &key);
    if (f == NULL && !write) {
        key.write = false;
        f = find_and_hold(of, &key);
    }
    lock_drop(&of->lock);
    return f;
}

struct openfile *
openfiles_put(struct openfiles *of, const void *owner, size_t file, bool write, int fd,
              uint64_t ticket)
{
    struct openfile_key key = {.owner = (uintptr_t)owner, .file = file, .write = write};
    struct openfile *f, *fresh = calloc(1, sizeof(*fresh));

    lock_take(&of->lock);
    f = find_and_hold(of, &key);
    if (f == NULL && fresh != NULL) {
        *fresh = (struct openfile){.key = key, .refs = 1, .fd = fd, .ticket = ticket};
        if (hashmap_add(&of->map, &fresh->node, &fresh->key, sizeof(fresh->key)) == 0) {
            list_push_back(&of->held, &fresh->link);
            f = fresh;
            fresh = NULL;
        }
    }
    lock_drop(&of->lock);
    if (f == NULL || f->fd != fd)
        close_fd(of, fd, ticket);
    free(fresh);
    return f;
}

int
openfile_fd(const struct openfile *f)
{
    return f->fd;
}

void
openfiles_drop(struct openfiles *of, struct openfile *f)
{
    struct list closing;

    list_init(&closing);
    lock_take(&of->lock);
    if (--f->refs == 0) {
        list_remove(&f->link);
        list_push_back(&of->idle, &f->link);
        of->idle_count++;
        if (f->gone)
            retire(of, f, &closing);
        else if (of->idle_count > of->max)
            retire(of, LIST_ENTRY(of->idle.next, struct openfile, link), &closing);
    }
    lock_drop(&of->lock);
    close_all(of, &closing);
}

static bool
is_of(const struct openfile *f, const void *owner, size_t file)
{
    return f->key.owner == (uintptr_t)owner && (file == SIZE_MAX || f->key.file == file);
}

static void
each_reader_on(struct list *files, const void *owner, size_t file, void (*each)(int fd))
{
    LIST_EACH(it, files) {
        struct openfile *f = LIST_ENTRY(it, struct openfile, link);
        if (is_of(f, owner, file) && !f->key.write)
            each(f->fd);
    }
}

void
openfiles_each_reader(struct openfiles *of, const void *owner, size_t file, void (*each)(int fd))
{
    lock_take(&of->lock);
    each_reader_on(&of->idle, owner, file, each);
    each_reader_on(&of->held, owner, file, each);
    lock_drop(&of->lock);
}

void
openfiles_forget(struct openfiles *of, const void *owner, size_t file)
{
    struct list closing;

    list_init(&closing);
    lock_take(&of->lock);
    LIST_EACH_SAFE(it, &of->idle) {
        struct openfile *f = LIST_ENTRY(it, struct openfile, link);
        if (is_of(f, owner, file))
            retire(of, f, &closing);
    }
    LIST_EACH(it, &of->held) {
        struct openfile *f = LIST_ENTRY(it, struct openfile, link);
        if (is_of(f, owner, file) && !f->gone) {
            hashmap_remove(&of->map, &f->node);
            f->gone = true;
        }
    }
    lock_drop(&of->lock);
    close_all(of, &closing);
}
