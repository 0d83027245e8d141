/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Finds the directories of a user (XDG base directories), and joins paths.
 */
#ifndef COMMON_SYS_PATHS_H
#define COMMON_SYS_PATHS_H

#include "common/base/err.h"

/* "A/B" with one slash; just |b| when |a| is empty. The caller frees the result; NULL when memory
 * is out. */
char *path_join(const char *a, const char *b);

/* $XDG_STATE_HOME/sprat, or ~/.local/state/sprat. The home is $HOME, else the user database's.
 * An XDG variable that is not absolute is ignored, as the specification says. NULL when memory
 * is out or there is no home. */
char *path_state_dir(void);

/* $XDG_RUNTIME_DIR/sprat, or the state directory if there is none. */
char *path_runtime_dir(void);

/* $XDG_CONFIG_HOME/sprat, or ~/.config/sprat. NULL as path_state_dir(). */
char *path_config_dir(void);

/* The home directory of the user: $HOME, else the user database's. NULL as path_state_dir(). */
char *path_home_dir(void);

/* Makes |path| absolute, whether it exists or not: symbolic links in the part that exists are
 * resolved; "." and ".." after that part are refused (SPRAT_E_INVAL). The caller frees |*out|. */
int path_absolute(const char *path, char **out, struct errbuf *eb);

#endif
