/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sets the socket options, and writes the classic BPF program that chooses a socket.
 */
#include "common/ev/port.h"

#include <fcntl.h>
#include <linux/filter.h>

static bool
share_port(int fd)
{
    int one = 1;

    return setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) == 0;
}

int
port_socket(int family, int type, enum port_share share)
{
    if (share >= PORT_PASSED)
        return fcntl((int)share - (int)PORT_PASSED, F_DUPFD_CLOEXEC, 0);
    return socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

bool
port_bind(int fd, const struct sockaddr *sa, socklen_t len, enum port_share share)
{
    if (share >= PORT_PASSED)
        return true;
    return (share != PORT_NEXT || share_port(fd)) && bind(fd, sa, len) == 0 &&
           (share != PORT_FIRST || share_port(fd));
}

/* The program sees the payload from its first byte. */
bool
port_steer(int fd, const struct port_steering *s)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, s->at + 8, 0, 8),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, s->at),
        BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, s->factors[0]),
        BPF_STMT(BPF_ST, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, s->at + 4),
        BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, s->factors[1]),
        BPF_STMT(BPF_LDX | BPF_W | BPF_MEM, 0),
        BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
        BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)(SKF_AD_OFF + SKF_AD_RANDOM)),
        BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, s->addend),
        BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 16),
        BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, s->count),
        BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 16),
        BPF_STMT(BPF_RET | BPF_A, 0),
    };
    struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program)) == 0;
}
