/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat ls: prints spratd's torrents as a table.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/options.h"
#include "common/base/printable.h"
#include "common/sys/terminal.h"
#include "peer/cli/client.h"
#include "peer/cli/command.h"
#include "peer/cli/table.h"
#include "peer/cli/text.h"

static const struct option_spec options[] = {
    CLIENT_SOCKET_ROW,
    CLIENT_JSON_ROW,
    CLI_HELP_ROW,
};

static const struct table_column columns[] = {
    {"ID", false, false, 2},   {"NAME", false, true, 0},  {"SIZE", true, false, 3},
    {"DONE", true, false, 0},  {"DOWN", true, false, 1},  {"UP", true, false, 5},
    {"PEERS", true, false, 4}, {"RATIO", true, false, 6}, {"STATE", false, false, 0},
};

enum { CELL_SIZE = 2, CELL_DONE = 3, CELL_RATIO = 7 };

enum {
    COLUMNS = sizeof(columns) / sizeof(columns[0]),
    ID_DIGITS = 8,
    WHY_INDENT = ID_DIGITS + 2,
    WHY_INDENT_NARROW = 2,
};

/* The texts of one torrent; the name is not copied. */
struct row {
    char id[ID_DIGITS + 1];
    char size[TEXT_NUMBER_MAX], done[TEXT_NUMBER_MAX], down[TEXT_NUMBER_MAX], up[TEXT_NUMBER_MAX];
    char peers[TEXT_NUMBER_MAX], ratio[TEXT_NUMBER_MAX];
};

/* A seed of the files that were chosen is told from one of all files. */
static const char *
state_of(const json_t *t, uint64_t have, uint64_t total)
{
    const char *state = client_text(t, "state");

    if (strcmp(state, "waiting") == 0)
        return "waiting for metadata";
    return strcmp(state, "seeding") == 0 && have < total ? "seeding (selected files)" : state;
}

static void
fill_row(struct row *r, const json_t *t, const char **cells)
{
    const char *hash = client_text(t, "info_hash_v1");
    uint64_t total = (uint64_t)client_int(t, "total_size");
    uint64_t have = (uint64_t)client_int(t, "bytes_have");

    snprintf(r->id, sizeof(r->id), "%s", hash[0] != '\0' ? hash : client_text(t, "info_hash_v2"));
    text_size(total, r->size);
    if (client_int(t, "check_done") > 0 && strcmp(client_text(t, "state"), "checking") == 0)
        text_percent((uint64_t)client_int(t, "check_done"), (uint64_t)client_int(t, "check_total"),
                     r->done);
    else
        text_percent(have, total, r->done);
    text_rate_short((uint64_t)client_int(t, "down_rate"), r->down);
    text_rate_short((uint64_t)client_int(t, "up_rate"), r->up);
    snprintf(r->peers, sizeof(r->peers), "%lld", (long long)client_int(t, "peers"));
    snprintf(r->ratio, sizeof(r->ratio), "%.2f",
             total > 0 ? (double)client_int(t, "uploaded") / (double)total : 0.0);
    const char *all[COLUMNS] = {
        r->id,    client_text(t, "name"), r->size, r->done, r->down, r->up, r->peers,
        r->ratio, state_of(t, have, total)};
    memcpy(cells, all, sizeof(all));
    if (strcmp(client_text(t, "state"), "waiting") == 0) /* its size is not known */
        cells[CELL_SIZE] = cells[CELL_DONE] = "-";
    if (!json_is_null(json_object_get(t, "bytes_have")))
        return;
    /* Of a torrent whose loop does not answer, only the name and the size are known. */
    for (size_t i = CELL_DONE; i <= CELL_RATIO; i++)
        cells[i] = "-";
}

/* Whether a line below the torrent says why no data moves. States that the user asked for, limits,
 * and a seed without interested peers need no such line. */
static bool
is_stuck(const json_t *t)
{
    static const enum why_code quiet[] = {WHY_MOVING,  WHY_DOWN_LIMIT, WHY_UP_LIMIT,    WHY_PAUSED,
                                          WHY_STOPPED, WHY_CHECKING,   WHY_NOBODY_WANTS};
    const char *code = client_text(json_object_get(t, "why"), "code");

    for (size_t i = 0; i < sizeof(quiet) / sizeof(quiet[0]); i++)
        if (strcmp(code, why_code_name(quiet[i])) == 0)
            return false;
    return code[0] != '\0';
}

/* Prints the lines of |table|, and below the line of each torrent that is stuck, the reason. */
static void
print_lines(const char *table, const json_t *list, unsigned width)
{
    /* The reason stands below the name if the table has the column of ids. */
    int indent = strncmp(table, columns[0].title, strlen(columns[0].title)) == 0 ? WHY_INDENT
                                                                               : WHY_INDENT_NARROW;
    char why[WHY_SENTENCE_MAX], shown[PRINTABLE_CHAR_MAX * WHY_SENTENCE_MAX];
    const char *end;

    for (size_t i = 0; *table != '\0'; table = end + 1, i++) {
        const json_t *t = i > 0 ? json_array_get(list, i - 1) : NULL;

        end = strchr(table, '\n');
        if (end == NULL)
            break;
        printf("%.*s\n", (int)(end - table), table);
        if (t == NULL || !is_stuck(t) || client_why(t, why) == NULL)
            continue;
        printf("%*s", indent, "");
        options_print_text(stdout, printable(why, shown, sizeof(shown)), (unsigned)indent, width);
    }
}

static int
print_table(const json_t *list)
{
    size_t rows = json_array_size(list);
    struct row *row = calloc(rows + 1, sizeof(*row));
    const char **cells = calloc((rows + 1) * COLUMNS, sizeof(*cells));
    unsigned width = isatty(STDOUT_FILENO) ? terminal_columns() : TABLE_UNBOUNDED;
    struct buf out;
    int status = CLI_OK;

    buf_init(&out, SIZE_MAX / 2);
    if (row == NULL || cells == NULL) {
        status = cli_fail("out of memory");
    } else {
        for (size_t i = 0; i < rows; i++)
            fill_row(&row[i], json_array_get(list, i), cells + i * COLUMNS);
        table_print(&out, columns, COLUMNS, cells, rows, width);
        if (buf_str(&out) != NULL)
            print_lines(buf_str(&out), list, width);
    }
    buf_fini(&out);
    free(cells);
    free(row);
    return status;
}

static int
run(const struct cli_command *self, int argc, const char *const *argv)
{
    static const struct client_question of_daemon = {"torrent.list", print_table};

    return client_ask(self, argc, argv, &of_daemon, NULL);
}

const struct cli_command cli_ls = {
    .name = "ls",
    .usage = "[options]",
    .summary = "list the daemon's torrents",
    .details =
        "Lists all torrents of the daemon with their progress and rates. If a torrent waits "
        "for something, the lines below it say why; 'sprat why' says more.",
    .example = "  sprat ls --json | jq '.[] | select(.state == \"error\") | .error'",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run,
};
