/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Why nothing moves: which reason is shown for which facts, and its sentence.
 */
#include "peer/core/why.h"

#include <criterion/criterion.h>
#include <string.h>

#include "common/base/err.h"

static struct why_tracker
tracker(const char *url, bool working, int err, const char *message, int64_t next_ms)
{
    return (struct why_tracker){
        .url = url, .working = working, .err = err, .message = message, .next_ms = next_ms};
}

static struct why_facts
leecher(void)
{
    return (struct why_facts){.phase = WHY_PHASE_RUNNING,
                              .bytes_total = 1000,
                              .data.idle_ms = -1,
                              .peers.next_dial_ms = -1};
}

static struct why_facts
seeder(void)
{
    struct why_facts f = leecher();

    f.seeding = true;
    f.bytes_have = f.bytes_total;
    return f;
}

static void
expect(const struct why_facts *f, enum why_code code, const char *sentence)
{
    struct why all[WHY_REASONS_MAX];
    char text[WHY_SENTENCE_MAX];

    cr_assert_geq(why_find(f, all), 1);
    why_sentence(all[0].text, all[0].next_s, text);
    cr_assert_str_eq(why_code_name(all[0].code), why_code_name(code), "%s: %s",
                     why_code_name(all[0].code), text);
    cr_assert_str_eq(text, sentence);
}

static void
expect_state(const struct why_facts *f, const char *state)
{
    char text[WHY_TEXT_MAX];

    cr_assert_str_eq(why_state(f, text), state);
}

Test(why, nobody_to_ask)
{
    struct why_facts f = leecher();

    expect(&f, WHY_NO_TRACKER, "this torrent names no tracker; give --peer or -t");
    f.daemon = true;
    expect(&f, WHY_NO_TRACKER, "this torrent names no tracker; add it again with --peer or -t");
    f = leecher();
    f.peers.unresolved = 1;
    expect(&f, WHY_NO_TRACKER,
           "this torrent names no tracker, and the peer that was given has no address; "
           "give --peer or -t");
    f = leecher();
    f.web_seeds = 1;
    expect(&f, WHY_NO_TRACKER,
           "this torrent names web seeds only, which Sprat can't use yet; give --peer or -t");
    f.tracker_unusable = 1;
    expect(&f, WHY_TRACKERS_UNUSABLE,
           "this torrent names no tracker that Sprat can ask (http, https and udp only); "
           "give --peer or -t");
}

Test(why, trackers)
{
    struct why_facts f = leecher();
    struct why_tracker all[2] = {
        tracker("http://user:secret@example.org:6969/passkey/announce", false, 0, "", -1),
        tracker("udp://[::1]:7000", false, SPRAT_E_TIMEOUT, "", 57001)};

    f.trackers = all;
    f.tracker_count = 1;
    expect(&f, WHY_TRACKER_ASKED, "waiting for the first answer of tracker example.org:6969");
    all[0] = tracker(all[0].url, false, SPRAT_E_REFUSED, "refused the connection", 58000);
    expect(&f, WHY_TRACKER_FAILED, "example.org:6969: refused the connection, next try in 58 s");
    f.tracker_count = 2;
    expect(&f, WHY_TRACKER_FAILED,
           "example.org:6969 (and 1 more tracker fails): refused the connection, next try in 58 s");
    all[0].working = true;
    all[0].err = 0;
    all[0].next_ms = 25 * 60 * 1000;
    expect(&f, WHY_TRACKER_EMPTY,
           "tracker example.org:6969 knows no other peer, next try in 25 min");
    f.trackers++;
    f.tracker_count = 1;
    expect(&f, WHY_TRACKER_FAILED, "[::1]:7000: timed out, next try in 58 s");
}

Test(why, the_dht)
{
    struct why_facts f = leecher();

    f.dht.on = true;
    f.dht.next_ms = -1;
    expect(&f, WHY_DHT_SEARCHING, "searching the DHT for peers");
    f.dht.rounds = 1;
    f.dht.next_ms = 4200;
    expect(&f, WHY_DHT_EMPTY, "the DHT knows no other peer of this torrent, next try in 5 s");
    f.peers.half_open = 1;
    expect(&f, WHY_CONNECTING, "connecting to 1 address");
    f.peers.half_open = 0;
    f.seeding = true;
    expect(&f, WHY_NOBODY_WANTS, "no peer needs data: no peer is connected");
}

