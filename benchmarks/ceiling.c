/*
 * The ceiling: a server that does nothing but hand ready-made bytes to send(). What it costs, no server can save.
 *
 *   ceiling PORT
 *
 * Any GET with an Upgrade becomes a WebSocket, /sse an endless text/event-stream, and /poll a long poll: without
 * messageId answered at once with the present cursor, with messageId as soon as there are messages behind it. On the
 * next port, as with every server here:
 *
 *   POST /burst?m=M&size=S[&batch=B]            M messages to everybody
 *   POST /tick?hz=H&k=K&secs=T&size=S[&batch=B] K messages at a time, H times a second
 *
 * A message is encoded once and then sent to one client after the other; with a batch, B messages are one send() of B
 * frames. Who has no room for it gets the rest when there is room.
 *
 * It is made for load.c: of a request it looks at no more than it must, and it knows one WebSocket key.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_REQUEST 1024
#define MAX_MESSAGE 60000
/* The messages that polls can still ask for. */
#define POLL_MESSAGES 4096
/* Sent bytes are dropped, if all have them, when there are as many as this. */
#define KEPT_BYTES (256u << 10)

enum kind { LISTENING, CONTROL_LISTENING, CONTROL, NEW, WEB_SOCKET, EVENTS, POLLS, KINDS };

struct client {
    enum kind kind;
    int fd;
    bool is_behind, is_waiting; /* for room to send; for messages to poll */
    size_t index;               /* in the audience */
    size_t sent;                /* bytes of the log of its kind */
    uint64_t cursor;            /* the last message that it has */
    size_t request_length;
    char request[MAX_REQUEST];
};

struct log {
    char *data;
    size_t length, capacity;
};

static int epoll_fd;
static struct client **audience;
static size_t audience_count, audience_capacity, kind_counts[KINDS];
static struct log logs[KINDS];  /* of WEB_SOCKET frames, of EVENTS */
static uint64_t sequence;
static char *poll_texts[POLL_MESSAGES];

/* What is still to be sent. */
static struct {
    long messages, batch, size;
} burst;
static struct {
    long ticks, messages, batch, size;
    uint64_t next_ns, period_ns;
} tick;

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void *checked(void *memory)
{
    if (!memory) {
        fputs("ceiling: out of memory\n", stderr);
        exit(2);
    }
    return memory;
}

static void append(struct log *log, const void *data, size_t length)
{
    if (log->length + length > log->capacity) {
        log->capacity = (log->length + length) * 2;
        log->data = checked(realloc(log->data, log->capacity));
    }
    memcpy(log->data + log->length, data, length);
    log->length += length;
}

/* ---- clients ---- */

static void watch(struct client *client, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = client};
    epoll_ctl(epoll_fd, operation, client->fd, &event);
}

static void join_audience(struct client *client, enum kind kind)
{
    if (audience_count == audience_capacity) {
        audience_capacity = audience_capacity ? audience_capacity * 2 : 1024;
        audience = checked(realloc(audience, audience_capacity * sizeof *audience));
    }
    client->kind = kind;
    client->sent = logs[kind].length;
    client->index = audience_count;
    audience[audience_count++] = client;
    kind_counts[kind]++;
}

/* Its memory is never given back: an event of it may be at hand, and a run has few clients. */
static void drop(struct client *client)
{
    if (client->fd < 0)
        return;
    close(client->fd);
    client->fd = -1;
    if (client->kind < WEB_SOCKET)
        return;
    kind_counts[client->kind]--;
    struct client *last = audience[--audience_count];
    audience[client->index] = last;
    last->index = client->index;
}

static void answer(struct client *client, const char *data, size_t length)
{
    if (send(client->fd, data, length, MSG_NOSIGNAL) != (ssize_t)length)
        drop(client);
}

/* ---- messages ---- */

