/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat info: prints all facts about one torrent of spratd, or about spratd itself.
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "peer/cli/client.h"
#include "peer/cli/command.h"
#include "peer/cli/text.h"

static const struct option_spec options[] = {
    CLIENT_SOCKET_ROW,
    CLIENT_JSON_ROW,
    CLI_HELP_ROW,
};

enum { TEXT_COLUMNS = 1000, TEXT_BYTES = 4 * TEXT_COLUMNS + 8 };

/* Prints a row; nothing for an empty text. Foreign text is made safe for a terminal. */
static void
row(const char *label, const char *text)
{
    char safe[TEXT_BYTES];

    if (text[0] == '\0')
        return;
    text_fit(safe, sizeof(safe), text, TEXT_COLUMNS);
    printf("%-13s %s\n", label, safe);
}

static void
row_time(const char *label, int64_t seconds)
{
    char text[64];
    time_t t = (time_t)seconds;
    struct tm tm;

    if (seconds > 0 && localtime_r(&t, &tm) != NULL &&
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm) > 0)
        row(label, text);
}

/* Prints the number of copies: the copies of the rarest piece among the connected peers, and after
 * the decimal point the share of pieces with more copies than that. */
static void
print_copies(const json_t *t)
{
    double copies = json_number_value(json_object_get(t, "copies"));
    char line[160];

    if (client_int(t, "peers") == 0)
        return;
    if (copies < 1)
        snprintf(line, sizeof(line), "%.3f: the connected peers lack some pieces", copies);
    else
        snprintf(line, sizeof(line), "%.3f: the connected peers have each piece %d %s or more",
                 copies, (int)copies, text_noun((uint64_t)copies, "time", "times"));
    row("copies", line);
}

static void
print_progress(const json_t *t)
{
    char a[TEXT_NUMBER_MAX], b[TEXT_NUMBER_MAX], c[TEXT_NUMBER_MAX], line[160];
    uint64_t total = (uint64_t)client_int(t, "total_size");
    uint64_t have = (uint64_t)client_int(t, "bytes_have");

    snprintf(line, sizeof(line), "%s of %s (%s)", text_size(have, a), text_size(total, b),
             text_percent(have, total, c));
    row("done", line);
    snprintf(line, sizeof(line), "%" PRId64 " of %" PRId64 ", %s each",
             client_int(t, "pieces_have"), client_int(t, "pieces_total"),
             text_size((uint64_t)client_int(t, "piece_length"), a));
    row("pieces", line);
    snprintf(line, sizeof(line), "%s, %s now", text_size((uint64_t)client_int(t, "downloaded"), a),
             text_rate((uint64_t)client_int(t, "down_rate"), b));
    row("received", line);
    snprintf(line, sizeof(line), "%s, %s now", text_size((uint64_t)client_int(t, "uploaded"), a),
             text_rate((uint64_t)client_int(t, "up_rate"), b));
    row("sent", line);
    print_copies(t);
}

static void
print_trackers(const json_t *t)
{
    json_t *each;
    size_t i;

    json_array_foreach(json_object_get(t, "trackers"), i, each)
    {
        char line[TEXT_BYTES];
        const char *message = client_text(each, "message");
        int64_t seeders = client_int(each, "seeders"), leechers = client_int(each, "leechers");

        if (!json_is_true(json_object_get(each, "asked")))
            snprintf(line, sizeof(line), "%s (not asked%s%s)", client_text(each, "url"),
                     message[0] != '\0' ? ": " : "", message);
        else if (!json_is_true(json_object_get(each, "working")))
            snprintf(line, sizeof(line), "%s (%s%s%s)", client_text(each, "url"),
                     message[0] == '\0' ? "asked just now" : "not working",
                     message[0] != '\0' ? ": " : "", message);
        else
            snprintf(line, sizeof(line), "%s (working%s%s, %" PRId64 " %s, %" PRId64 " %s)",
                     client_text(each, "url"), message[0] != '\0' ? ": " : "", message, seeders,
                     text_noun((uint64_t)seeders, "seeder", "seeders"), leechers,
                     text_noun((uint64_t)leechers, "leecher", "leechers"));
        row(i == 0 ? "trackers" : " ", line);
    }
}

static void
print_peers(const json_t *t)
{
    json_t *each;
    size_t i;

    json_array_foreach(json_object_get(t, "peer_list"), i, each)
    {
        char line[512], down[TEXT_NUMBER_MAX], up[TEXT_NUMBER_MAX];

        snprintf(line, sizeof(line), "%s %s (%s), down %s, up %s%s", client_text(each, "addr"),
                 client_text(each, "client"), client_text(each, "source"),
                 text_rate((uint64_t)client_int(each, "down_rate"), down),
                 text_rate((uint64_t)client_int(each, "up_rate"), up),
                 json_is_true(json_object_get(each, "seed")) ? ", has all" : "");
        row(i == 0 ? "peers" : " ", line);
    }
}

