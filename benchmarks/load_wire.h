/* What goes over the wire: WebSocket frames, chunked bodies, heads of requests and answers. Knows no sockets. */
#ifndef LOAD_WIRE_H
#define LOAD_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that grow. */
struct bytes {
    char *data;
    size_t length, capacity;
};

/* Make room for `more` bytes behind what is there. */
void bytes_reserve(struct bytes *bytes, size_t more);
void bytes_append(struct bytes *bytes, const void *data, size_t length);
/* Forget all, and give memory back if it was much. */
void bytes_clear(struct bytes *bytes);

/* ---- WebSocket ---- */

enum { WS_TEXT = 1, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };

struct ws_frame {
    int opcode;
    bool is_last;        /* of its message */
    char *payload;
    size_t length;
};

/* Read the frame that `data` begins with. Returns its whole length, 0 if there is more to come, -1 if a server must not
 * send such a frame. */
ptrdiff_t ws_read(char *data, size_t length, struct ws_frame *frame);

/* Append a client's frame, masked, of at most 65535 bytes. */
void ws_write(struct bytes *out, int opcode, const char *payload, size_t length);

/* ---- HTTP ---- */

/* The progress of a chunked body; begin with all zero. */
struct chunks {
    enum { IN_SIZE, IN_SIZE_LINE, IN_DATA, IN_DATA_END, IN_LAST_LINE, ENDED } state;
    size_t left;         /* of the chunk */
    bool is_line_empty;  /* in the lines after the last chunk */
};

/* Decode the next bytes of a body in place. Returns how many remain. */
size_t chunks_decode(struct chunks *chunks, char *data, size_t length);

/* The length of an answer's head with the empty line behind it; 0 if there is more to come. */
size_t http_head_length(const char *data, size_t length);
/* The status of an answer whose head is whole; 0 if it is none. */
int http_status(const char *head, size_t length);
/* The value of a header, which ends with the line; NULL if it has none of this name. */
const char *http_header(const char *head, size_t length, const char *name);

/* Append a template, with `{i}` and `{n}` replaced by numbers and `{C}` by a text, percent-encoded. */
void template_fill(struct bytes *out, const char *template, unsigned long i, unsigned long n, const char *cursor);

/* Say what is wrong, and end the program with status 2. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
