/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The searches of a DHT node and the lookups that serve them: which search is next, when it comes
 * again, and the announces at its end. Lookups that only keep the routing table go the same way.
 *
 * A search waits while no node is known. A hungry search that found nothing comes again after
 * 5 s, then 15 s, then 60 s and so on; the others come again when their announce is due.
 */
#ifndef PEER_CORE_DHT_SEARCH_H
#define PEER_CORE_DHT_SEARCH_H

#include "peer/core/dht_impl.h"

enum {
    DHT_SEARCH_SOON_MS = 60000, /* the first announce is repeated after this time if the size of the
                                   DHT, which decides how far announces reach, was not known */
    DHT_SEARCH_GAP_MS = 5000,   /* shortest time between two rounds of a search */
    DHT_PEERS_ENOUGH = 100,     /* peers at which a search that announces nothing ends */
};

/* True if the search of |node| has the number |key|. */
bool search_matches(const struct hashmap_node *node, const void *key, size_t len);

/* Starts a search or changes it. 0, or SPRAT_E_NOMEM or SPRAT_E_LIMIT: nothing happened. */
int search_start(struct dht *d, const struct dht_search_spec *spec, struct mono now);
void search_stop(struct dht *d, uint64_t id);
void search_free_all(struct dht *d);

/* Starts due searches while lookups are free, and lets all lookups ask. */
void search_run(struct dht *d, struct mono now);

/* Lets a lookup ask whom it wants to ask, and ends it when it is over. */
void search_go_on(struct dht *d, uint8_t job, struct mono now);

/* Starts a lookup for the table. False if no lookup is free. The target was chosen by us, so the
 * lookup also shows how dense the DHT is. */
bool search_for_table(struct dht *d, const uint8_t target[DHT_ID_LEN], struct mono now);

/* True if a lookup for the table is under way. */
bool search_keeps_table(const struct dht *d);

/* True if a hungry search is under way. */
bool search_is_hungry(const struct dht *d);

/* A node may be alive: lookups in which nobody answered yet ask it too. */
void search_offer(struct dht *d, const struct dht_contact *c, struct mono now);

/* Ends all lookups without a result; their searches are due at once. */
void search_abort_all(struct dht *d, struct mono now);

/* All hungry searches are due at once: a node is known again. */
void search_hurry(struct dht *d, struct mono now);

/* True if there is any node to ask. */
bool search_can_start(const struct dht *d);

/* The next SEARCHED effect; false: none. */
bool search_next_fx(struct dht *d, struct dht_effect *fx);

struct mono search_expiry(const struct dht *d);

#endif