static void
print_files(const json_t *t)
{
    json_t *each;
    size_t i;

    printf("\nfiles\n");
    json_array_foreach(json_object_get(t, "files"), i, each)
    {
        char path[TEXT_BYTES], size[TEXT_NUMBER_MAX], done[TEXT_NUMBER_MAX];

        text_fit(path, sizeof(path), client_text(each, "path"), TEXT_COLUMNS);
        printf("%12s  %6s  %s\n", text_size((uint64_t)client_int(each, "length"), size),
               text_percent((uint64_t)client_int(each, "pieces_have"),
                            (uint64_t)client_int(each, "pieces_total"), done),
               path);
    }
}

static void
print_rate_limit(const char *label, int64_t limit)
{
    char text[TEXT_NUMBER_MAX];

    row(label, limit > 0 ? text_rate((uint64_t)limit, text) : "none");
}

static int
print_torrent(const json_t *t)
{
    char why[WHY_SENTENCE_MAX];

    row("name", client_text(t, "name"));
    row("info-hash v1", client_text(t, "info_hash_v1"));
    row("info-hash v2", client_text(t, "info_hash_v2"));
    row("state", client_text(t, "state_text")[0] != '\0' ? client_text(t, "state_text")
                                                         : client_text(t, "state"));
    if (client_why(t, why) != NULL)
        row("why", why);
    row("error", client_text(t, "error"));
    row("note", client_text(t, "note"));
    row("saved in", client_text(t, "save_dir"));
    row("goes to", client_text(t, "move_to"));
    if (strcmp(client_text(t, "state"), "waiting") != 0) /* else even its size is unknown */
        print_progress(t);
    print_rate_limit("up limit", client_int(t, "up_limit"));
    print_rate_limit("down limit", client_int(t, "down_limit"));
    row_time("added", client_int(t, "added_at"));
    row_time("completed", client_int(t, "completed_at"));
    print_trackers(t);
    print_peers(t);
    print_files(t);
    return CLI_OK;
}

static void
print_udp(const json_t *udp)
{
    char text[64];

    if (client_int(udp, "utp_resets") == 0)
        return;
    snprintf(text, sizeof(text), "%" PRId64 " connection attempts were told to use TCP",
             client_int(udp, "utp_resets"));
    row("uTP", text);
}

static void
print_lsd(const json_t *lsd)
{
    char text[128];
    int64_t links = client_int(lsd, "interfaces");

    if (!json_is_object(lsd))
        return;
    snprintf(text, sizeof(text),
             "%" PRId64 " %s; announces: %" PRId64 " sent, %" PRId64 " received; %" PRId64
             " peers found",
             links, text_noun((uint64_t)links, "interface", "interfaces"), client_int(lsd, "sent"),
             client_int(lsd, "received"), client_int(lsd, "peers"));
    row("local search", text);
}

static int
print_daemon(const json_t *d)
{
    char pid[TEXT_NUMBER_MAX];
    json_t *each;
    size_t i;

    snprintf(pid, sizeof(pid), "%" PRId64, client_int(d, "pid"));
    row("spratd", client_text(d, "version"));
    row("pid", pid);
    row("state in", client_text(d, "state_dir"));
    json_array_foreach(json_object_get(d, "listen"), i, each)
        row(i == 0 ? "listening on" : " ", json_string_value(each));
    if (client_text(d, "listen_note")[0] != '\0')
        row(" ", client_text(d, "listen_note"));
    print_udp(json_object_get(d, "udp"));
    print_lsd(json_object_get(d, "lsd"));
    print_rate_limit("up limit", client_int(d, "up_limit"));
    print_rate_limit("down limit", client_int(d, "down_limit"));
    return CLI_OK;
}

static int
run(const struct cli_command *self, int argc, const char *const *argv)
{
    static const struct client_question of_daemon = {"daemon.info", print_daemon};
    static const struct client_question of_torrent = {"torrent.info", print_torrent};

    return client_ask(self, argc, argv, &of_daemon, &of_torrent);
}

const struct cli_command cli_info = {
    .name = "info",
    .usage = "[options] [TORRENT]",
    .summary = "print the details of a torrent or of the daemon",
    .details =
        "Prints the state of a torrent and its trackers, peers and files; without TORRENT, "
        "information about the daemon itself. Name a torrent by its v1 or v2 info-hash, by "
        "the first digits of it (six or more), or by its name.",
    .example = "  sprat info debian-12.iso",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run,
};
