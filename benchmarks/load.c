/*
 * A load generator: N clients of one server in one process, on one epoll. It counts what each of them is sent.
 *
 *   load --port PORT --clients N --transport webSockets|serverSentEvents|foreverFrame|longPolling [options]
 *
 *   --path PATH        what to ask for; {i} is the number of the client. For longPolling: the first request, a tab,
 *                      and all further ones, in which {C} is the cursor, "C" of the last answer
 *   --paths FILE       the same, with a line for each client
 *   --send TEXT        webSockets: a message to send once connected
 *   --ready TEXT       a client is connected once it was sent this; otherwise once its handshake is over
 *   --marker TEXT      before a message's number, by default "seq":
 *   --time-marker TEXT before the time a message was made at, by default "ts":, in CLOCK_MONOTONIC nanoseconds
 *   --parts N          a message's number comes so many times
 *   --spreads          tell of each number when it came to the first client and to the last
 *   --ask TEXT         webSockets: messages to send while counting, each after an answer; {n} is its number
 *   --outstanding N    how many of them may be unanswered
 *   --connect-seconds N, --lifetime-seconds N    deadlines of connecting, and of the program
 *
 * Clients come from 127.0.0.1 to 127.0.0.4, so that there are ports for them, and not more than 128 at a time are
 * connecting. On stdout is one JSON object a line: {"event":"ready",…} once they are connected; then, for each
 * line on stdin,
 *
 *   count M IDLE_MS MAX_MS
 *
 * {"event":"counting"}, and {"event":"result",…} when each client has M messages, when nothing has come for IDLE_MS
 * since the last one, or after MAX_MS. The end of stdin ends the program.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "load_client.h"
#include "load_count.h"
#include "load_wire.h"

#define MAX_CONNECTING 128
/* After the last message that is waited for, what should not come is waited for so long. */
#define SETTLE_NS 100000000u
#define STDIN_EVENT UINT32_MAX

static struct {
    int connect_seconds, lifetime_seconds;
    uint32_t clients;
    const char *path, *paths_file;
} options = {.path = "/", .connect_seconds = 60, .lifetime_seconds = 900};

static int epoll_fd;
static uint32_t begun;

/* The count that is going on. */
static struct {
    bool is_on;
    uint64_t messages, idle_ns, max_ns, began_ns;
    struct rusage usage;
} count;

static double cpu_seconds(const struct rusage *usage)
{
    return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) +
           (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1e6;
}

static void begin_count(uint64_t messages, uint64_t idle_ms, uint64_t max_ms)
{
    count.is_on = true;
    count.messages = messages;
    count.idle_ns = idle_ms * 1000000;
    count.max_ns = max_ms * 1000000;
    count.began_ns = now_ns();
    getrusage(RUSAGE_SELF, &count.usage);
    count_reset();
    clients_begin_count(messages);
    puts("{\"event\":\"counting\"}");
    fflush(stdout);
}

static void end_count(const char *reason)
{
    struct rusage usage;
    struct tally sum = {0};
    uint64_t expected = count.messages * totals.ready;
    getrusage(RUSAGE_SELF, &usage);
    count.is_on = false;
    for (uint32_t i = 0; i < options.clients; i++) {
        sum.delivered += clients[i].tally.delivered;
        sum.missing += clients[i].tally.missing;
        sum.repeated += clients[i].tally.repeated;
        sum.disordered += clients[i].tally.disordered;
    }
    uint64_t lost = expected > sum.delivered ? expected - sum.delivered : 0;
    printf("{\"event\":\"result\",\"reason\":\"%s\",", reason);
    count_print(&sum, totals.ready);
    printf("\"expected\":%" PRIu64 ",\"lost\":%" PRIu64 ",\"disconnected\":%" PRIu64 ",\"protocol_errors\":%" PRIu64
           ",\"bytes\":%" PRIu64 ",\"polls\":%" PRIu64 ",\"load_cpu_seconds\":%.4f}\n",
           expected, lost, totals.disconnected, totals.protocol_errors, totals.bytes, totals.polls,
           cpu_seconds(&usage) - cpu_seconds(&count.usage));
    fflush(stdout);
}

static void look_at_count(uint64_t now)
{
    uint64_t last = count_last_ns(), quiet = last && now > last ? now - last : 0;
    if (count.messages && totals.complete >= totals.ready && (quiet > SETTLE_NS || !totals.ready))
        end_count("complete");
    else if (quiet > count.idle_ns)
        end_count("idle");
    else if (now - count.began_ns > count.max_ns)
        end_count("deadline");
}

static void on_stdin(void)
{
    static char line[256];
    static size_t length;
    ssize_t received = read(STDIN_FILENO, line + length, sizeof line - 1 - length);
    if (received < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (received <= 0)
        exit(0);
    length += (size_t)received;
    line[length] = 0;
    if (!strchr(line, '\n')) {
        if (length == sizeof line - 1)
            die("a command is too long");
        return;
    }
    uint64_t messages, idle_ms, max_ms;
    if (sscanf(line, "count %" SCNu64 " %" SCNu64 " %" SCNu64, &messages, &idle_ms, &max_ms) != 3)
        die("no such command: %s", line);
    length = 0;
    begin_count(messages, idle_ms, max_ms);
}

static void report_ready(uint64_t began, uint64_t now)
{
    double seconds = (double)(now - began) / 1e9;
    printf("{\"event\":\"ready\",\"connected\":%u,\"failed\":%u,\"seconds\":%.4f}\n", totals.ready,
           options.clients - totals.ready, seconds);
    fflush(stdout);
    fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = STDIN_EVENT};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &event))
        die("stdin has to be a pipe");
}

