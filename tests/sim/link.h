/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Connections between nodes as reliable streams over lines of limited width: dialling, segments in
 * order, a window that loss halves, hold-ups, and the end. It knows messages by size only.
 */
#ifndef TESTS_SIM_LINK_H
#define TESTS_SIM_LINK_H

#include "tests/sim/manners.h"
#include "tests/sim/node.h"

enum {
    SEGMENT_BYTES = BLOCK_LEN, /* sent at a time */
    PACKET_BYTES = 1448,       /* of which a segment loses one or more */
};

/* A message on its way. */
struct packet {
    struct list link;
    struct wire_msg msg;
    uint8_t tag;      /* PIECE: what the block is */
    uint32_t bytes;   /* on the wire */
    uint32_t allowed; /* of those, how many may leave by now */
    uint32_t left;    /* how many did, in segments before its last */
    uint8_t *owned; /* what msg.data points to, or NULL */
};

/* One direction of a connection. */
struct pipe {
    struct link *owner;
    unsigned side;      /* the sender's */
    struct list ring;   /* in the sender's uplink */
    struct list queue;  /* packets that wait for the line */
    struct list held;   /* segments that arrived where nobody takes them */
    uint32_t waiting;   /* payload bytes in |queue| */
    uint32_t in_flight; /* bytes */
    uint32_t window;    /* bytes */
    bool lost;          /* a segment was, before now */
    struct mono last;   /* when the segment before arrives */
};

/* What a node remembers of a talk, for the invariants. */
struct talk {
    bool choked;      /* the other side chokes us, as we know */
    bool choking;     /* we choke the other side */
    bool fast_told;   /* the other side allowed a piece while choking */
    bool fast_given;  /* we did */
    uint32_t owed;    /* its requests that have had no answer */
    uint32_t failing; /* of those, the ones whose read failed, and the core does not know yet */
    struct manners manners;
};

struct link {
    struct sim *sim;
    struct node *end[2]; /* who dialled, who was dialled */
    slot_id peer[2];     /* what each core calls the other */
    bool open[2];        /* that core has it */
    bool ending[2];      /* word of the end is on its way to that side */
    bool twin[2];        /* that core has closed it for another one to the same peer */
    unsigned holds;      /* calls that will still look at it */
    struct list segments; /* under way, either direction */
    struct talk talk[2];
    struct pipe pipe[2]; /* from that end */
    slot_id id;
    struct event dial; /* the handshake's next step, or the end that a dead machine leads to */
    enum link_phase { LINK_SYN, LINK_ANSWER, LINK_UP, LINK_BROKEN } phase;
    bool nowhere;  /* nobody is at the address that was dialled; |end[1]| is the dialler */
    bool dialling; /* the dialler's core waits for an end of its CONNECT */
    int dial_err;  /* LINK_BROKEN: what the sides will hear */
    struct handshake offer, answer;
};

/* The node's core asked for it. */
void link_dial(struct node *n, slot_id peer, const struct endpoint *to);
/* The called node's core said what it does with the link of |token|. */
void link_accept(struct node *n, slot_id token, slot_id peer);
void link_refuse(struct node *n, slot_id token, int err);

/* The node's link that its core calls |peer|, and the node's side of it; NULL if it has none. */
struct link *link_find(const struct node *n, slot_id peer, unsigned *side);

/* Takes the packet. */
void link_send(struct link *l, unsigned side, struct packet *p);
/* |more| bytes of the piece that was sent last may leave; nothing happens if it is another. */
void link_allow(struct link *l, unsigned side, uint32_t piece, uint32_t begin, uint32_t more);
struct packet *packet_new(struct sim *s, const struct wire_msg *msg, uint8_t tag);
void packet_drop(struct sim *s, struct packet *p);

/* The node's side of it ends; what it has not sent is dropped, and the other side will hear. */
void link_close(struct link *l, unsigned side, int err);

/* Every link of a node whose process is gone; |dark|: and nobody tells the others. */
void links_crash(struct node *n, bool dark);
/* The node's machine is back: who still sends to its old connections will hear that they are gone.
 */
void links_wake(struct node *n);
/* Lets go on what was held up by a partition. */
void links_heal(struct sim *s);
/* Frees all of them, whatever is under way. */
void links_fini(struct sim *s);

/* Frees the spare packets and segments. */
void segments_fini(struct sim *s);

void uplink_init(struct node *n);
/* Sends if the line is free and something may be sent. */
void uplink_kick(struct node *n);

#endif
