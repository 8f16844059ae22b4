/* Many slow streams at once, read and checked by one thread.
 *
 *   crowd PORT STREAMS ROUNDS TOKENS RATE RAMP_MS LIMIT_S ENDING REQUEST
 *
 * Opens STREAMS connections, evenly over RAMP_MS milliseconds. Each sends the bytes of the file
 * REQUEST, reads an answer of TOKENS tokens ("t0 ", "t1 ", ...), and does so ROUNDS times, over the
 * same connection where the server keeps it. In the request the text "@turn@" is replaced by a
 * number that no request had before. An answer is whole when it is HTTP 200, has every token in
 * order, and its body ends in ENDING.
 *
 * A first token of the form "t0@<microseconds> " tells when it was due (CLOCK_MONOTONIC); token n
 * is due n/RATE seconds later. Without it nothing is known of delays.
 *
 * Prints a JSON line "held" when each connection has its first token or has failed, one "ending"
 * when the first connection has ended its last round, in the order in which that happens, and the
 * outcome when all have ended or LIMIT_S is over.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_BYTES = 16 * 1024, TAIL_BYTES = 64, MOST_READY = 512 };

/* Where a response is being read. */
enum part { IN_HEAD, IN_SIZE, IN_DATA, AFTER_DATA, TO_THE_END, OVER };

struct stream {
    int fd;  /* -1: not connected */
    int64_t opens;  /* when to connect, in nanoseconds */
    int rounds_left, began;
    size_t request_sent;
    char *request;
    /* The response. */
    enum part part;
    char head[HEAD_BYTES + 1];
    size_t head_bytes, chunk_left;
    int status, closes, has_length, last_chunk;
    char tail[TAIL_BYTES];  /* the last bytes of the body, as a ring */
    size_t body_bytes;
    /* The token that is being read: its digits so far, or the due time behind its @. */
    enum { NO_TOKEN, AT_BORDER, IN_NUMBER, IN_DUE } scan;
    long number, digits, expected;
    int64_t due_us, asked, last;
};

static int port, streams_wanted, rounds, tokens, rate, poll_fd;
static const char *ending;
static char *template;
static size_t request_bytes;
static long turn;

static struct stream *all;
static long open_now;
static int settled, done, told_began, told_ending;
static long failed_status, failed_cut, failed_order, failed_connection, whole, tokens_seen;
static float *token_ms, *answer_ms, *first_ms;
static long token_count, answer_count, first_count;

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* The two lines before the outcome, each once. */
static void tell_progress(int at_the_end)
{
    if (!told_began && (settled == streams_wanted || at_the_end)) {
        told_began = 1;
        printf("{\"held\": %ld}\n", open_now);
    }
    if (!told_ending && (done || at_the_end)) {
        told_ending = 1;
        printf("{\"ending\": %d}\n", done);
    }
    fflush(stdout);
}

static void settle(struct stream *stream, int began)
{
    if (stream->began)
        return;
    stream->began = 1;
    settled++;
    open_now += began;
    tell_progress(0);
}

/* Asking. */

static void send_request(struct stream *stream)
{
    ssize_t sent = send(stream->fd, stream->request + stream->request_sent,
                        request_bytes - stream->request_sent, MSG_NOSIGNAL);
    if (sent > 0)
        stream->request_sent += sent;
    int rest = stream->request_sent < request_bytes;
    struct epoll_event event = {.events = EPOLLIN | (rest ? EPOLLOUT : 0), .data.ptr = stream};
    epoll_ctl(poll_fd, EPOLL_CTL_MOD, stream->fd, &event);
}

static void connect_stream(struct stream *stream)
{
    stream->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(stream->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = stream};
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, stream->fd, &event);
    if (connect(stream->fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS)
        perror("crowd: connect");  /* the socket's events tell it too */
}

static void begin_round(struct stream *stream)
{
    char *mark = stream->request, number[8];
    memcpy(stream->request, template, request_bytes);
    snprintf(number, sizeof number, "%06ld", turn++ % 1000000);
    while ((mark = memmem(mark, request_bytes - (mark - stream->request), "@turn@", 6)))
        memcpy(mark, number, 6);
    stream->request_sent = 0;
    stream->part = IN_HEAD;
    stream->head_bytes = stream->body_bytes = stream->chunk_left = 0;
    stream->scan = NO_TOKEN;
    stream->expected = stream->due_us = 0;
    stream->asked = now_ns();
    if (stream->fd < 0)
        connect_stream(stream);
    else
        send_request(stream);
}

/* Reading. */

static void have_token(struct stream *stream, int64_t now)
{
    if (!stream->expected) {
        first_ms[first_count++] = (now - stream->asked) / 1e6f;
        settle(stream, 1);
    }
    if (stream->due_us)
        token_ms[token_count++] =
            (now / 1000 - stream->due_us) / 1e3 - stream->expected * 1000.0 / rate;
    stream->expected++;
    stream->last = now;
    tokens_seen++;
}