Test(why, the_local_network)
{
    struct why_facts f = leecher();

    f.dht.on = true;
    f.dht.rounds = 1;
    f.dht.peers = 1;
    f.lsd.on = true;
    expect(&f, WHY_LSD_EMPTY, "no other peer of this torrent is in the local network");
    f.lsd.peers = 1;
    expect(&f, WHY_NO_PEERS, "no peer is connected");
}

Test(why, addresses)
{
    struct why_facts f = leecher();
    char text[WHY_TEXT_MAX];

    f.peers.tries[PEER_TRY_NONE] = 2;
    cr_assert_str_eq(why_tries(f.peers.tries, 0, text), "");
    f.peers.tries[PEER_TRY_NONE] = 0;
    f.peers.half_open = 1;
    expect(&f, WHY_CONNECTING, "connecting to 1 address");
    f.peers.half_open = 0;
    f.peers.tries[PEER_TRY_REFUSED] = 1;
    f.peers.next_dial_ms = 14200;
    expect(&f, WHY_UNREACHABLE, "1 address tried: refused the connection, next try in 15 s");
    f.peers.tries[PEER_TRY_REFUSED] = 0;
    f.peers.tries[PEER_TRY_CLOSED] = 1;
    expect(&f, WHY_UNREACHABLE,
           "1 address tried: closed during the handshake, perhaps it requires encryption (Sprat "
           "does not encrypt yet), next try in 15 s");
    f.peers.tries[PEER_TRY_CLOSED] = 0;
    f.peers.tries[PEER_TRY_TIMEOUT] = 2;
    f.peers.tries[PEER_TRY_HASH] = 1;
    f.peers.half_open = 1;
    expect(&f, WHY_UNREACHABLE,
           "3 addresses tried: 2 did not answer, 1 answered for another info-hash");
    memset(f.peers.tries, 0, sizeof(f.peers.tries));
    f.peers.half_open = 0;
    f.peers.next_dial_ms = -1;
    f.peers.given_up = 1;
    expect(&f, WHY_UNREACHABLE, "1 address tried: failed too often and was given up");
    f.peers.given_up = 2;
    expect(&f, WHY_UNREACHABLE, "2 addresses tried: 2 failed too often and were given up");
}

Test(why, peers)
{
    struct why_facts f = leecher();

    f.peers.tries[PEER_TRY_REFUSED] = 5; /* other peers are connected, so this does not matter */
    f.peers.connected = 1;
    expect(&f, WHY_PEERS_LACK, "1 peer, it has nothing of what is missing");
    f.peers.connected = 3;
    expect(&f, WHY_PEERS_LACK, "3 peers, none has what is missing");
    f.peers.useful = 2;
    expect(&f, WHY_CHOKED, "2 of 3 peers have what is missing, and choke us");
    f.peers.connected = 2;
    expect(&f, WHY_CHOKED, "the 2 connected peers choke us");
    f.peers.connected = f.peers.useful = 1;
    expect(&f, WHY_CHOKED, "the connected peer chokes us");
    f.peers.unchoking = 1;
    expect(&f, WHY_PEERS_NEW, "1 peer is connected, nothing was asked of it yet");
    f.peers.requests = 4;
    expect(&f, WHY_PEERS_SILENT, "1 peer was asked, and nothing comes");
    f.data.disk_behind = true;
    expect(&f, WHY_DISK_BUSY, "waits for the disk: received data is not written yet");
    f.data.idle_ms = 100;
    f.data.down_rate = 3 * 1024 * 1024;
    f.data.disk_behind = false;
    expect(&f, WHY_MOVING, "receiving 3.0 MiB/s, 1 peer");
    f.data.idle_ms = WHY_IDLE_MS + 1;
    expect(&f, WHY_PEERS_SILENT, "1 peer was asked, and nothing comes");
}

