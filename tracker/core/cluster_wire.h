/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The format in which a cluster keeps its swarms in Redis: keys, scores, changes, and the Lua
 * script. cluster.h decides when to send which command.
 *
 * Keys. NAME is the cluster's name, HASH the info-hash in 40 hex digits; the braces are Redis
 * Cluster's hash tag, so that all keys of a torrent live on one node.
 *
 *  NAME{HASH}4s 4l 6s 6l   sorted sets: IPv4 and IPv6 seeders and leechers. A member is a compact
 *                          endpoint (compact.h), its score has the time and the peer id's tag
 *  NAME{HASH}n             number of completions
 *  NAME{HASH}d             set of the peers counted in it: hashes of their peer ids
 *  NAME{HASH}c             log of the latest changes of the four sets, one after the other
 *  NAMEkey                 16 bytes: the secret of connection ids; 8 bytes: random, so that they
 *                          change when Redis was emptied
 *
 * A score is a whole number of 52 bits, which a double holds exactly:
 *
 *  bits 51..20  Unix second at which the peer was last seen
 *  bits 19..1   the peer's tag: 19 bits of a hash of its peer id
 *  bit  0       it is a partial seed (BEP 21)
 *
 * So a range of scores is a range of time, whatever the low bits are. All keys of a torrent expire
 * when no tracker has renewed them for long enough.
 *
 * A change is appended to the log NAME{HASH}c after it was made in the sets, so a tracker that has
 * read the whole torrent needs to read only the changes appended since. A change is
 *
 *  offset  size     what
 *  0       1        "+" the peer came or changed; "-" the peer has gone, if it has this tag; "!" a
 *                   peer may have completed; "?" anything may have changed
 *  1       1        the side, 0 to 3 (enum cluster_side)
 *  2       6 or 18  the peer's compact endpoint, IPv4 or IPv6 as its side
 *  8/20    8        its score, big-endian
 *  16/28   8        the id of the change: 4 bytes for the tracker that made it, 4 that it counts up
 *
 * The last 8 bytes are the id of the change. A reader that finds another id where it stopped knows
 * that the log was begun anew. That happens when it gets long, when too many changes come at once,
 * and when Redis has lost it. A peer that only announces again causes no change.
 *
 * Frequent operations use plain commands, which cost Redis a fifth of what a script costs: ZADD for
 * peers that came, and with XX for those that announced again (many in one command); ZREM for peers
 * that may still be on the other side; EXPIRE; APPEND or SET for the log; GETRANGE to read it;
 * ZRANDMEMBER for a sample, which does not read the rest; ZCARD for a size. Operations that depend
 * on the present value use a script, one call for all events of a torrent:
 *
 *  KEYS[1]  NAME{HASH}
 *  ARGV[1]  seconds after which untouched keys expire
 *  ARGV[2]  lower bound of the number of completions
 *  ARGV[3]  an event, then its member; and so on in pairs:
 *           "-s" and a score  a seeder has gone, if it has this tag ("-l": a leecher)
 *           "<s" and a score  a seeder is written back; the newer score of the two is kept
 *           "!"               a peer completed; the member is a hash of its peer id
 *
 * The script returns the number of completions. Each command is idempotent, so it is sent again if
 * its reply was lost.
 */
#ifndef TRACKER_CORE_CLUSTER_WIRE_H
#define TRACKER_CORE_CLUSTER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/codec/compact.h"
#include "common/codec/tracker.h"
#include "common/crypto/mac.h"

enum {
    CLUSTER_NAME_MAX = 64,
    CLUSTER_SAMPLE = 100,                    /* peers of each of the four sets */
    CLUSTER_KEY_MAX = CLUSTER_NAME_MAX + 44, /* bytes of any key */
    CLUSTER_TAG_BITS = 19,
    CLUSTER_SECRET_LEN = MAC_KEY_LEN + 8,            /* of NAMEkey */
    CLUSTER_REPLY_ELEMENTS_MAX = 2 * CLUSTER_SAMPLE, /* of the longest array: peers and scores */
    CLUSTER_REPLY_STRING_MAX = 512,                  /* bytes of any string in a reply */

