/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat-tracker: runs the daemon, or one of the operator's commands. Exit status: 0 after a signal
 * or success, 1 after a failure, 2 for wrong usage.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "config.h"

#include "common/base/complete.h"
#include "common/sys/sandbox.h"
#include "tracker/cli/commands.h"
#include "tracker/daemon/process.h"
#include "tracker/operator/settings.h"

int
main(int argc, char **argv)
{
    const char *const *words = (const char *const *)argv + 1;
    enum settings_action action;
    struct errbuf eb = {""};
    struct settings settings;
    int err;

    sandbox_no_core_dumps();
    signal(SIGXFSZ, SIG_IGN); /* a write beyond "ulimit -f" fails and does not kill the process */
    if (argc > 1 && strcmp(words[0], COMPLETE_WORD) == 0) {
        commands_complete(argc - 2, words + 1);
        return 0;
    }
    if (argc > 1 && commands_is_group(words[0]))
        return commands_main(argc - 1, words);
    if (argc > 1 && words[0][0] != '-' && commands_nearest_group(words[0]) != NULL) {
        fprintf(stderr,
                "sprat-tracker: unknown command '%s'; did you mean '%s'? (see 'sprat-tracker "
                "--help')\n",
                words[0], commands_nearest_group(words[0]));
        return 2;
    }
    err = settings_read(&settings, argc - 1, words, &action, &eb);

    if (err != 0) {
        fprintf(stderr, "sprat-tracker: %s\n", eb.text);
        return err == SPRAT_E_INVAL ? 2 : 1;
    }
    switch (action) {
    case SETTINGS_HELP: settings_print_help(); return 0;
    case SETTINGS_VERSION: printf("sprat-tracker %s\n", PACKAGE_VERSION); return 0;
    case SETTINGS_RUN: break;
    }
    return process_run(&settings, argc - 1, words) == 0 ? 0 : 1;
}