Test(why, limits)
{
    struct why_facts f = leecher();

    f.peers.connected = f.peers.useful = f.peers.unchoking = 1;
    f.data.idle_ms = 0;
    f.data.down_limited = true;
    f.data.down_limit = 102400;
    expect(&f, WHY_DOWN_LIMIT, "limited by the download limit of 100.0 KiB/s for all torrents");
    f.data.own_down_limit = true;
    expect(&f, WHY_DOWN_LIMIT, "limited by the download limit of 100.0 KiB/s");
    f.data.own_down_limit = false;
    f.data.down_limit = 0;
    expect(&f, WHY_DOWN_LIMIT, "limited by the download limit for all torrents");
    f.seeding = true;
    f.data.up_limited = f.data.own_up_limit = true;
    f.data.up_limit = 512;
    expect(&f, WHY_UP_LIMIT, "limited by the upload limit of 512 B/s");
}

Test(why, seeding)
{
    struct why_facts f = seeder();
    struct why_tracker t = tracker("http://a.example/announce", true, 0, "", 1800000);

    expect(&f, WHY_NO_TRACKER,
           "this torrent names no tracker: only peers that are given this machine's address "
           "can connect");
    f.trackers = &t;
    f.tracker_count = 1;
    expect(&f, WHY_NOBODY_WANTS, "no peer needs data: no peer is connected");
    /* It has just become complete. */
    f.data.idle_ms = 0;
    f.data.down_rate = 1000;
    expect(&f, WHY_NOBODY_WANTS, "no peer needs data: no peer is connected");
    f.data.idle_ms = WHY_IDLE_MS + 1;
    f.peers.connected = 2;
    expect(&f, WHY_NOBODY_WANTS, "no peer needs data: no connected peer is interested");
    f.peers.wanting = 1;
    expect(&f, WHY_NO_REQUESTS, "1 interested peer asks for nothing now");
    f.peers.connected = 0;
    t.working = false;
    t.err = SPRAT_E_REFUSED;
    t.next_ms = 5000;
    expect(&f, WHY_TRACKER_FAILED, "a.example: connection refused, next try in 5 s");
    f.all_skipped = true;
    f.bytes_have = 0;
    expect(&f, WHY_ALL_SKIPPED, "all files are skipped");
    expect_state(&f, "idle, all files are skipped");
}

Test(why, does_not_run)
{
    struct why_facts f = leecher();

    f.phase = WHY_PHASE_CHECKING;
    f.check_total = 1000;
    f.check_done = 409;
    expect(&f, WHY_CHECKING, "checking what is on disk, 41 % done");
    f.phase = WHY_PHASE_QUEUED;
    expect(&f, WHY_QUEUED, "waits until other torrents have been checked");
    f.phase = WHY_PHASE_METADATA;
    f.peers.next_dial_ms = 2500;
    expect(&f, WHY_METADATA,
           "the metadata is not known, and no peer is connected, next try in 3 s");
    f.metadata.waits = true;
    expect(&f, WHY_METADATA,
           "the metadata is not known; other links dial their peers first, and this one waits for "
           "its turn");
    f.metadata.waits = false;
    f.peers.connected = 1;
    expect(&f, WHY_METADATA, "the connected peer does not offer the metadata");
    f.peers.connected = 2;
    expect(&f, WHY_METADATA, "none of the 2 connected peers offers the metadata");
    f.metadata.offering = 1;
    f.metadata.blocks = 76;
    f.metadata.have = 2;
    expect(&f, WHY_METADATA, "fetching the metadata: 1 peer, 2 of 76 blocks");
    f.peers.connected = 0;
    f.phase = WHY_PHASE_PAUSED;
    expect(&f, WHY_PAUSED, "paused; 'sprat resume' resumes it");
    f.failure.err = SPRAT_E_NOSPACE;
    f.failure.message = "218 MiB are needed, 0 free";
    f.failure.next_ms = 4999;
    expect(&f, WHY_DISK_FULL, "paused by a full disk: 218 MiB are needed, 0 free, next try in 5 s");
    f.failure.err = SPRAT_E_BUSY;
    f.failure.message = "sprat get (pid 17) has it";
    f.failure.next_ms = -1;
    expect(&f, WHY_IN_USE, "sprat get (pid 17) has it");
    f.failure.err = SPRAT_E_NOENT;
    expect(&f, WHY_FILES_MISSING, "sprat get (pid 17) has it");
    f.failure.err = SPRAT_E_READONLY;
    expect(&f, WHY_NOT_WRITABLE, "sprat get (pid 17) has it");
    f.failure.err = SPRAT_E_IO;
    expect(&f, WHY_FAILED, "sprat get (pid 17) has it");
    f.phase = WHY_PHASE_STOPPED;
    expect(&f, WHY_STOPPED, "stopped");
    f.stop = WHY_STOP_RATIO;
    f.ratio = 2;
    expect(&f, WHY_RATIO_REACHED, "ratio 2.00 reached");
    f.stop = WHY_STOP_COMPLETE;
    expect(&f, WHY_COMPLETE, "complete, and not set to seed");
}