    CLUSTER_CHANGE_ID_LEN = 8,
    CLUSTER_CHANGE_LEN_MAX = 2 + COMPACT_V6_LEN + 8 + CLUSTER_CHANGE_ID_LEN,
    CLUSTER_CHANGES_LEN_MAX = 2048, /* bytes of the log from which on it is begun anew */
};

/* The four sets, in the script's order. */
enum cluster_side { CLUSTER_V4_SEEDS, CLUSTER_V4_LEECHES, CLUSTER_V6_SEEDS, CLUSTER_V6_LEECHES };
enum { CLUSTER_SIDES = 4 };

static inline enum cluster_side
cluster_side(uint8_t family, bool seed)
{
    return (enum cluster_side)((family == IP_V4 ? 0 : 2) + (seed ? 0 : 1));
}

/* The last part of a side's key, after NAME{HASH}. */
static inline const char *
cluster_side_name(enum cluster_side side)
{
    static const char names[CLUSTER_SIDES][3] = {"4s", "4l", "6s", "6l"};

    return names[side];
}

static inline bool
cluster_side_is_seeds(enum cluster_side side)
{
    return side == CLUSTER_V4_SEEDS || side == CLUSTER_V6_SEEDS;
}

static inline uint8_t
cluster_side_family(enum cluster_side side)
{
    return side <= CLUSTER_V4_LEECHES ? IP_V4 : IP_V6;
}

static inline size_t
cluster_member_len(enum cluster_side side)
{
    return side <= CLUSTER_V4_LEECHES ? COMPACT_V4_LEN : COMPACT_V6_LEN;
}

extern const char cluster_script[];

/* Returns the script's SHA-1 in hex, by which EVALSHA calls it. */
enum { CLUSTER_SCRIPT_ID_LEN = 40 };
void cluster_script_id(char id[CLUSTER_SCRIPT_ID_LEN + 1]);

struct cluster_seen {
    uint32_t unix_s;
    uint32_t tag; /* CLUSTER_TAG_BITS */
    bool paused;
};

uint64_t cluster_score(const struct cluster_seen *seen);
struct cluster_seen cluster_score_read(uint64_t score);

/* Parses a score as Redis prints it: digits, and in some versions a fraction and an exponent. False
 * if it is not a whole number of at most 53 bits. */
bool cluster_score_parse(const uint8_t *text, size_t len, uint64_t *score);

enum cluster_change_what {
    CLUSTER_CHANGE_CAME = '+',
    CLUSTER_CHANGE_GONE = '-',
    CLUSTER_CHANGE_COMPLETED = '!',
    CLUSTER_CHANGE_ANY = '?',
};

struct cluster_change_entry {
    enum cluster_change_what what;
    enum cluster_side side;
    uint8_t who[COMPACT_V6_LEN];
    uint64_t score;
    uint8_t id[CLUSTER_CHANGE_ID_LEN];
};

/* Returns the length. */
size_t cluster_change_write(uint8_t to[CLUSTER_CHANGE_LEN_MAX],
                            const struct cluster_change_entry *entry);

/* Reads the change at the beginning of |len| bytes, and returns its length; 0 if it is not complete
 * or not valid. */
size_t cluster_change_read(struct cluster_change_entry *entry, const uint8_t *from, size_t len);

/* The hash by which trackers of a cluster distinguish peer ids. It has no secret, since it must be
 * the same at all of them. */
uint64_t cluster_id_hash(const uint8_t peer_id[TRACKER_PEER_ID_LEN]);

/* A reply of Redis. Strings are borrowed; elements of an array are not arrays. */
enum cluster_reply_type {
    CLUSTER_REPLY_NIL,
    CLUSTER_REPLY_STATUS,
    CLUSTER_REPLY_ERROR,
    CLUSTER_REPLY_INTEGER,
    CLUSTER_REPLY_STRING,
    CLUSTER_REPLY_ARRAY,
};

struct cluster_reply {
    enum cluster_reply_type type;
    int64_t integer;
    const uint8_t *str; /* the text of a status, an error or a string, without a NUL at its end */
    size_t len;
    const struct cluster_reply *elements;
    size_t count;
};

#endif
