#define _GNU_SOURCE
#include "load_count.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "load_wire.h"

/* ---- a histogram: 64 steps for each power of two, so that a value is right to 1.6 % ---- */

#define STEP_BITS 6
#define STEPS (1u << STEP_BITS)

static uint64_t histogram[(64 - STEP_BITS + 1) * STEPS], histogram_count, longest_ns;

static size_t step_of(uint64_t value)
{
    if (value < STEPS)
        return (size_t)value;
    unsigned shift = 63u - (unsigned)__builtin_clzll(value) - STEP_BITS;
    return (size_t)((shift + 1) * STEPS + ((value >> shift) & (STEPS - 1)));
}

static double middle_of(size_t step)
{
    if (step < STEPS)
        return (double)step;
    uint64_t shift = step / STEPS - 1, lowest = (STEPS + step % STEPS) << shift;
    return (double)lowest + (double)(1ull << shift) / 2;
}

/* In microseconds. */
static double percentile(double fraction)
{
    uint64_t rank = (uint64_t)(fraction * (double)histogram_count), below = 0;
    for (size_t step = 0; step < sizeof histogram / sizeof *histogram; step++) {
        below += histogram[step];
        if (below > rank)
            return middle_of(step) / 1e3;
    }
    return (double)longest_ns / 1e3;
}

static void note_latency(uint64_t made, uint64_t now, uint64_t times)
{
    uint64_t latency = now > made ? now - made : 0;
    histogram[step_of(latency)] += times;
    histogram_count += times;
    if (latency > longest_ns)
        longest_ns = latency;
}

/* ---- spreads: the first and the last receipt of each number ---- */

#define MAX_SPREADS 4096

static struct spread {
    uint64_t first_ns, last_ns;
    uint32_t clients;
} spreads[MAX_SPREADS];
static uint64_t first_number;

static void note_spread(uint64_t number, uint64_t now, bool is_whole)
{
    if (!first_number)
        first_number = number;
    if (number < first_number || number - first_number >= MAX_SPREADS)
        return;
    struct spread *spread = &spreads[number - first_number];
    if (!spread->first_ns)
        spread->first_ns = now;
    spread->last_ns = now;
    spread->clients += is_whole;
}

static void print_spreads(void)
{
    uint64_t zero = spreads[0].first_ns;
    const char *separator = "";
    printf("\"spreads\":[");
    for (uint64_t i = 0; first_number && i < MAX_SPREADS; i++) {
        const struct spread *spread = &spreads[i];
        if (!spread->first_ns)
            continue;
        printf("%s{\"number\":%" PRIu64 ",\"clients\":%u,\"first_ms\":%.3f,\"last_ms\":%.3f}", separator,
               first_number + i, spread->clients, (double)(int64_t)(spread->first_ns - zero) / 1e6,
               (double)(int64_t)(spread->last_ns - zero) / 1e6);
        separator = ",";
    }
    printf("],");
}

/* ---- messages ---- */

/* One number, and how many times in a row it came. */
struct run {
    uint64_t number, made_ns, times;
};

static struct count_options options;
static uint64_t first_ns, last_ns, first_made_ns, frames;

/* All clients are sent the same, mostly one after the other: what was found in a text holds for its equals. */
static struct bytes known_text, known_runs;

uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void count_init(const struct count_options *given)
{
    options = *given;
}

void count_reset(void)
{
    memset(histogram, 0, sizeof histogram);
    memset(spreads, 0, sizeof spreads);
    histogram_count = longest_ns = first_number = first_ns = last_ns = first_made_ns = frames = 0;
}

void tally_reset(struct tally *tally)
{
    tally->delivered = tally->missing = tally->repeated = tally->disordered = 0;
}

static const char *find(const char *text, const char *end, const char *marker)
{
    const char *found = memmem(text, (size_t)(end - text), marker, strlen(marker));
    return found ? found + strlen(marker) : NULL;
}

static uint64_t number_at(const char *text, const char *end)
{
    uint64_t number = 0;
    while (text < end && *text == ' ')
        text++;
    for (; text < end && *text >= '0' && *text <= '9'; text++)
        number = number * 10 + (uint64_t)(*text - '0');
    return number;
}

static void find_runs(const char *text, const char *end)
{
    known_runs.length = 0;
    struct run *last = NULL;
    for (const char *at = find(text, end, options.marker), *next; at; at = next) {
        next = find(at, end, options.marker);
        const char *made = find(at, next ? next : end, options.time_marker);
        struct run run = {number_at(at, end), made ? number_at(made, end) : 0, 1};
        if (last && last->number == run.number && last->made_ns == run.made_ns) {
            last->times++;
            continue;
        }
        bytes_append(&known_runs, &run, sizeof run);
        last = (struct run *)(known_runs.data + known_runs.length) - 1;
    }
}

static void begin_number(struct tally *tally, uint64_t number)
{
    if (tally->last) {
        tally->missing += number - tally->last - 1;
        tally->missing += tally->parts < options.parts;
    }
    tally->last = number;
    tally->parts = 0;
}

static void count_run(struct tally *tally, const struct run *run, uint64_t now)
{
    if (run->number < tally->last) {
        tally->disordered += run->times;
        return;
    }
    if (run->number > tally->last)
        begin_number(tally, run->number);
    uint64_t wanted = options.parts - tally->parts, taken = run->times < wanted ? run->times : wanted;
    bool is_whole = taken && taken == wanted;
    tally->parts += (uint32_t)taken;
    tally->repeated += run->times - taken;
    tally->delivered += is_whole;
    if (run->made_ns) {
        note_latency(run->made_ns, now, run->times);
        if (!first_made_ns || run->made_ns < first_made_ns)
            first_made_ns = run->made_ns;
    }
    if (options.has_spreads)
        note_spread(run->number, now, is_whole);
}

void count_text(struct tally *tally, const char *text, size_t length, uint64_t now)
{
    if (!length)
        return;
    if (length != known_text.length || memcmp(text, known_text.data, length)) {
        find_runs(text, text + length);
        known_text.length = 0;
        bytes_append(&known_text, text, length);
    }
    const struct run *runs = (const struct run *)known_runs.data;
    size_t count = known_runs.length / sizeof *runs;
    if (!count)
        return;
    if (!first_ns)
        first_ns = now;
    last_ns = now;
    frames++;
    for (size_t i = 0; i < count; i++)
        count_run(tally, &runs[i], now);
}

uint64_t count_last_ns(void)
{
    return last_ns;
}

void count_print(const struct tally *sum, uint32_t clients)
{
    /* From when the first message was made, if that is known. */
    uint64_t begin = first_made_ns && first_made_ns < first_ns ? first_made_ns : first_ns;
    double seconds = (double)(last_ns - begin) / 1e9;
    printf("\"clients\":%u,\"frames\":%" PRIu64 ",\"delivered\":%" PRIu64 ",\"missing\":%" PRIu64 ",\"repeated\":%" PRIu64
           ",\"disordered\":%" PRIu64 ",\"seconds\":%.6f,\"messages_per_second\":%.1f,",
           clients, frames, sum->delivered, sum->missing, sum->repeated, sum->disordered, seconds,
           seconds > 0 ? (double)sum->delivered / seconds : 0);
    printf("\"latency_us\":{\"count\":%" PRIu64 ",\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"max\":%.1f},",
           histogram_count, percentile(.5), percentile(.9), percentile(.99), (double)longest_ns / 1e3);
    if (options.has_spreads)
        print_spreads();
}
