// Relays TCP connections as a network with a given round trip would: nothing arrives sooner than half of it later.
// SPDX-License-Identifier: Apache-2.0
//
// relay PORT SERVER-PORT ROUND-TRIP-IN-MS [RATE-IN-MIB [LOSS]]
//
// Both ports are of 127.0.0.1. A connection costs one round trip before its first byte is passed on, as its handshake
// would. 8 MiB may be under way in one direction of a connection: one stream is as fast as TCP with the usual limits of
// its buffers is. RATE is what all connections together bring from the server in a second, 0 for no limit. One request in
// LOSS, 0 for none, has its connection reset after the first MiB of its answer.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST_CONNECTIONS = 256, MOST_PIECES = 4096, LARGEST_PIECE = 64 << 10, BYTES_BEFORE_LOSS = 1 << 20 };

struct piece {
    int64_t due;
    size_t length;
};

// Bytes on their way from one socket to another.
struct direction {
    int from, to;
    unsigned char *ring;
    size_t start, used;
    struct piece pieces[MOST_PIECES];
    unsigned first, count;
    bool has_ended, is_shut;
    int64_t end_due;
};

struct connection {
    int client, server;
    int64_t usable;
    struct direction up, down;
    bool is_to_be_lost;
    size_t bytes_before_loss;
};

static const size_t window = (size_t)8192 << 10;
static int64_t half;
// Bytes a second, and the time until which the link is taken by what has been passed.
static double rate;
static int64_t link_free;
static unsigned long loss, request_count;
static struct connection *connections[MOST_CONNECTIONS];

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void *allocate(size_t size) {
    void *memory = calloc(1, size);
    if (!memory) fail("relay: memory");
    return memory;
}

static void set_up(struct direction *direction, int from, int to) {
    direction->from = from;
    direction->to = to;
    direction->ring = allocate(window);
}

static void accept_client(int listener, uint16_t server_port) {
    int client = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client < 0) return;
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(server_port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    unsigned slot = 0;
    while (slot < MOST_CONNECTIONS && connections[slot]) slot++;
    if (server < 0 || slot == MOST_CONNECTIONS || connect(server, (struct sockaddr *)&address, sizeof address) < 0) {
        close(client);
        if (server >= 0) close(server);
        return;
    }
    int one = 1;
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct connection *connection = allocate(sizeof *connection);
    connection->client = client;
    connection->server = server;
    connection->usable = now() + 2 * half;
    set_up(&connection->up, client, server);
    set_up(&connection->down, server, client);
    connections[slot] = connection;
}

static bool may_take(const struct direction *direction) {
    return !direction->has_ended && direction->used < window && direction->count < MOST_PIECES;
}

// Takes what has come; true where something has.
static bool take(struct direction *direction, int64_t earliest, bool is_limited) {
    if (!may_take(direction)) return false;
    size_t end = (direction->start + direction->used) % window;
    size_t room = window - direction->used;
    if (room > window - end) room = window - end;
    // Several connections share a link that has a rate.
    if (is_limited && rate > 0 && room > LARGEST_PIECE) room = LARGEST_PIECE;
    ssize_t count = recv(direction->from, direction->ring + end, room, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    int64_t start = now();
    int64_t due = (start > earliest ? start : earliest) + half;
    if (count <= 0) {
        direction->has_ended = true;
        direction->end_due = due;
        return true;
    }
    if (is_limited && rate > 0) {
        link_free = (link_free > start ? link_free : start) + (int64_t)((double)count * 1e9 / rate);
        due = link_free + half;
    }
    struct piece *piece = &direction->pieces[(direction->first + direction->count++) % MOST_PIECES];
    *piece = (struct piece){.due = due, .length = (size_t)count};
    direction->used += (size_t)count;
    return true;
}

static bool has_due(const struct direction *direction, int64_t time) {
    return direction->count > 0 ? direction->pieces[direction->first].due <= time
                                : direction->has_ended && !direction->is_shut && direction->end_due <= time;
}

// Passes on what is due; false where the other side is gone.
static bool pass(struct direction *direction, int64_t time) {
    while (direction->count > 0) {
        struct piece *piece = &direction->pieces[direction->first];
        if (piece->due > time) return true;
        size_t length = piece->length;
        if (length > window - direction->start) length = window - direction->start;
        ssize_t count = send(direction->to, direction->ring + direction->start, length, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count < 0) return errno == EAGAIN || errno == EINTR;
        direction->start = (direction->start + (size_t)count) % window;
        direction->used -= (size_t)count;
        piece->length -= (size_t)count;
        if (piece->length > 0) continue;
        direction->first = (direction->first + 1) % MOST_PIECES;
        direction->count--;
    }
    if (direction->has_ended && !direction->is_shut && direction->end_due <= time) {
        shutdown(direction->to, SHUT_WR);
        direction->is_shut = true;
    }
    return true;
}

// Notes that a request has passed; one in LOSS is lost.
static void note_request(struct connection *connection) {
    if (loss == 0 || ++request_count % loss != 0) return;
    connection->is_to_be_lost = true;
    connection->bytes_before_loss = BYTES_BEFORE_LOSS;
}

// Whether the connection breaks now, `passed` bytes of an answer later.
static bool is_lost(struct connection *connection, size_t passed) {
    if (!connection->is_to_be_lost) return false;
    bool is_now = passed >= connection->bytes_before_loss;
    connection->bytes_before_loss -= is_now ? 0 : passed;
    return is_now;
}

// A client sees "connection reset by peer".
static void reset(struct connection *connection) {
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    setsockopt(connection->client, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

static void end(unsigned slot) {
    struct connection *connection = connections[slot];
    close(connection->client);
    close(connection->server);
    free(connection->up.ring);
    free(connection->down.ring);
    free(connection);
    connections[slot] = NULL;
}

static int64_t next_due(const struct direction *direction, int64_t best) {
    int64_t due = direction->count > 0 ? direction->pieces[direction->first].due
                  : direction->has_ended && !direction->is_shut ? direction->end_due : INT64_MAX;
    return due < best ? due : best;
}

// The events of the socket that `in` reads from and `out` writes to.
static short events(const struct direction *in, const struct direction *out, int64_t time) {
    return (short)((may_take(in) ? POLLIN : 0) | (out->count > 0 && has_due(out, time) ? POLLOUT : 0));
}

static int listen_on(uint16_t port) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int one = 1;
    if (listener < 0) fail("relay: socket");
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 128) < 0)
        fail("relay: listen");
    return listener;
}

