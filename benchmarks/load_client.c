#define _GNU_SOURCE
#include "load_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

/* Clients come from so many addresses, so that there are ports for them. */
#define ADDRESSES 4
#define READ_BYTES (256u << 10)

struct client *clients;
struct client_options client_options = {.outstanding = 1};
struct client_totals totals;

static int epoll_fd;
static uint64_t wanted;
static uint32_t client_count;
static struct bytes input, output;

static void close_client(struct client *client)
{
    if (client->state == CLOSED)
        return;
    close(client->fd);
    client->fd = -1;
    client->state = CLOSED;
    if (client->is_ready) {
        totals.disconnected++;
    } else {
        totals.failed++;
        totals.connecting--;
    }
}

static void protocol_error(struct client *client)
{
    totals.protocol_errors++;
    close_client(client);
}

static void become_ready(struct client *client)
{
    if (client->is_ready)
        return;
    client->is_ready = true;
    totals.ready++;
    totals.connecting--;
}

static void send_output(struct client *client)
{
    /* What a client says is short; a server that has no room for it does not read. */
    ssize_t sent = send(client->fd, output.data, output.length, MSG_NOSIGNAL);
    if (sent != (ssize_t)output.length)
        close_client(client);
    output.length = 0;
}

static void send_frame(struct client *client, int opcode, const char *payload, size_t length)
{
    ws_write(&output, opcode, payload, length);
    send_output(client);
}