static void run(void)
{
    static struct epoll_event events[512];
    bool is_reported = false;
    for (uint64_t began = now_ns(), now = began;; now = now_ns()) {
        if (now - began > (uint64_t)options.lifetime_seconds * 1000000000u)
            die("its lifetime of %d s is over", options.lifetime_seconds);
        while (begun < options.clients && totals.connecting < MAX_CONNECTING)
            client_begin(&clients[begun++]);
        bool is_late = now - began > (uint64_t)options.connect_seconds * 1000000000u;
        if (!is_reported && (totals.ready + totals.failed == options.clients || is_late)) {
            is_reported = true;
            report_ready(began, now);
        }
        if (count.is_on)
            look_at_count(now);
        int ready_events = epoll_wait(epoll_fd, events, 512, count.is_on || !is_reported ? 5 : 200);
        for (int i = 0; i < ready_events; i++) {
            if (events[i].data.u32 == STDIN_EVENT)
                on_stdin();
            else
                client_on_event(&clients[events[i].data.u32]);
        }
    }
}

/* ---- the beginning ---- */

static unsigned long number_option(const char *name, const char *text)
{
    char *end;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    if (errno || *end || end == text || !number || number > 1000000000)
        die("--%s: not a number above 0: %s", name, text);
    return number;
}

static enum transport transport_option(const char *text)
{
    if (!strcmp(text, "webSockets"))
        return WEB_SOCKETS;
    if (!strcmp(text, "longPolling"))
        return LONG_POLLING;
    if (!strcmp(text, "serverSentEvents") || !strcmp(text, "foreverFrame"))
        return STREAM;
    die("--transport: there is no %s", text);
}

static void read_options(int argument_count, char **arguments)
{
    static const struct option KNOWN[] = {
        {"port", 1, 0, 'p'},   {"clients", 1, 0, 'c'}, {"transport", 1, 0, 't'},       {"path", 1, 0, 'u'},
        {"paths", 1, 0, 'f'},  {"send", 1, 0, 's'},    {"ready", 1, 0, 'r'},           {"marker", 1, 0, 'm'},
        {"parts", 1, 0, 'n'},  {"spreads", 0, 0, 'd'}, {"time-marker", 1, 0, 'T'},     {"ask", 1, 0, 'a'},
        {"outstanding", 1, 0, 'o'}, {"connect-seconds", 1, 0, 'C'}, {"lifetime-seconds", 1, 0, 'L'}, {0, 0, 0, 0},
    };
    struct count_options counted = {.marker = "\"seq\":", .time_marker = "\"ts\":", .parts = 1};
    int option, index = 0;
    while ((option = getopt_long(argument_count, arguments, "", KNOWN, &index)) != -1) {
        const char *name = KNOWN[index].name;
        switch (option) {
        case 'p': client_options.port = (int)number_option(name, optarg); break;
        case 'c': options.clients = (uint32_t)number_option(name, optarg); break;
        case 't': client_options.transport = transport_option(optarg); break;
        case 'u': options.path = optarg; break;
        case 'f': options.paths_file = optarg; break;
        case 's': client_options.send = optarg; break;
        case 'r': client_options.ready = optarg; break;
        case 'a': client_options.ask = optarg; break;
        case 'o': client_options.outstanding = number_option(name, optarg); break;
        case 'm': counted.marker = optarg; break;
        case 'T': counted.time_marker = optarg; break;
        case 'n': counted.parts = (uint32_t)number_option(name, optarg); break;
        case 'd': counted.has_spreads = true; break;
        case 'C': options.connect_seconds = (int)number_option(name, optarg); break;
        case 'L': options.lifetime_seconds = (int)number_option(name, optarg); break;
        default: exit(2); /* getopt has said why */
        }
    }
    if (optind < argument_count || !client_options.port || !options.clients)
        die("usage: load --port PORT --clients N --transport TRANSPORT [options]; the head of load.c tells all");
    count_init(&counted);
}

static void set_path(struct client *client, const char *line)
{
    char *path = strdup(line), *tab = path ? strchr(path, '\t') : NULL;
    if (!path)
        die("out of memory");
    client->path = path;
    if (tab) {
        *tab = 0;
        client->next_path = tab + 1;
    }
}

static void read_paths(void)
{
    FILE *file = options.paths_file ? fopen(options.paths_file, "r") : NULL;
    if (options.paths_file && !file)
        die("%s: %s", options.paths_file, strerror(errno));
    char *line = NULL;
    size_t capacity = 0;
    for (uint32_t i = 0; i < options.clients; i++) {
        if (!file) {
            set_path(&clients[i], options.path);
            continue;
        }
        if (getline(&line, &capacity, file) <= 0)
            die("%s: %u paths for %u clients", options.paths_file, i, options.clients);
        line[strcspn(line, "\r\n")] = 0;
        set_path(&clients[i], line);
    }
    free(line);
    if (file)
        fclose(file);
}

int main(int argument_count, char **arguments)
{
    struct rlimit files;
    read_options(argument_count, arguments);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (options.clients + 16 > files.rlim_cur)
        die("%u clients need more open files than the limit of %lu", options.clients, (unsigned long)files.rlim_cur);
    epoll_fd = clients_init(options.clients);
    read_paths();
    run();
}
