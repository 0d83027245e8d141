/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A variable of this file says whether lines are JSON: so the code that reports an error need not
 * know the command line.
 */
#include "peer/cli/complaint.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/base/printable.h"
#include "common/rpc/jsontext.h"

static bool as_json;

void
complaint_begin(int argc, const char *const *argv)
{
    as_json = false;
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--json") == 0)
            as_json = true;
}

/* Prints {|kind|: |members|}; consumes a reference of |members|. */
static void
print_object(const char *kind, json_t *members)
{
    json_t *o = json_pack("{s:o}", kind, members);
    char *text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;

    if (text != NULL) {
        printable_json(stderr, text, strlen(text));
        fputc('\n', stderr);
    }
    free(text);
    json_decref(o);
}

static void
print_error(int status, const char *message)
{
    print_object("error", json_pack("{s:o, s:i}", "message", json_text(message), "status", status));
}

void
complaint_error(int status, const char *message)
{
    struct errbuf eb;

    if (as_json) {
        print_error(status, message);
        return;
    }
    errbuf_set(&eb, status, "%s", message); /* makes the text safe for a terminal */
    fprintf(stderr, "sprat: %s\n", eb.text);
}

void
complaint_usage(const char *command, int status, const char *message)
{
    struct errbuf eb;

    if (as_json) {
        print_error(status, message);
        return;
    }
    errbuf_set(&eb, status, "%s", message);
    if (command != NULL)
        fprintf(stderr, "sprat %s: %s (see 'sprat %s --help')\n", command, eb.text, command);
    else
        fprintf(stderr, "sprat: %s (see 'sprat --help')\n", eb.text);
}

void
complaint_warning(const char *message)
{
    struct errbuf eb;

    if (as_json) {
        print_object("warning", json_pack("{s:o}", "message", json_text(message)));
        return;
    }
    errbuf_set(&eb, 0, "%s", message);
    fprintf(stderr, "sprat: %s\n", eb.text);
}