/* A token is "t<number> " behind a quote or a blank. */
static void scan_byte(struct stream *stream, char byte, int64_t now)
{
    int is_digit = byte >= '0' && byte <= '9';
    if (stream->scan == IN_DUE && is_digit) {
        stream->due_us = 10 * stream->due_us + byte - '0';
        return;
    }
    if (stream->scan == IN_NUMBER && is_digit) {
        stream->number = 10 * stream->number + byte - '0';
        stream->digits++;
        return;
    }
    if (stream->scan == IN_NUMBER && stream->digits && stream->number == stream->expected) {
        if (byte == '@' && !stream->expected) {
            stream->scan = IN_DUE;
            return;
        }
        if (byte == ' ')
            have_token(stream, now);
    } else if (stream->scan == IN_DUE && byte == ' ') {
        have_token(stream, now);
    } else if (stream->scan == AT_BORDER && byte == 't') {
        stream->scan = IN_NUMBER;
        stream->number = stream->digits = 0;
        return;
    }
    stream->scan = byte == '"' || byte == ' ' ? AT_BORDER : NO_TOKEN;
}

static void take_body(struct stream *stream, const char *bytes, size_t size, int64_t now)
{
    for (size_t at = 0; at < size; at++) {
        stream->tail[stream->body_bytes++ % TAIL_BYTES] = bytes[at];
        scan_byte(stream, bytes[at], now);
    }
}

static int ends_rightly(const struct stream *stream)
{
    size_t at = stream->body_bytes, size = strlen(ending);
    while (at && strchr("\r\n ", stream->tail[(at - 1) % TAIL_BYTES]))
        at--;
    if (at < size || size > TAIL_BYTES - 8)
        return 0;
    for (size_t n = 0; n < size; n++)
        if (stream->tail[(at - size + n) % TAIL_BYTES] != ending[n])
            return 0;
    return 1;
}

/* How many of these bytes belong to the head; the rest of it is read into `head`. */
static size_t take_head(struct stream *stream, const char *bytes, size_t size)
{
    size_t before = stream->head_bytes, room = HEAD_BYTES - before;
    size_t kept = size < room ? size : room;
    memcpy(stream->head + before, bytes, kept);
    stream->head_bytes += kept;
    stream->head[stream->head_bytes] = 0;
    char *end = strstr(stream->head, "\r\n\r\n");
    if (!end)
        return kept ? kept : size;
    end[2] = 0;
    stream->status = atoi(stream->head + 9);
    stream->closes = strcasestr(stream->head, "\r\nconnection: close") != NULL;
    stream->part = strcasestr(stream->head, "\r\ntransfer-encoding: chunked") ? IN_SIZE : TO_THE_END;
    const char *length = strcasestr(stream->head, "\r\ncontent-length:");
    stream->has_length = length != NULL;
    if (length) {  /* read like one chunk */
        stream->chunk_left = strtoul(length + 17, NULL, 10);
        stream->part = stream->chunk_left ? IN_DATA : OVER;
    }
    return end + 4 - stream->head - before;
}

static void take(struct stream *stream, const char *bytes, size_t size, int64_t now)
{
    for (size_t at = 0, used; at < size && stream->part != OVER; at += used) {
        char byte = bytes[at];
        used = 1;
        switch (stream->part) {
        case IN_HEAD:
            used = take_head(stream, bytes + at, size - at);
            break;
        case IN_SIZE:
            if (byte == '\n') {
                stream->last_chunk = !stream->chunk_left;
                stream->part = stream->last_chunk ? AFTER_DATA : IN_DATA;
            } else if (byte != '\r')
                stream->chunk_left = 16 * stream->chunk_left
                    + (byte <= '9' ? byte - '0' : (byte | 32) - 'a' + 10);
            break;
        case IN_DATA:
            used = size - at < stream->chunk_left ? size - at : stream->chunk_left;
            take_body(stream, bytes + at, used, now);
            stream->chunk_left -= used;
            if (!stream->chunk_left)
                stream->part = stream->has_length ? OVER : AFTER_DATA;
            break;
        case AFTER_DATA:
            if (byte == '\n')
                stream->part = stream->last_chunk ? OVER : IN_SIZE;
            break;
        case TO_THE_END:
            take_body(stream, bytes + at, used = size - at, now);
            break;
        case OVER:
            break;
        }
    }
}

static void judge(const struct stream *stream)
{
    if (stream->part == IN_HEAD)
        failed_connection++;
    else if (stream->status != 200)
        failed_status++;
    else if (stream->expected < tokens)
        failed_order++;
    else if (!ends_rightly(stream))
        failed_cut++;
    else
        whole++;
}

