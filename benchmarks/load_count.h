/* What was delivered, and when: numbers in order, repeats, losses, latencies. Knows no sockets. */
#ifndef LOAD_COUNT_H
#define LOAD_COUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Every message has a number behind a marker, such as `"seq":17`. For each client they rise by one, from whatever
 * number the first message had.  Where a message comes in `parts`, its number comes that many times.
 */
struct tally {
    uint64_t last;         /* the highest number so far; 0: none yet */
    uint32_t parts;        /* how many times it has come */
    /* Since the count began: */
    uint64_t delivered;    /* numbers that came, in order, with all parts */
    uint64_t missing;      /* numbers left out, or without all parts when the next one came */
    uint64_t repeated;     /* came once more than they should */
    uint64_t disordered;   /* came after a higher number */
};

struct count_options {
    const char *marker;         /* before a message's number */
    const char *time_marker;    /* before the time it was made at, CLOCK_MONOTONIC nanoseconds; behind its number */
    uint32_t parts;
    bool has_spreads;           /* note when each number came to the first client and to the last */
};

uint64_t now_ns(void);

/* Begin, before anything else. */
void count_init(const struct count_options *options);
/* Begin a count anew. What is in the tallies is the caller's to reset, with `tally_reset`. */
void count_reset(void);
/* Forget what was counted, but not which number was last. */
void tally_reset(struct tally *tally);
/* Look for messages in what a client has received: a frame, an event, or an answer. */
void count_text(struct tally *tally, const char *text, size_t length, uint64_t now);

/* When the last message came; 0: none has. */
uint64_t count_last_ns(void);

/* What the counter knows of a whole count, as members of a JSON object, each with a comma behind it. */
void count_print(const struct tally *sum, uint32_t clients);

#endif
