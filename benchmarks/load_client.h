/* The clients: sockets that speak one of the transports, and hand what they are sent to the counter. */
#ifndef LOAD_CLIENT_H
#define LOAD_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "load_count.h"
#include "load_wire.h"

enum transport { WEB_SOCKETS, STREAM, LONG_POLLING };

struct client {
    enum { NOT_BEGUN, CONNECTING, IN_HANDSHAKE, OPEN, CLOSED } state;
    int fd;
    bool is_ready, is_chunked;
    struct bytes unread;     /* received, but only a part of something */
    struct bytes fragments;  /* of a WebSocket message */
    struct chunks chunks;
    const char *path, *next_path;
    char *cursor;            /* of the last answer to a poll */
    uint64_t asked;          /* questions, in this count */
    struct tally tally;
};

/* What all clients do alike; the head of load.c tells what it means. */
struct client_options {
    int port;
    enum transport transport;
    const char *send, *ready, *ask;
    uint64_t outstanding;
};

/* What became of them. */
struct client_totals {
    uint32_t connecting, ready, failed;  /* now */
    uint64_t disconnected, protocol_errors, polls, bytes;
    uint32_t complete;                   /* clients that have all messages of this count */
};

extern struct client *clients;
extern struct client_options client_options;
extern struct client_totals totals;

/* Open an epoll that tells of clients by their index. */
int clients_init(uint32_t count);
void client_begin(struct client *client);
void client_on_event(struct client *client);

/* Begin a count of so many messages for each client; 0: of all that come. */
void clients_begin_count(uint64_t messages);

#endif
