/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A row has the nodes in one blob, as the id and the compact endpoint of each (BEP 5, 32).
 */
#include "peer/store/statedht.h"

#include <stdlib.h>
#include <string.h>

#include "common/codec/compact.h"
#include "peer/store/statedb.h"

enum { NODE_LEN_MAX = STATE_DHT_ID_LEN + COMPACT_V6_LEN };

struct dht_job {
    struct state_job job;
    struct endpoint at;
    uint8_t id[STATE_DHT_ID_LEN];
    size_t len;
    uint8_t nodes[]; /* |len| bytes */
};

static struct dht_job *
job_of(struct state_job *j)
{
    return LIST_ENTRY(j, struct dht_job, job);
}

static size_t
pack_at(const struct endpoint *at, uint8_t out[STATE_ADDR_MAX])
{
    struct endpoint plain = *at;

    plain.port = 0;
    plain.zone = 0;
    return state_addr_pack(&plain, out);
}

static int
put_row(struct db *db, const struct dht_job *d, struct errbuf *eb)
{
    uint8_t at[STATE_ADDR_MAX];
    size_t len = pack_at(&d->at, at);
    sqlite3_stmt *q;
    int err =
        db_prepare(db, "INSERT OR REPLACE INTO dht (at, id, nodes) VALUES (?1, ?2, ?3)", &q, eb);

    if (err != 0)
        return err;
    sqlite3_bind_blob(q, 1, at, (int)len, SQLITE_STATIC);
    sqlite3_bind_blob(q, 2, d->id, STATE_DHT_ID_LEN, SQLITE_STATIC);
    sqlite3_bind_blob(q, 3, d->nodes, (int)d->len, SQLITE_STATIC);
    return db_run(db, q, "storing the DHT's nodes", eb);
}

/* A host whose addresses change leaves rows that no node needs any more. */
static int
delete_surplus(struct db *db, struct errbuf *eb)
{
    return db_run_with(db,
                       "DELETE FROM dht WHERE rowid IN"
                       " (SELECT rowid FROM dht ORDER BY rowid DESC LIMIT -1 OFFSET ?1)",
                       (const int64_t[]){STATE_DHT_ROWS_MAX}, 1, "forgetting the DHT's nodes", eb);
}

static int
apply_dht(struct db *db, struct state_job *j)
{
    int err = put_row(db, job_of(j), &j->why);

    return err != 0 ? err : delete_surplus(db, &j->why);
}

static void
free_dht(struct state_job *j)
{
    free(job_of(j));
}

static void
pack_nodes(struct dht_job *d, const struct state_dht *row)
{
    for (size_t i = 0; i < row->count && i < STATE_DHT_NODES_MAX; i++) {
        const struct state_dht_node *n = &row->nodes[i];

        if (n->addr.family != d->at.family)
            continue;
        memcpy(d->nodes + d->len, n->id, STATE_DHT_ID_LEN);
        d->len += STATE_DHT_ID_LEN;
        d->len += compact_put(d->nodes + d->len, &n->addr);
    }
}

int
state_put_dht_async(struct state *st, const struct endpoint *at, const struct state_dht *row,
                    struct doneq *q, state_done_fn done, void *user)
{
    size_t count = row->count < STATE_DHT_NODES_MAX ? row->count : STATE_DHT_NODES_MAX;
    struct dht_job *d = calloc(1, sizeof(*d) + count * NODE_LEN_MAX);
    int err;

    if (d == NULL)
        return SPRAT_E_NOMEM;
    d->job.apply = apply_dht;
    d->job.free = free_dht;
    d->job.done = done;
    d->job.user = user;
    d->at = *at;
    memcpy(d->id, row->id, STATE_DHT_ID_LEN);
    pack_nodes(d, row);
    err = state_submit(st, &d->job, q);
    if (err != 0)
        free(d);
    return err;
}

static struct state_dht *
unpack_row(sqlite3_stmt *q, enum ip_family family)
{
    size_t node_len = STATE_DHT_ID_LEN + compact_len(family);
    size_t count = (size_t)sqlite3_column_bytes(q, 1) / node_len;
    const uint8_t *at = sqlite3_column_blob(q, 1);
    struct state_dht *row;

    if (count > STATE_DHT_NODES_MAX)
        count = STATE_DHT_NODES_MAX;
    row = calloc(1, sizeof(*row) + count * sizeof(row->nodes[0]));
    if (row == NULL)
        return NULL;
    memcpy(row->id, sqlite3_column_blob(q, 0), STATE_DHT_ID_LEN);
    for (size_t i = 0; i < count; i++, at += node_len) {
        struct state_dht_node *n = &row->nodes[row->count];

        memcpy(n->id, at, STATE_DHT_ID_LEN);
        compact_get(&n->addr, at + STATE_DHT_ID_LEN, family);
        row->count += n->addr.family == family && n->addr.port != 0;
    }
    return row;
}

/* A row whose id has another length is no row of ours, and counts as missing. */
static int
read_row(struct db *db, const struct endpoint *at, struct state_dht **out, struct errbuf *eb)
{
    uint8_t packed[STATE_ADDR_MAX];
    size_t len = pack_at(at, packed);
    sqlite3_stmt *q;
    int rc, err = db_prepare(db, "SELECT id, nodes FROM dht WHERE at = ?1", &q, eb);

    if (err != 0)
        return err;
    sqlite3_bind_blob(q, 1, packed, (int)len, SQLITE_STATIC);
    rc = sqlite3_step(q);
    if (rc == SQLITE_ROW && sqlite3_column_bytes(q, 0) == STATE_DHT_ID_LEN) {
        *out = unpack_row(q, at->family);
        if (*out == NULL)
            err = errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    } else if (rc != SQLITE_DONE && rc != SQLITE_ROW) {
        err = db_error(db, rc, "reading the DHT's nodes", eb);
    }
    sqlite3_reset(q);
    return err;
}

int
state_load_dht(struct state *st, const struct endpoint *at, struct state_dht **out,
               struct errbuf *eb)
{
    int err;

    *out = NULL;
    lock_take(&st->read_lock);
    err = read_row(st->reads, at, out, eb);
    lock_drop(&st->read_lock);
    return err;
}
