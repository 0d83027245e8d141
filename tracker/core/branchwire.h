/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The format of the messages that the trackers of a private fleet exchange through Redis. One
 * tracker, the keeper, has the database; the others, its branches, receive users and torrents from
 * the keeper and send it their accounts. keeper.h, branch.h and slotshare.h say when messages are
 * sent.
 *
 * Keys. NAME is the cluster's name; the braces put all of them on one node of a Redis Cluster.
 *
 *  NAME{private}keeper      the run of the keeper, 16 hex digits; expires when the keeper is silent
 *  NAME{private}epoch       the epoch of the complete table, 16 hex digits
 *  NAME{private}rows:EPOCH  stream of rows: the whole table, then its changes
 *  NAME{private}books       stream of batches for the keeper
 *  NAME{private}ack:RUN     number of a branch's last batch in the database, digits
 *  NAME{private}slots       stream of torrents that users with slots begin or end to leech
 *
 * Each entry of a stream has one field, "b", whose value begins with the version of its format.
 * Numbers are big-endian. Where the fleet has a secret, entries, the epoch and confirmations are
 * sealed with it (seal.h).
 *
 *  rows    u8 version, then rows until the end, each a letter and
 *           'u' user      u32 id, u8 flags (1 enabled, 2 may leech), u32 slots
 *           'k' passkey   16 bytes, u32 user, u64 expires, u8 flags (1 revoked)
 *           't' torrent   u32 id, u8 flags (1 hidden, 2 removed), u8 length and the reason
 *           'h' hash      20 bytes, u32 torrent
 *           'c' client    u8 rule (0 deny, 1 none, 2 allow), u8 length and the prefix
 *  batch   u8 version, u64 run, u64 number, u32 seconds by which the tracker's clock was set back,
 *           u32 count, then the entries of ledgers (ledger.h): u32 user, u32 torrent, 20 bytes peer
 *           id, u8 flags, u64 left, u32 first, last, leechers, seeding, completed, and then, where
 *           the flags say COUNTED, u64 up, u32 its time, u64 down, u32 its time, u64 opening up,
 *           down, u32 its time, u32 start, u32 stop, and where that is not 0, u64 stop up, down
 *  slots   u8 version, u64 run, u16 count, then u32 user, u32 torrent, u32 Unix time, u8 leeches
 */
#ifndef TRACKER_CORE_BRANCHWIRE_H
#define TRACKER_CORE_BRANCHWIRE_H

#include "common/ds/buf.h"
#include "tracker/core/access.h"
#include "tracker/core/cluster_wire.h"
#include "tracker/core/ledger.h"
#include "tracker/core/slots.h"

enum {
    BRANCHWIRE_VERSION = 1, /* of rows and slots */
    BRANCHWIRE_BATCH_VERSION = 2,
    BRANCHWIRE_KEY_MAX = CLUSTER_NAME_MAX + 40,
    BRANCHWIRE_RUN_LEN = 16,       /* hex digits of a run or an epoch */
    BRANCHWIRE_ENTRIES_MAX = 4096, /* of a batch */
    BRANCHWIRE_NEWS_MAX = 4096,    /* of slots in one message */
    BRANCHWIRE_ROW_MAX = 2 + 1 + 4 + ACCESS_REASON_MAX,
    BRANCHWIRE_ENTRY_MAX = 130,
    BRANCHWIRE_BLOB_MAX = 64 + BRANCHWIRE_ENTRIES_MAX * BRANCHWIRE_ENTRY_MAX,
};

/* Makes the key NAME{private}WHAT; |what| is a word of the list above. */
void branchwire_key(char out[BRANCHWIRE_KEY_MAX + 1], const char *name, const char *what);

/* Makes the key NAME{private}WHAT:RUN, where a run or an epoch has a key of its own. */
void branchwire_key_of(char out[BRANCHWIRE_KEY_MAX + 1], const char *name, const char *what,
                       uint64_t run);

/* Writes |run| as 16 hex digits and a NUL. */
void branchwire_run(char out[BRANCHWIRE_RUN_LEN + 1], uint64_t run);
/* Parses 16 hex digits; false for other text. */
bool branchwire_read_run(const uint8_t *text, size_t len, uint64_t *run);

/* ---- rows ---- */

/* Begins a message in |out|, whose previous content is dropped. */
void branchwire_begin_rows(struct buf *out);

/* A sink that appends each row to |out|; its error is that of the buffer. */
struct access_sink branchwire_rows_to(struct buf *out);

/* Passes each row to |sink|. SPRAT_E_PROTOCOL if the bytes are not rows or have a later version;
 * rows before the bad one have been passed on. Or an error of the sink. */
int branchwire_read_rows(const uint8_t *data, size_t len, const struct access_sink *sink);

/* ---- batches ---- */

struct branchwire_batch {
    uint64_t run, seq;
    uint32_t back_s; /* as in struct accounts_batch */
    uint32_t count;  /* at most BRANCHWIRE_ENTRIES_MAX */
};

/* Begins a message of |b->count| entries; branchwire_put_entry() must follow for each. */
void branchwire_begin_batch(struct buf *out, const struct branchwire_batch *b);
void branchwire_put_entry(struct buf *out, const struct ledger_entry *e);

/* Reads a batch; |entries| has BRANCHWIRE_ENTRIES_MAX elements. SPRAT_E_PROTOCOL if it is not a
 * batch, or has values that no ledger makes. */
int branchwire_read_batch(const uint8_t *data, size_t len, struct branchwire_batch *b,
                          struct ledger_entry *entries);

/* ---- slots ---- */

/* Writes at most BRANCHWIRE_NEWS_MAX news. */
void branchwire_put_slots(struct buf *out, uint64_t run, const struct slots_news *news,
                          uint32_t count);
/* Reads news; |news| has BRANCHWIRE_NEWS_MAX elements. SPRAT_E_PROTOCOL. */
int branchwire_read_slots(const uint8_t *data, size_t len, uint64_t *run, struct slots_news *news,
                          uint32_t *count);

#endif