static void send_request(struct client *client)
{
    bool is_next = client->cursor && client->next_path;
    const char *path = is_next ? client->next_path : client->path;
    bytes_append(&output, "GET ", 4);
    template_fill(&output, path, (unsigned long)(client - clients), 0, client->cursor);
    char head[300];
    int length = snprintf(head, sizeof head, " HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s\r\n", client_options.port,
                          client_options.transport == WEB_SOCKETS
                              /* The example of RFC 6455, whose answer is known. */
                              ? "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                              : "");
    bytes_append(&output, head, (size_t)length);
    send_output(client);
}

/* Ask as many further questions as may be unanswered. */
static void ask(struct client *client)
{
    static struct bytes question;
    uint64_t answered = client->tally.delivered;
    while (client->asked < wanted && client->asked - answered < client_options.outstanding) {
        uint64_t number = client->tally.last - answered + ++client->asked;
        question.length = 0;
        template_fill(&question, client_options.ask, (unsigned long)(client - clients), (unsigned long)number, NULL);
        ws_write(&output, WS_TEXT, question.data, question.length);
    }
    if (output.length)
        send_output(client);
}

/* A whole frame, event or answer. */
static void take_text(struct client *client, const char *text, size_t length, uint64_t now)
{
    const char *awaited = client->is_ready ? NULL : client_options.ready;
    if (awaited && memmem(text, length, awaited, strlen(awaited)))
        become_ready(client);
    uint64_t before = client->tally.delivered;
    count_text(&client->tally, text, length, now);
    if (wanted && before < wanted && client->tally.delivered >= wanted)
        totals.complete++;
}

/* Each of these takes what it can of `data`, and returns how much that was. */

static size_t take_frames(struct client *client, char *data, size_t length, uint64_t now)
{
    size_t taken = 0;
    struct ws_frame frame;
    while (client->state == OPEN) {
        ptrdiff_t frame_length = ws_read(data + taken, length - taken, &frame);
        if (!frame_length)
            break;
        if (frame_length < 0) {
            protocol_error(client);
            break;
        }
        taken += (size_t)frame_length;
        if (frame.opcode == WS_PING) {
            send_frame(client, WS_PONG, frame.payload, frame.length);
        } else if (frame.opcode == WS_CLOSE) {
            close_client(client);
        } else if (frame.opcode < WS_CLOSE && frame.is_last && frame.opcode) {
            take_text(client, frame.payload, frame.length, now);
        } else if (frame.opcode < WS_CLOSE) {
            bytes_append(&client->fragments, frame.payload, frame.length);
            if (frame.is_last) {
                take_text(client, client->fragments.data, client->fragments.length, now);
                bytes_clear(&client->fragments);
            }
        }
    }
    if (client_options.ask && client->state == OPEN)
        ask(client);
    return taken;
}

/* Lines of an endless body, which is decoded already; an event is one line. */
static size_t take_lines(struct client *client, const char *data, size_t length, uint64_t now)
{
    const char *line = data, *end;
    while ((end = memchr(line, '\n', length - (size_t)(line - data)))) {
        take_text(client, line, (size_t)(end - line), now);
        line = end + 1;
    }
    return (size_t)(line - data);
}

static void note_cursor(struct client *client, const char *body, size_t length)
{
    static const char KEY[] = "\"C\":\"";
    const char *found = memmem(body, length, KEY, sizeof KEY - 1);
    if (!found)
        return;
    found += sizeof KEY - 1;
    const char *end = memchr(found, '"', (size_t)(body + length - found));
    if (!end)
        return;
    free(client->cursor);
    client->cursor = strndup(found, (size_t)(end - found));
}

/* The body of an answer, NULL if there is more to come. */
static const char *whole_body(const char *data, size_t length, size_t head_length, size_t *body_length)
{
    static struct bytes decoded;
    const char *given = http_header(data, head_length, "Content-Length");
    if (given) {
        *body_length = strtoul(given, NULL, 10);
        return length - head_length < *body_length ? NULL : data + head_length;
    }
    struct chunks chunks = {0};
    decoded.length = 0;
    bytes_append(&decoded, data + head_length, length - head_length);
    *body_length = chunks_decode(&chunks, decoded.data, decoded.length);
    return chunks.state == ENDED ? decoded.data : NULL;
}

/* One answer: there is nothing behind it before the next request. */
static size_t take_answer(struct client *client, const char *data, size_t length, uint64_t now)
{
    size_t head_length = http_head_length(data, length), body_length;
    if (!head_length)
        return 0;
    if (http_status(data, head_length) != 200) {
        protocol_error(client);
        return length;
    }
    const char *body = whole_body(data, length, head_length, &body_length);
    if (!body)
        return 0;
    totals.polls++;
    note_cursor(client, body, body_length);
    take_text(client, body, body_length, now);
    if (!client_options.ready)
        become_ready(client);
    send_request(client);
    return length;
}

/* The head of the answer, of those transports that get only one. */
static size_t take_handshake(struct client *client, const char *data, size_t length)
{
    size_t head_length = http_head_length(data, length);
    if (!head_length)
        return 0;
    int status = http_status(data, head_length);
    const char *value;
    if (client_options.transport == WEB_SOCKETS) {
        value = http_header(data, head_length, "Sec-WebSocket-Accept");
        if (status != 101 || !value || strncmp(value, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", 28))
            status = 0;
    } else {
        value = http_header(data, head_length, "Transfer-Encoding");
        client->is_chunked = value && !strncasecmp(value, "chunked", 7);
        if (status != 200)
            status = 0;
    }
    if (!status) {
        if (!totals.protocol_errors)
            fprintf(stderr, "load: a handshake was answered with: %.*s\n", (int)strcspn(data, "\r\n"), data);
        protocol_error(client);
        return length;
    }
    client->state = OPEN;
    if (!client_options.ready)
        become_ready(client);
    if (client_options.send) {
        static struct bytes text;
        text.length = 0;
        template_fill(&text, client_options.send, (unsigned long)(client - clients), 0, NULL);
        send_frame(client, WS_TEXT, text.data, text.length);
    }
    return head_length;
}

static void on_readable(struct client *client)
{
    size_t old = client->unread.length, taken = 0;
    input.length = 0;
    bytes_append(&input, client->unread.data, old);
    bytes_reserve(&input, READ_BYTES);
    ssize_t received = recv(client->fd, input.data + old, READ_BYTES, 0);
    uint64_t now = now_ns();
    if (received < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (received <= 0) {
        close_client(client);
        return;
    }
    totals.bytes += (uint64_t)received;
    size_t fresh = old; /* what is not decoded yet begins here */
    input.length = old + (size_t)received;
    if (client->state == IN_HANDSHAKE)
        fresh = taken = take_handshake(client, input.data, input.length);
    if (client->state == OPEN && client_options.transport == WEB_SOCKETS) {
        taken += take_frames(client, input.data + taken, input.length - taken, now);
    } else if (client->state == OPEN && client_options.transport == LONG_POLLING) {
        taken = take_answer(client, input.data, input.length, now);
    } else if (client->state == OPEN) {
        if (client->is_chunked)
            input.length = fresh + chunks_decode(&client->chunks, input.data + fresh, input.length - fresh);
        taken += take_lines(client, input.data + taken, input.length - taken, now);
        if (client->chunks.state == ENDED)
            close_client(client);
    }
    bytes_clear(&client->unread);
    if (client->state != CLOSED)
        bytes_append(&client->unread, input.data + taken, input.length - taken);
}

static void watch(struct client *client, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u32 = (uint32_t)(client - clients)};
    if (epoll_ctl(epoll_fd, operation, client->fd, &event))
        die("epoll_ctl: %s", strerror(errno));
}

static void on_writable(struct client *client)
{
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error) {
        close_client(client);
        return;
    }
    client->state = client_options.transport == LONG_POLLING ? OPEN : IN_HANDSHAKE;
    watch(client, EPOLL_CTL_MOD, EPOLLIN);
    send_request(client);
}

void client_begin(struct client *client)
{
    static const int ON = 1;
    /* Closed by a reset, so that no port is kept for minutes. */
    static const struct linger RESET = {.l_onoff = 1, .l_linger = 0};
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->fd < 0)
        die("socket: %s", strerror(errno));
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &ON, sizeof ON);
    setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &RESET, sizeof RESET);
    setsockopt(client->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &ON, sizeof ON);
    struct sockaddr_in own = {.sin_family = AF_INET};
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(client - clients) % ADDRESSES);
    if (bind(client->fd, (struct sockaddr *)&own, sizeof own))
        die("bind: %s", strerror(errno));
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((uint16_t)client_options.port)};
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    totals.connecting++;
    client->state = CONNECTING;
    if (connect(client->fd, (struct sockaddr *)&server, sizeof server) && errno != EINPROGRESS)
        close_client(client);
    else
        watch(client, EPOLL_CTL_ADD, EPOLLOUT);
}

void client_on_event(struct client *client)
{
    if (client->state == CONNECTING)
        on_writable(client);
    else if (client->state != CLOSED)
        on_readable(client);
}

int clients_init(uint32_t count)
{
    client_count = count;
    clients = calloc(count, sizeof *clients);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (!clients || epoll_fd < 0)
        die("no memory for %u clients", count);
    return epoll_fd;
}

void clients_begin_count(uint64_t messages)
{
    wanted = messages;
    totals.bytes = totals.polls = totals.disconnected = totals.protocol_errors = totals.complete = 0;
    for (uint32_t i = 0; i < client_count; i++) {
        tally_reset(&clients[i].tally);
        clients[i].asked = 0;
    }
    for (uint32_t i = 0; client_options.ask && i < client_count; i++)
        if (clients[i].state == OPEN)
            ask(&clients[i]);
}
