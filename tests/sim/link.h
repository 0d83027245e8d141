/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Connections between nodes: reliable streams over lines of limited rate, with dialling, segments
 * in order, a window that loss halves, hold-ups, and an end. A link knows only the sizes of
 * messages.
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
    uint32_t left;    /* bytes sent, in segments before the packet's last segment */
    uint8_t *owned; /* what msg.data points to, or NULL */
};

/* One direction of a connection. */
struct pipe {
    struct link *owner;
    unsigned side;      /* the sender's */
    struct list ring;   /* in the sender's uplink */
    struct list queue;  /* packets that wait for the line */
    struct list held;   /* segments that arrived while the receiver takes none */
    uint32_t waiting;   /* payload bytes in |queue| */
    uint32_t in_flight; /* bytes */
    uint32_t window;    /* bytes */
    bool lost;          /* a segment was lost before */
    struct mono last;   /* when the segment before arrives */
};

/* What the simulator remembers of one side's messages, for the invariants. */
struct talk {
    bool choked;      /* the other side chokes us, as we know */
    bool choking;     /* we choke the other side */
    bool fast_told;   /* the other side allowed a piece while choking */
    bool fast_given;  /* we did */
    uint32_t owed;    /* its requests that are not answered */
    uint32_t failing; /* of those, the ones whose read failed, and the core does not know yet */
    struct manners manners;
};

struct link {
    struct sim *sim;
    struct node *end[2]; /* who dialled, who was dialled */
    slot_id peer[2];     /* each core's id of the other */
    bool open[2];        /* that core knows the connection */
    bool ending[2];      /* the end of the connection is under way to that side */
    bool twin[2];        /* that core has closed it for another one to the same peer */
    unsigned holds;      /* running calls that still use the link */
    struct list segments; /* under way, either direction */
    struct talk talk[2];
    struct pipe pipe[2]; /* from that end */
    slot_id id;
    struct event dial; /* the handshake's next step, or the timeout after a machine has died */
    enum link_phase { LINK_SYN, LINK_ANSWER, LINK_UP, LINK_BROKEN } phase;
    bool nowhere;  /* the dialled address has no node; |end[1]| is the dialler */
    bool dialling; /* the dialler's CONNECT has no answer yet */
    int dial_err;  /* LINK_BROKEN: the error that both sides will get */
    struct handshake offer, answer;
};

/* Carries out a CONNECT of the node's core. */
void link_dial(struct node *n, slot_id peer, const struct endpoint *to);
/* Carry out the ACCEPT or REFUSE of the dialled node's core for the link |token|. */
void link_accept(struct node *n, slot_id token, slot_id peer);
void link_refuse(struct node *n, slot_id token, int err);

/* The node's link that its core calls |peer|, and the node's side of it; NULL if it has none. */
struct link *link_find(const struct node *n, slot_id peer, unsigned *side);

/* Queues the packet; takes ownership of it. */
void link_send(struct link *l, unsigned side, struct packet *p);
/* Allows |more| bytes of the block that was sent last to leave. No effect if the last block is
 * another one. */
void link_allow(struct link *l, unsigned side, uint32_t piece, uint32_t begin, uint32_t more);
struct packet *packet_new(struct sim *s, const struct wire_msg *msg, uint8_t tag);
void packet_drop(struct sim *s, struct packet *p);

/* Closes the node's side: drops its unsent bytes, and the other side will get the end. */
void link_close(struct link *l, unsigned side, int err);

/* Ends every link of a node whose process has ended. With |dark| the other sides get no end. */
void links_crash(struct node *n, bool dark);
/* The node's machine is back: peers that still send to its old connections get their end. */
void links_wake(struct node *n);
/* Continues the links that a partition held up. */
void links_heal(struct sim *s);
/* Frees all links, also those with packets under way. */
void links_fini(struct sim *s);

/* Frees the spare packets and segments. */
void segments_fini(struct sim *s);

void uplink_init(struct node *n);
/* Sends the next segment if the line is free and a pipe may send. */
void uplink_kick(struct node *n);

#endif
