/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How a connection introduces itself to Redis: its password, then its database. Both connections of
 * a tracker say the same: that of a shard (cluster.h) and that of a thread that waits
 * (tracker/net/redis_call.h).
 */
#ifndef TRACKER_CORE_CLUSTER_LOGIN_H
#define TRACKER_CORE_CLUSTER_LOGIN_H

#include "tracker/core/cluster.h"

enum cluster_login_step { CLUSTER_LOGIN_AUTH, CLUSTER_LOGIN_SELECT, CLUSTER_LOGIN_STEPS };

/* Embedded; the texts are borrowed, and "" where there are none. */
struct cluster_login {
    const char *user, *password;
    uint32_t database;
    char number[12]; /* private */
};

/* Whether the step is needed: Redis refuses AUTH where it has no password. */
bool cluster_login_needs(const struct cluster_login *l, enum cluster_login_step step);

/* Makes |cmd| the command of the step. What it points to is in |l|. */
void cluster_login_put(struct cluster_login *l, enum cluster_login_step step,
                       struct cluster_command *cmd);

#endif
