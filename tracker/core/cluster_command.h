/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Builds commands for Redis word by word, and reads replies that are numbers or errors.
 */
#ifndef TRACKER_CORE_CLUSTER_COMMAND_H
#define TRACKER_CORE_CLUSTER_COMMAND_H

#include <inttypes.h>
#include <stdio.h>

#include "tracker/core/cluster_impl.h"

static inline void
command_begin(struct cluster_command *cmd, const char *name)
{
    cmd->argc = 0;
    cmd->argv[cmd->argc] = name;
    cmd->lens[cmd->argc++] = strlen(name);
}

static inline void
command_put(struct cluster_command *cmd, const void *arg, size_t len)
{
    ASSERT(cmd->argc < CLUSTER_ARGS_MAX);
    cmd->argv[cmd->argc] = arg;
    cmd->lens[cmd->argc++] = len;
}

static inline void
command_text(struct cluster_command *cmd, const char *arg)
{
    command_put(cmd, arg, strlen(arg));
}

static inline void
command_number(struct cluster *c, struct cluster_command *cmd, int which, uint64_t n)
{
    snprintf(c->numbers[which], sizeof(c->numbers[which]), "%" PRIu64, n);
    command_text(cmd, c->numbers[which]);
}

/* Records a command as in flight. */
void cluster_sent(struct cluster *c, enum command_kind kind, struct shared *torrent,
                  struct mono now);

/* Appends a key of the torrent as the next argument. The second function returns the seconds until
 * such a key expires. */
void cluster_put_key(struct cluster *c, struct cluster_command *cmd, const struct shared *t,
                     const char *end);
uint64_t cluster_keep_s(const struct cluster *c);

/* ---- replies ---- */

/* Reads a reply that is a number. SPRAT_E_PROTOCOL for another reply. */
int cluster_read_count(uint32_t *out, const struct cluster_reply *r);

/* Whether an error concerns Redis as a whole and may be temporary, not the keys of one torrent. */
bool cluster_concerns_all(const struct cluster_reply *r);

/* Both count the error, fill |eb| and return the result for cluster_on_reply(). The second also
 * stops sending commands for a while. */
int cluster_refused(struct cluster *c, const struct cluster_reply *r, struct errbuf *eb);
int cluster_pause(struct cluster *c, const struct cluster_reply *r, struct errbuf *eb,
                  struct mono now);

#endif