static void step(int listener, uint16_t server_port) {
    struct pollfd polled[1 + 2 * MOST_CONNECTIONS] = {{.fd = listener, .events = POLLIN}};
    int64_t time = now(), due = INT64_MAX;
    nfds_t count = 1;
    for (unsigned slot = 0; slot < MOST_CONNECTIONS; slot++) {
        struct connection *connection = connections[slot];
        if (!connection) continue;
        short client = events(&connection->up, &connection->down, time);
        short server = events(&connection->down, &connection->up, time);
        // A socket that is asked for nothing would wake the loop for its end again and again.
        polled[count++] = (struct pollfd){.fd = client ? connection->client : -1, .events = client};
        polled[count++] = (struct pollfd){.fd = server ? connection->server : -1, .events = server};
        if (!has_due(&connection->up, time)) due = next_due(&connection->up, due);
        if (!has_due(&connection->down, time)) due = next_due(&connection->down, due);
    }
    int64_t wait = due == INT64_MAX ? 1000000000 : due > time ? due - time : 0;
    struct timespec timeout = {.tv_sec = wait / 1000000000, .tv_nsec = wait % 1000000000};
    if (ppoll(polled, count, &timeout, NULL) < 0 && errno != EINTR) fail("relay: poll");
    time = now();
    for (unsigned slot = 0; slot < MOST_CONNECTIONS; slot++) {
        struct connection *connection = connections[slot];
        if (!connection) continue;
        if (take(&connection->up, connection->usable, false) && !connection->up.has_ended) note_request(connection);
        take(&connection->down, 0, true);
        size_t held = connection->down.used;
        bool is_well = pass(&connection->up, time) && pass(&connection->down, time);
        bool is_over = connection->up.is_shut && connection->down.is_shut;
        bool breaks = is_lost(connection, held - connection->down.used);
        if (breaks) reset(connection);
        if (!is_well || is_over || breaks) end(slot);
    }
    if (polled[0].revents) accept_client(listener, server_port);
}

int main(int argc, char **argv) {
    if (argc < 4 || argc > 6) {
        fprintf(stderr, "usage: relay PORT SERVER-PORT ROUND-TRIP-IN-MS [RATE-IN-MIB [LOSS]]\n");
        return 2;
    }
    half = (int64_t)(strtod(argv[3], NULL) * 500000);
    if (argc > 4) rate = strtod(argv[4], NULL) * (1 << 20);
    if (argc > 5) loss = strtoul(argv[5], NULL, 10);
    if (half < 0 || rate < 0) return 2;
    signal(SIGPIPE, SIG_IGN);
    uint16_t server_port = (uint16_t)atoi(argv[2]);
    int listener = listen_on((uint16_t)atoi(argv[1]));
    for (;;) step(listener, server_port);
}
