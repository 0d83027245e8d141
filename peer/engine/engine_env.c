/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The calls that a torrent makes to its engine (torrent_env.h).
 */
#include "peer/engine/engine_impl.h"

static struct engine *
engine_around(struct torrent_env *env)
{
    return LIST_ENTRY(env, struct engine, env);
}

static void
on_admit(struct torrent *t)
{
    engine_admit(engine_of(t), t);
}

static void
on_await_disk(struct torrent_env *env)
{
    engine_await_disk(engine_around(env));
}

static int
on_exchange_facts(struct torrent *t, struct torrent_facts *facts)
{
    return process_exchange_facts(engine_of(t)->process, t, facts);
}

static void
on_share_ban(struct torrent_env *env, const struct endpoint *addr)
{
    engine_share_ban(engine_around(env), addr);
}

static int
on_take_conn(struct torrent_env *env, const struct endpoint *peer)
{
    return process_take_conn(engine_around(env)->process, peer);
}

static void
on_drop_conn(struct torrent_env *env, const struct endpoint *peer)
{
    process_drop_conn(engine_around(env)->process, peer);
}

const struct torrent_env_calls engine_env_calls = {
    .mark_dirty = engine_mark_dirty,
    .tell = engine_tell,
    .admit = on_admit,
    .await_disk = on_await_disk,
    .exchange_facts = on_exchange_facts,
    .search = engine_search,
    .add_dht_node = engine_add_dht_node,
    .add_dht_names = engine_add_dht_names,
    .share_ban = on_share_ban,
    .take_conn = on_take_conn,
    .drop_conn = on_drop_conn,
};
