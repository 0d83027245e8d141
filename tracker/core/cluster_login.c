/* SPDX-License-Identifier: BSD-2-Clause
 *
 * AUTH and SELECT.
 */
#include "tracker/core/cluster_login.h"

#include "common/base/assert.h"
#include "tracker/core/cluster_command.h"

bool
cluster_login_needs(const struct cluster_login *l, enum cluster_login_step step)
{
    switch (step) {
    case CLUSTER_LOGIN_AUTH: return l->password[0] != '\0';
    case CLUSTER_LOGIN_SELECT: return l->database != 0;
    case CLUSTER_LOGIN_STEPS: break;
    }
    UNREACHABLE();
}

void
cluster_login_put(struct cluster_login *l, enum cluster_login_step step,
                  struct cluster_command *cmd)
{
    switch (step) {
    case CLUSTER_LOGIN_AUTH:
        command_begin(cmd, "AUTH");
        if (l->user[0] != '\0')
            command_text(cmd, l->user);
        command_text(cmd, l->password);
        return;
    case CLUSTER_LOGIN_SELECT:
        command_begin(cmd, "SELECT");
        snprintf(l->number, sizeof(l->number), "%" PRIu32, l->database);
        command_text(cmd, l->number);
        return;
    case CLUSTER_LOGIN_STEPS: break;
    }
    UNREACHABLE();
}
