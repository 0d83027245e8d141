/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The first commands on a connection to Redis: AUTH with the password, then SELECT of the database.
 * Both kinds of connections use it: those of shards (cluster.h), and those of blocking threads
 * (tracker/net/redis_call.h).
 */
#ifndef TRACKER_CORE_CLUSTER_LOGIN_H
#define TRACKER_CORE_CLUSTER_LOGIN_H

#include "tracker/core/cluster.h"

enum cluster_login_step { CLUSTER_LOGIN_AUTH, CLUSTER_LOGIN_SELECT, CLUSTER_LOGIN_STEPS };

/* Embedded; the texts are borrowed, "" for none. */
struct cluster_login {
    const char *user, *password;
    uint32_t database;
    char number[12]; /* private */
};

/* Whether the step is needed: a Redis without a password refuses AUTH. */
bool cluster_login_needs(const struct cluster_login *l, enum cluster_login_step step);

/* Makes |cmd| the command of the step. Its words are in |l|. */
void cluster_login_put(struct cluster_login *l, enum cluster_login_step step,
                       struct cluster_command *cmd);

#endif