Test(why, state_in_words)
{
    struct why_facts f = leecher();

    expect_state(&f, "downloading");
    f.seeding = true;
    f.bytes_have = 246;
    expect_state(&f, "seeding, selection complete (24.6 % of the torrent)");
    f.seed_only = true;
    expect_state(&f, "seeding the part that is there (24.6 % of the torrent)");
    f.bytes_have = f.bytes_total;
    expect_state(&f, "seeding");
    f.phase = WHY_PHASE_CHECKING;
    f.check_total = 10;
    f.check_done = 4;
    expect_state(&f, "checking 40 %");
    f.phase = WHY_PHASE_PAUSED;
    expect_state(&f, "paused");
    f.failure.err = SPRAT_E_NOSPACE;
    expect_state(&f, "paused by a full disk");
    f.failure.err = SPRAT_E_IO;
    expect_state(&f, "paused by a failure");
    f.phase = WHY_PHASE_STOPPED;
    f.stop = WHY_STOP_RATIO;
    f.ratio = 1.5;
    expect_state(&f, "stopped: ratio 1.50 reached");
}

/* The most important reason comes first, and each reason comes once. */
Test(why, all_reasons_in_order)
{
    struct why_facts f = leecher();
    struct why_tracker t =
        tracker("udp://t.example:1", false, SPRAT_E_TIMEOUT, "did not answer", 1);
    struct why all[WHY_REASONS_MAX];
    size_t n;

    f.trackers = &t;
    f.tracker_count = 1;
    f.peers.tries[PEER_TRY_REFUSED] = 1;
    f.peers.half_open = 1;
    n = why_find(&f, all);
    cr_assert_eq(n, 3);
    cr_assert_eq(all[0].code, WHY_UNREACHABLE);
    cr_assert_eq(all[1].code, WHY_CONNECTING);
    cr_assert_eq(all[2].code, WHY_TRACKER_FAILED);
}

/* A text that is too long is cut. */
Test(why, long_texts_are_cut)
{
    struct why_facts f = leecher();
    char message[2000], host[4];
    struct why all[WHY_REASONS_MAX];

    memset(message, 'x', sizeof(message) - 1);
    message[sizeof(message) - 1] = '\0';
    f.failure.err = SPRAT_E_IO;
    f.failure.message = message;
    cr_assert_eq(why_find(&f, all), 1);
    cr_assert_eq(strlen(all[0].text), WHY_TEXT_MAX - 1);
    cr_assert_str_eq(why_host("http://abcdef/x", host, sizeof(host)), "abc");
    cr_assert_str_eq(why_host("abc", host, sizeof(host)), "abc");
    f = leecher();
    for (unsigned i = 0; i < PEER_TRY_COUNT; i++)
        f.peers.tries[i] = UINT32_MAX / PEER_TRY_COUNT;
    cr_assert_lt(strlen(why_tries(f.peers.tries, 3, message)), (size_t)WHY_TEXT_MAX);
}