static void catch_up(struct client *client)
{
    struct log *log = &logs[client->kind];
    bool was_behind = client->is_behind;
    client->is_behind = false;
    while (client->sent < log->length) {
        ssize_t sent = send(client->fd, log->data + client->sent, log->length - client->sent, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) {
            drop(client);
            return;
        }
        if (sent < 0) {
            client->is_behind = true;
            break;
        }
        client->sent += (size_t)sent;
    }
    if (client->is_behind != was_behind)
        watch(client, EPOLL_CTL_MOD, client->is_behind ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void answer_poll(struct client *client)
{
    static struct log body, whole;
    char head[200];
    uint64_t oldest = sequence > POLL_MESSAGES ? sequence - POLL_MESSAGES : 0;
    uint64_t from = client->cursor < oldest ? oldest : client->cursor;
    body.length = whole.length = 0;
    append(&body, head, (size_t)snprintf(head, sizeof head, "{\"C\":\"%lu\",\"M\":[", (unsigned long)sequence));
    for (uint64_t number = from + 1; number <= sequence; number++) {
        const char *text = poll_texts[number % POLL_MESSAGES];
        append(&body, text, strlen(text));
        if (number < sequence)
            append(&body, ",", 1);
    }
    append(&body, "]}", 2);
    append(&whole, head, (size_t)snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                                             "Content-Length: %zu\r\n\r\n", body.length));
    append(&whole, body.data, body.length);
    client->is_waiting = false;
    answer(client, whole.data, whole.length);
}

/* Make a message, in all the forms that anybody wants it in. */
static void make_message(long size)
{
    static char text[MAX_MESSAGE + 200];
    int length = snprintf(text, sizeof text, "{\"seq\":%lu,\"ts\":%lu,\"pad\":\"", (unsigned long)++sequence,
                          (unsigned long)now_ns());
    for (; length < size - 2 && length < MAX_MESSAGE; length++)
        text[length] = 'x';
    length += sprintf(text + length, "\"}");
    if (kind_counts[WEB_SOCKET]) {
        unsigned char head[4] = {0x81, (unsigned char)length, 0, 0};
        if (length >= 126) {
            head[1] = 126;
            head[2] = (unsigned char)(length >> 8);
            head[3] = (unsigned char)length;
        }
        append(&logs[WEB_SOCKET], head, length >= 126 ? 4 : 2);
        append(&logs[WEB_SOCKET], text, (size_t)length);
    }
    if (kind_counts[EVENTS]) {
        append(&logs[EVENTS], "data: ", 6);
        append(&logs[EVENTS], text, (size_t)length);
        append(&logs[EVENTS], "\n\n", 2);
    }
    if (kind_counts[POLLS]) {
        char **slot = &poll_texts[sequence % POLL_MESSAGES];
        free(*slot);
        *slot = checked(strdup(text));
    }
}

static void send_all(void)
{
    for (size_t i = audience_count; i-- > 0;) { /* backwards: who is dropped is replaced by the last */
        struct client *client = audience[i];
        if (client->kind == POLLS && client->is_waiting)
            answer_poll(client);
        else if (client->kind != POLLS && !client->is_behind)
            catch_up(client);
    }
}

/* Drop what all have. */
static void forget_sent(void)
{
    for (size_t i = 0; i < audience_count; i++)
        if (audience[i]->is_behind)
            return;
    logs[WEB_SOCKET].length = logs[EVENTS].length = 0;
    for (size_t i = 0; i < audience_count; i++)
        audience[i]->sent = 0;
}

static void send_batches(long messages, long batch, long size)
{
    for (long i = 1; i <= messages; i++) {
        make_message(size);
        if (i % batch == 0 || i == messages)
            send_all();
    }
    if (!burst.messages || logs[WEB_SOCKET].length + logs[EVENTS].length > KEPT_BYTES)
        forget_sent();
}

static void do_what_is_due(void)
{
    if (burst.messages) {
        long messages = burst.messages < burst.batch ? burst.messages : burst.batch;
        burst.messages -= messages;
        send_batches(messages, burst.batch, burst.size);
    }
    if (tick.ticks && now_ns() >= tick.next_ns) {
        tick.ticks--;
        tick.next_ns += tick.period_ns;
        send_batches(tick.messages, tick.batch, tick.size);
    }
}

/* ---- requests ---- */

static double parameter(const char *request, const char *name, double otherwise)
{
    size_t length = strlen(name);
    for (const char *at = strchr(request, '?'); at && *at != ' '; at = strpbrk(at + 1, "& "))
        if (!strncmp(at + 1, name, length) && at[1 + length] == '=')
            return atof(at + length + 2);
    return otherwise;
}

static void control(struct client *client)
{
    static const char DONE[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
    const char *request = client->request;
    long size = (long)parameter(request, "size", 120), batch = (long)parameter(request, "batch", 1);
    if (!strncmp(request, "POST /burst", 11)) {
        burst.messages = (long)parameter(request, "m", 1);
        burst.batch = batch;
        burst.size = size;
    } else {
        double per_second = parameter(request, "hz", 4);
        tick.ticks = (long)(parameter(request, "secs", 5) * per_second);
        tick.messages = (long)parameter(request, "k", 1);
        tick.batch = batch;
        tick.size = size;
        tick.period_ns = (uint64_t)(1e9 / per_second);
        tick.next_ns = now_ns();
    }
    answer(client, DONE, sizeof DONE - 1);
    drop(client);
}

static void poll(struct client *client)
{
    const char *cursor = strstr(client->request, "messageId=");
    if (client->kind == NEW)
        join_audience(client, POLLS);
    client->cursor = cursor ? strtoull(cursor + strlen("messageId="), NULL, 10) : sequence;
    if (cursor && client->cursor >= sequence)
        client->is_waiting = true;
    else
        answer_poll(client);
}

static void take_request(struct client *client)
{
    static const char SWITCHING[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    static const char BEGINNING[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
    client->request_length = 0;
    if (client->kind == CONTROL) {
        control(client);
    } else if (strstr(client->request, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")) {
        join_audience(client, WEB_SOCKET);
        answer(client, SWITCHING, sizeof SWITCHING - 1);
    } else if (!strncmp(client->request, "GET /sse ", 9)) {
        join_audience(client, EVENTS);
        answer(client, BEGINNING, sizeof BEGINNING - 1);
    } else if (!strncmp(client->request, "GET /poll", 9)) {
        poll(client);
    } else {
        drop(client);
    }
}

static void on_readable(struct client *client)
{
    /* What clients of a stream say is not looked at. */
    if (client->kind == WEB_SOCKET || client->kind == EVENTS)
        client->request_length = 0;
    size_t room = MAX_REQUEST - 1 - client->request_length;
    ssize_t received = recv(client->fd, client->request + client->request_length, room, 0);
    if (received < 0 && errno == EAGAIN)
        return;
    if (received <= 0) {
        drop(client);
        return;
    }
    client->request_length += (size_t)received;
    client->request[client->request_length] = 0;
    if (client->kind == WEB_SOCKET || client->kind == EVENTS)
        return;
    if (strstr(client->request, "\r\n\r\n"))
        take_request(client);
    else if (client->request_length == MAX_REQUEST - 1)
        drop(client);
}

/* ---- the beginning ---- */

static void accept_clients(struct client *listener)
{
    static const int ON = 1;
    int fd;
    while ((fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct client *client = checked(calloc(1, sizeof *client));
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &ON, sizeof ON);
        client->fd = fd;
        client->kind = listener->kind == LISTENING ? NEW : CONTROL;
        watch(client, EPOLL_CTL_ADD, EPOLLIN);
    }
}

static void listen_on(int port, enum kind kind)
{
    static const int ON = 1;
    struct client *listener = checked(calloc(1, sizeof *listener));
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener->kind = kind;
    listener->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &ON, sizeof ON);
    if (bind(listener->fd, (struct sockaddr *)&address, sizeof address) || listen(listener->fd, 4096)) {
        perror("ceiling: listen");
        exit(1);
    }
    watch(listener, EPOLL_CTL_ADD, EPOLLIN);
}

/* For epoll_wait: in how many milliseconds something is due. */
static int milliseconds_left(void)
{
    uint64_t now = now_ns();
    if (burst.messages)
        return 0;
    if (!tick.ticks)
        return -1;
    return tick.next_ns <= now ? 0 : (int)((tick.next_ns - now + 999999) / 1000000);
}

int main(int argument_count, char **arguments)
{
    int port = argument_count == 2 ? atoi(arguments[1]) : 0;
    if (!port) {
        fputs("usage: ceiling PORT\n", stderr);
        return 2;
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    listen_on(port, LISTENING);
    listen_on(port + 1, CONTROL_LISTENING);
    static struct epoll_event events[256];
    for (;;) {
        int count = epoll_wait(epoll_fd, events, 256, milliseconds_left());
        for (int i = 0; i < count; i++) {
            struct client *client = events[i].data.ptr;
            if (client->kind <= CONTROL_LISTENING) {
                accept_clients(client);
                continue;
            }
            if (client->fd >= 0 && events[i].events & EPOLLOUT)
                catch_up(client);
            if (client->fd >= 0 && events[i].events & ~(uint32_t)EPOLLOUT)
                on_readable(client);
        }
        do_what_is_due();
    }
}