static void end_round(struct stream *stream)
{
    judge(stream);
    if (stream->due_us && stream->expected)
        answer_ms[answer_count++] = (stream->last / 1000 - stream->due_us) / 1e3
            - (stream->expected - 1) * 1000.0 / rate;
    settle(stream, 0);
    if (stream->closes && stream->fd >= 0) {
        close(stream->fd);
        stream->fd = -1;
    }
    if (--stream->rounds_left > 0) {
        begin_round(stream);
        return;
    }
    if (stream->fd >= 0)
        close(stream->fd);
    stream->fd = -1;
    done++;
    tell_progress(0);
}

static void receive(struct stream *stream)
{
    static char bytes[256 * 1024];
    ssize_t size = recv(stream->fd, bytes, sizeof bytes, 0);
    if (size > 0) {
        take(stream, bytes, size, now_ns());
        if (stream->part == OVER)
            end_round(stream);
        return;
    }
    if (size < 0 && errno == EAGAIN)
        return;
    close(stream->fd);
    stream->fd = -1;
    end_round(stream);
}

static int by_size(const void *one, const void *other)
{
    float left = *(const float *)one, right = *(const float *)other;
    return (left > right) - (left < right);
}

static void print_times(const char *name, float *times, long count)
{
    qsort(times, count, sizeof *times, by_size);
    float middle = count ? times[count / 2] : 0, late = count ? times[(count - 1) * 99 / 100] : 0;
    printf("\"%s\": [%.3f, %.3f, %.3f], ", name, middle, late, count ? times[count - 1] : 0);
}

static void print_outcome(int64_t began)
{
    long cut = failed_cut;
    for (int n = 0; n < streams_wanted; n++)
        cut += all[n].rounds_left > 0 ? all[n].rounds_left : 0;
    printf("{");
    print_times("token_ms", token_ms, token_count);
    print_times("answer_ms", answer_ms, answer_count);
    print_times("first_ms", first_ms, first_count);
    printf("\"whole\": %ld, \"refused\": %ld, \"incomplete\": %ld, \"cut\": %ld, "
           "\"broken\": %ld, \"tokens\": %ld, \"seconds\": %.3f}\n",
           whole, failed_status, failed_order, cut, failed_connection, tokens_seen,
           (now_ns() - began) / 1e9);
}

static void read_template(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        perror("crowd"), exit(1);
    fseek(file, 0, SEEK_END);
    request_bytes = ftell(file);
    rewind(file);
    template = malloc(request_bytes + 1);
    if (fread(template, 1, request_bytes, file) != request_bytes)
        exit(1);
    fclose(file);
}

static void make_streams(int64_t began, double ramp_ms)
{
    size_t most = (size_t)streams_wanted * rounds;
    all = calloc(streams_wanted, sizeof *all);
    token_ms = malloc(most * tokens * sizeof *token_ms);
    answer_ms = malloc(most * sizeof *answer_ms);
    first_ms = malloc(most * sizeof *first_ms);
    for (int n = 0; n < streams_wanted; n++) {
        all[n].fd = -1;
        all[n].rounds_left = rounds;
        all[n].request = malloc(request_bytes);
        all[n].opens = began + (int64_t)(1e6 * ramp_ms * n / streams_wanted);
    }
}

int main(int count, char **arguments)
{
    if (count != 10)
        return fprintf(stderr, "usage: crowd PORT STREAMS ROUNDS TOKENS RATE RAMP_MS LIMIT_S "
                               "ENDING REQUEST\n"), 2;
    port = atoi(arguments[1]), streams_wanted = atoi(arguments[2]), rounds = atoi(arguments[3]);
    tokens = atoi(arguments[4]), rate = atoi(arguments[5]);
    ending = arguments[8];
    signal(SIGPIPE, SIG_IGN);
    read_template(arguments[9]);
    poll_fd = epoll_create1(0);
    int64_t began = now_ns(), limit = began + atoi(arguments[7]) * 1000000000LL;
    turn = began / 1000;
    make_streams(began, atof(arguments[6]));
    for (int opened = 0; done < streams_wanted && now_ns() < limit;) {
        while (opened < streams_wanted && all[opened].opens <= now_ns())
            begin_round(&all[opened++]);
        struct epoll_event ready[MOST_READY];
        int found = epoll_wait(poll_fd, ready, MOST_READY, opened < streams_wanted ? 1 : 100);
        for (int at = 0; at < found; at++) {
            struct stream *stream = ready[at].data.ptr;
            if (stream->fd >= 0 && (ready[at].events & EPOLLOUT))
                send_request(stream);
            if (stream->fd >= 0 && (ready[at].events & ~EPOLLOUT))
                receive(stream);
        }
    }
    tell_progress(1);
    print_outcome(began);
    return 0;
}
