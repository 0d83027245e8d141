/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat dht: shows spratd's nodes of the DHT.
 */
#include <inttypes.h>
#include <stdio.h>

#include "peer/cli/client.h"
#include "peer/cli/command.h"
#include "peer/cli/text.h"
#include "peer/core/dht.h"

static const struct option_spec options[] = {
    CLIENT_SOCKET_ROW,
    CLIENT_JSON_ROW,
    CLI_HELP_ROW,
};

static void
print_counters(const json_t *counters)
{
    static const struct {
        const char *key, *text;
    } rows[] = {
#define X(name, key, text) {key, text},
        DHT_COUNTER_TABLE(X)
#undef X
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t count = client_int(counters, rows[i].key);

        if (count > 0)
            printf("  %12" PRId64 "  %s\n", count, rows[i].text);
    }
}

static void
print_state(const json_t *node)
{
    int64_t nodes = client_int(node, "nodes"), good = client_int(node, "nodes_good");

    if (nodes == 0)
        printf("  no other node has answered yet; the node asks again by itself\n");
    else
        printf("  %" PRId64 " %s, %" PRId64 " of them heard from in the last 15 minutes\n", nodes,
               text_noun((uint64_t)nodes, "node is known", "nodes are known"), good);
    if (json_is_true(json_object_get(node, "read_only")))
        printf("  read-only: no other node could reach this one, so it answers no queries\n");
}

static void
print_node(const json_t *node)
{
    const char *external = client_text(node, "external");

    printf("%s", client_text(node, "address"));
    if (external[0] != '\0')
        printf(", seen by other nodes as %s", external);
    printf("\n  id %s\n", client_text(node, "id"));
    print_state(node);
    printf("  searches: %" PRId64 ", of which %" PRId64 " run now\n", client_int(node, "searches"),
           client_int(node, "lookups"));
    printf("  stored for others: %" PRId64 " torrents, %" PRId64 " peers\n",
           client_int(node, "stored_hashes"), client_int(node, "stored_peers"));
    print_counters(json_object_get(node, "counters"));
}

static int
print_dht(const json_t *r)
{
    const json_t *nodes = json_object_get(r, "nodes");
    json_t *node;
    size_t i;

    if (json_array_size(nodes) == 0)
        printf("the DHT is off: start spratd with --dht yes\n");
    json_array_foreach(nodes, i, node)
    {
        if (i > 0)
            printf("\n");
        print_node(node);
    }
    return CLI_OK;
}

static int
run(const struct cli_command *self, int argc, const char *const *argv)
{
    static const struct client_question of_daemon = {"daemon.dht", print_dht};

    return client_ask(self, argc, argv, &of_daemon, NULL);
}

const struct cli_command cli_dht = {
    .name = "dht",
    .usage = "[options]",
    .summary = "show the daemon's nodes of the DHT",
    .details = "Shows the daemon's nodes of the DHT, one for each address and port at which it "
               "listens: how many other nodes each knows, its searches, what it stores for other "
               "nodes, and the packets that it has sent and received.",
    .example = "  sprat dht",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run,
};
