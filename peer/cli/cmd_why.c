/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat why: prints in sentences why a torrent of spratd moves no data.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/options.h"
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

enum { LINE_COLUMNS = 600, LINE_BYTES = 4 * LINE_COLUMNS + 8, SHOWN_MAX = 20 };

/* Prints a line, on a terminal as several lines of its width; foreign text is made safe. */
static void
say(unsigned indent, const char *text)
{
    unsigned width = isatty(STDOUT_FILENO) ? terminal_columns() : TABLE_UNBOUNDED;
    char safe[LINE_BYTES];

    text_fit(safe, sizeof(safe), text, LINE_COLUMNS);
    printf("%*s", (int)indent, "");
    options_print_text(stdout, safe, indent, width);
}

static int64_t
next_of(const json_t *o)
{
    const json_t *next = json_object_get(o, "next_s");

    return json_is_integer(next) ? json_integer_value(next) : -1;
}

static void
say_next(unsigned indent, const char *text, const json_t *o)
{
    char sentence[WHY_SENTENCE_MAX];

    say(indent, why_sentence(text, next_of(o), sentence));
}

static void
say_more(size_t all)
{
    if (all > SHOWN_MAX)
        printf("  and %zu more (--json lists them)\n", all - SHOWN_MAX);
}

static void
say_trackers(const json_t *r)
{
    const json_t *list = json_object_get(r, "trackers");
    json_t *each;
    size_t i;

    printf("\ntrackers\n");
    if (json_array_size(list) == 0)
        say(2, "the torrent names no tracker");
    json_array_foreach(list, i, each)
    {
        const char *message = client_text(each, "message");
        int64_t seeders = client_int(each, "seeders"), leechers = client_int(each, "leechers");
        bool works = json_is_true(json_object_get(each, "working"));
        char line[WHY_TEXT_MAX];

        if (i == SHOWN_MAX)
            break;
        if (works)
            snprintf(line, sizeof(line),
                     "%.200s: works, counts %" PRId64 " %s and %" PRId64 " %s%s%.100s",
                     client_text(each, "url"), seeders,
                     text_noun((uint64_t)seeders, "seeder", "seeders"), leechers,
                     text_noun((uint64_t)leechers, "leecher", "leechers"),
                     message[0] != '\0' ? "; its warning: " : "", message);
        else
            snprintf(line, sizeof(line), "%.200s: %.190s", client_text(each, "url"),
                     message[0] != '\0'                              ? message
                     : json_is_true(json_object_get(each, "asking")) ? "is being asked"
                                                                     : "has not been asked yet");
        say_next(2, line, each);
    }
    say_more(json_array_size(list));
}

static void
say_addresses(const json_t *r)
{
    const json_t *list = json_object_get(r, "addresses");
    int64_t known = client_int(r, "addresses_known"), given_up = client_int(r, "given_up");
    json_t *each;
    size_t i;

    printf("\naddresses\n");
    if (known == 0)
        say(2, "no address of another peer is known");
    json_array_foreach(list, i, each)
    {
        char line[WHY_TEXT_MAX];
        bool untried = strcmp(client_text(each, "code"), peer_try_code(PEER_TRY_NONE)) == 0;
        bool connected = json_is_true(json_object_get(each, "connected"));

        if (i == SHOWN_MAX)
            break;
        snprintf(line, sizeof(line), "%.60s %.200s", client_text(each, "addr"),
                 untried ? connected ? "is being tried" : "has not been tried yet"
                         : client_text(each, "text"));
        say_next(2, line, each);
    }
    say_more((size_t)known);
    if (given_up > 0)
        printf("  %" PRId64 " failed too often and %s given up\n", given_up,
               given_up == 1 ? "was" : "were");
    if (client_int(r, "banned") > 0)
        printf("  %" PRId64 " banned for bad data or broken messages\n", client_int(r, "banned"));
}

static void
say_peers(const json_t *r)
{
    const json_t *list = json_object_get(r, "peer_list");
    int64_t missing = client_int(r, "pieces_missing"), nowhere = client_int(r, "pieces_nowhere");
    json_t *each;
    size_t i;

    printf("\npeers\n");
    printf("  %" PRId64 " connected, %" PRId64 " being connected\n", client_int(r, "peers"),
           client_int(r, "half_open"));
    if (missing > 0 && client_int(r, "peers") > 0)
        printf("  of the %" PRId64 " missing pieces, %" PRId64 " are at no connected peer\n",
               missing, nowhere);
    json_array_foreach(list, i, each)
    {
        char line[WHY_TEXT_MAX];

        if (i == SHOWN_MAX)
            break;
        snprintf(line, sizeof(line),
                 "%.60s %.60s: has %" PRId64 " of the %" PRId64
                 " missing pieces, %s us, %s interested",
                 client_text(each, "addr"), client_text(each, "client"),
                 client_int(each, "pieces_useful"), missing,
                 json_is_true(json_object_get(each, "peer_choking")) ? "chokes" : "unchokes",
                 json_is_true(json_object_get(each, "peer_interested")) ? "is" : "is not");
        say(2, line);
    }
    say_more(json_array_size(list));
}

static void
say_limits(const json_t *r)
{
    char down[TEXT_NUMBER_MAX], up[TEXT_NUMBER_MAX];
    uint64_t down_limit = (uint64_t)client_int(r, "down_limit");
    uint64_t up_limit = (uint64_t)client_int(r, "up_limit");

    printf("\nlimits of this torrent\n  down %s, up %s\n",
           down_limit > 0 ? text_rate(down_limit, down) : "none",
           up_limit > 0 ? text_rate(up_limit, up) : "none");
}

static int
print_why(const json_t *r)
{
    json_t *each;
    size_t i;
    char line[WHY_TEXT_MAX + 256];

    snprintf(line, sizeof(line), "%.200s: %s", client_text(r, "name"),
             client_text(r, "state_text"));
    say(0, line);
    json_array_foreach(json_object_get(r, "reasons"), i, each)
        say_next(2, client_text(each, "text"), each);
    if (json_object_get(r, "trackers") == NULL) /* the torrent's loop does not answer */
        return CLI_OK;
    say_trackers(r);
    say_addresses(r);
    say_peers(r);
    say_limits(r);
    return CLI_OK;
}

static int
run(const struct cli_command *self, int argc, const char *const *argv)
{
    static const struct client_question of_torrent = {"torrent.why", print_why};

    return client_ask(self, argc, argv, NULL, &of_torrent);
}

const struct cli_command cli_why = {
    .name = "why",
    .usage = "[options] TORRENT",
    .summary = "say why a torrent transfers no data",
    .details =
        "Says why a torrent transfers no data and what happens next: the reasons, the most "
        "important one first; every tracker with its next announce; every address that was "
        "tried, with the result; what the connected peers have of the missing pieces; and the "
        "limits. Name a torrent by its v1 or v2 info-hash, by the first digits of it (six or "
        "more), or by its name.",
    .example = "  sprat why debian-12.iso",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run,
};
