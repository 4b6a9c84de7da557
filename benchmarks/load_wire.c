#define _GNU_SOURCE
#include "load_wire.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Buffers beyond this are given back when they are empty. */
#define KEPT_CAPACITY (16u << 10)

/* No server under test sends longer frames. */
#define MAX_FRAME (64u << 20)

_Noreturn void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(2);
}

void bytes_reserve(struct bytes *bytes, size_t more)
{
    size_t needed = bytes->length + more;
    if (needed <= bytes->capacity)
        return;
    bytes->capacity = needed < 512 ? 512 : needed * 2;
    bytes->data = realloc(bytes->data, bytes->capacity);
    if (!bytes->data)
        die("out of memory");
}

void bytes_append(struct bytes *bytes, const void *data, size_t length)
{
    if (!length)
        return;
    bytes_reserve(bytes, length);
    memcpy(bytes->data + bytes->length, data, length);
    bytes->length += length;
}

void bytes_clear(struct bytes *bytes)
{
    bytes->length = 0;
    if (bytes->capacity > KEPT_CAPACITY) {
        free(bytes->data);
        *bytes = (struct bytes){0};
    }
}

ptrdiff_t ws_read(char *data, size_t length, struct ws_frame *frame)
{
    const unsigned char *head = (const unsigned char *)data;
    if (length < 2)
        return 0;
    bool has_reserved_bits = head[0] & 0x70, is_masked = head[1] & 0x80;
    if (has_reserved_bits || is_masked)
        return -1;
    size_t head_length = 2, payload_length = head[1] & 0x7f;
    if (payload_length >= 126) {
        size_t width = payload_length == 126 ? 2 : 8;
        head_length += width;
        if (length < head_length)
            return 0;
        payload_length = 0;
        for (size_t i = 0; i < width; i++)
            payload_length = payload_length << 8 | head[2 + i];
    }
    if (payload_length > MAX_FRAME)
        return -1;
    if (length < head_length + payload_length)
        return 0;
    frame->opcode = head[0] & 0x0f;
    frame->is_last = head[0] & 0x80;
    frame->payload = data + head_length;
    frame->length = payload_length;
    return (ptrdiff_t)(head_length + payload_length);
}

void ws_write(struct bytes *out, int opcode, const char *payload, size_t length)
{
    /* A key of zeros would spare some servers the unmasking that browsers cost them. */
    static const unsigned char KEY[4] = {0x37, 0xfa, 0x21, 0x3d};
    unsigned char head[8] = {(unsigned char)(0x80 | opcode), (unsigned char)(0x80 | length)};
    size_t head_length = 2;
    if (length > 0xffff)
        die("a frame of %zu bytes is too long", length);
    if (length >= 126) {
        head[1] = 0x80 | 126;
        head[2] = (unsigned char)(length >> 8);
        head[3] = (unsigned char)length;
        head_length = 4;
    }
    memcpy(head + head_length, KEY, sizeof KEY);
    bytes_append(out, head, head_length + sizeof KEY);
    bytes_reserve(out, length);
    for (size_t i = 0; i < length; i++)
        out->data[out->length++] = (char)(payload[i] ^ (char)KEY[i & 3]);
}

static size_t hexadecimal(char digit)
{
    return (size_t)(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
}

size_t chunks_decode(struct chunks *chunks, char *data, size_t length)
{
    size_t read = 0, written = 0;
    while (read < length && chunks->state != ENDED) {
        if (chunks->state == IN_DATA) {
            size_t count = length - read < chunks->left ? length - read : chunks->left;
            memmove(data + written, data + read, count);
            written += count;
            read += count;
            chunks->left -= count;
            if (!chunks->left)
                chunks->state = IN_DATA_END;
            continue;
        }
        char next = data[read++];
        switch (chunks->state) {
        case IN_SIZE:
            if (isxdigit((unsigned char)next)) {
                chunks->left = chunks->left << 4 | hexadecimal(next);
                break;
            }
            chunks->state = IN_SIZE_LINE;
            /* fallthrough */
        case IN_SIZE_LINE:
            if (next == '\n') {
                chunks->state = chunks->left ? IN_DATA : IN_LAST_LINE;
                chunks->is_line_empty = true;
            }
            break;
        case IN_DATA_END:
            if (next == '\n')
                chunks->state = IN_SIZE;
            break;
        default: /* IN_LAST_LINE: trailers, then an empty line */
            if (next != '\n')
                chunks->is_line_empty = chunks->is_line_empty && next == '\r';
            else if (chunks->is_line_empty)
                chunks->state = ENDED;
            else
                chunks->is_line_empty = true;
        }
    }
    return written;
}

size_t http_head_length(const char *data, size_t length)
{
    const char *end = memmem(data, length, "\r\n\r\n", 4);
    return end ? (size_t)(end - data) + 4 : 0;
}

int http_status(const char *head, size_t length)
{
    static const char START[] = "HTTP/1.1 ";
    size_t start = sizeof START - 1;
    return length > start + 3 && !memcmp(head, START, start) ? atoi(head + start) : 0;
}

const char *http_header(const char *head, size_t length, const char *name)
{
    size_t name_length = strlen(name);
    const char *end = head + length;
    for (const char *line = head; (line = memchr(line, '\n', (size_t)(end - line)));) {
        line++;
        if ((size_t)(end - line) <= name_length || line[name_length] != ':' || strncasecmp(line, name, name_length))
            continue;
        line += name_length + 1;
        return line + strspn(line, " \t");
    }
    return NULL;
}

static void append_number(struct bytes *out, unsigned long number)
{
    char digits[24];
    bytes_append(out, digits, (size_t)snprintf(digits, sizeof digits, "%lu", number));
}

static void append_percent_encoded(struct bytes *out, const char *text)
{
    for (; *text; text++) {
        char encoded[4];
        if (isalnum((unsigned char)*text) || strchr("-._~", *text))
            bytes_append(out, text, 1);
        else
            bytes_append(out, encoded, (size_t)snprintf(encoded, sizeof encoded, "%%%02X", (unsigned char)*text));
    }
}

void template_fill(struct bytes *out, const char *template, unsigned long i, unsigned long n, const char *cursor)
{
    while (*template) {
        if (!strncmp(template, "{i}", 3))
            append_number(out, i);
        else if (!strncmp(template, "{n}", 3))
            append_number(out, n);
        else if (!strncmp(template, "{C}", 3))
            append_percent_encoded(out, cursor ? cursor : "");
        else {
            bytes_append(out, template++, 1);
            continue;
        }
        template += 3;
    }
}
