/* A simulated Poe, and a simulated OpenAI, for benchmarks: one thread that keeps the timetables of
 * thousands of streams.
 *
 *   upstream PORT
 *
 * POST /bot/NAME               answers with the events of the Poe protocol
 * POST /v1/chat/completions    answers the same bot, named by "model", in OpenAI's chunks
 * GET  /v1/models              lists three of the bots
 *
 * NAME says what a bot does:
 *
 *   burst-100      100 tokens as fast as they go
 *   slow-5x60      60 tokens on a timetable of 5 a second
 *   paced-5x60     the same; the first token tells when it was due: "t0@<microseconds> "
 *   timed-5        one token at once, the others 5 milliseconds later
 *   json-5000000   about so many bytes of one JSON object: {"items": [1000000, ...]}
 *
 * Each token is an event, a chunk of HTTP and a send of its own. Microseconds are those of
 * CLOCK_MONOTONIC, which the processes of one machine share.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
    HEAD_BYTES = 16 * 1024,   /* of a request: the headers, and the beginning of its body */
    PIECE_BYTES = 16 * 1024,  /* one event of an answer */
    ITEMS = 1000,             /* of each piece of a json bot */
    TIMED_PAUSE_NS = 5000000,
    MOST_READY = 512,
};

struct stream {
    int fd;
    char head[HEAD_BYTES + 1];
    size_t head_bytes;
    int has_head;
    size_t body_left;
    /* The answer. */
    int openai;
    char kind;  /* the first letter of the bot's name; 0 where nothing is answered */
    long rate, tokens, next;
    int64_t start, due;
    size_t place;  /* in the heap, counted from 1; 0 where it is not there */
    char *unsent;  /* what the socket did not take yet */
    size_t unsent_bytes, unsent_room;
};

static int poll_fd;
static struct stream **heap;
static size_t heap_size, heap_room;

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* The heap: the stream whose next token is due first is heap[1]. */

static void set_place(size_t place, struct stream *stream)
{
    heap[place] = stream;
    stream->place = place;
}

static void sift(struct stream *stream)
{
    size_t at = stream->place;
    for (; at > 1 && heap[at / 2]->due > stream->due; at /= 2)
        set_place(at, heap[at / 2]);
    for (size_t child; (child = 2 * at) <= heap_size; at = child) {
        if (child < heap_size && heap[child + 1]->due < heap[child]->due)
            child++;
        if (heap[child]->due >= stream->due)
            break;
        set_place(at, heap[child]);
    }
    set_place(at, stream);
}

static void schedule(struct stream *stream)
{
    if (!stream->place) {
        if (heap_size + 2 > heap_room)
            heap = realloc(heap, (heap_room = 2 * heap_room + 64) * sizeof *heap);
        set_place(++heap_size, stream);
    }
    sift(stream);
}

static void unschedule(struct stream *stream)
{
    size_t place = stream->place;
    if (!place)
        return;
    struct stream *last = heap[heap_size--];
    stream->place = 0;
    if (last != stream) {
        set_place(place, last);
        sift(last);
    }
}

/* Sending. */

static void watch(struct stream *stream, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = stream};
    epoll_ctl(poll_fd, EPOLL_CTL_MOD, stream->fd, &event);
}

static void send_bytes(struct stream *stream, const char *bytes, size_t size)
{
    if (!stream->unsent_bytes) {
        ssize_t sent = send(stream->fd, bytes, size, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN)
            return;  /* the reader finds the connection closed */
        if (sent == (ssize_t)size)
            return;
        if (sent > 0)
            bytes += sent, size -= sent;
        watch(stream, EPOLLIN | EPOLLOUT);
    }
    if (stream->unsent_bytes + size > stream->unsent_room) {
        stream->unsent_room = 2 * (stream->unsent_bytes + size);
        stream->unsent = realloc(stream->unsent, stream->unsent_room);
    }
    memcpy(stream->unsent + stream->unsent_bytes, bytes, size);
    stream->unsent_bytes += size;
}

static void send_rest(struct stream *stream)
{
    ssize_t sent = send(stream->fd, stream->unsent, stream->unsent_bytes, MSG_NOSIGNAL);
    if (sent <= 0)
        return;
    stream->unsent_bytes -= sent;
    memmove(stream->unsent, stream->unsent + sent, stream->unsent_bytes);
    if (!stream->unsent_bytes)
        watch(stream, EPOLLIN);
}

static void send_chunk(struct stream *stream, const char *format, ...)
{
    char data[PIECE_BYTES], chunk[PIECE_BYTES + 32];
    va_list values;
    va_start(values, format);
    int size = vsnprintf(data, sizeof data, format, values);
    va_end(values);
    int whole = snprintf(chunk, sizeof chunk, "%x\r\n%s\r\n", size, data);
    send_bytes(stream, chunk, whole);
}

/* Answers. */

static void send_text(struct stream *stream, const char *text)
{
    if (stream->openai)
        send_chunk(stream,
                   "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\","
                   "\"created\":1700000000,\"model\":\"bench\",\"choices\":[{\"index\":0,"
                   "\"delta\":{%s\"content\":\"%s\"},\"finish_reason\":null}]}\n\n",
                   stream->next ? "" : "\"role\":\"assistant\",", text);
    else
        send_chunk(stream, "event: text\ndata: {\"text\": \"%s\"}\n\n", text);
}

static void send_token(struct stream *stream)
{
    char text[PIECE_BYTES / 2];
    if (stream->kind == 'j') {
        int at = sprintf(text, stream->next ? ", " : "{\\\"items\\\": [");
        for (int item = 0; item < ITEMS; item++)
            at += sprintf(text + at, item ? ",%d" : "%d", 100000 + item);
        if (stream->next == stream->tokens - 1)
            sprintf(text + at, "]}");
    } else if (stream->kind == 'p' && !stream->next) {
        sprintf(text, "t0@%lld ", (long long)(stream->start / 1000));
    } else {
        sprintf(text, "t%ld ", stream->next);
    }
    send_text(stream, text);
}

static void end_answer(struct stream *stream)
{
    if (stream->openai) {
        send_chunk(stream,
                   "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\","
                   "\"created\":1700000000,\"model\":\"bench\",\"choices\":[{\"index\":0,"
                   "\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n");
        send_chunk(stream, "data: [DONE]\n\n");
    } else {
        send_chunk(stream, "event: done\ndata: {}\n\n");
    }
    send_bytes(stream, "0\r\n\r\n", 5);
    stream->kind = 0;
}

static int64_t due_time(const struct stream *stream)
{
    if (stream->rate)
        return stream->start + stream->next * 1000000000LL / stream->rate;
    return stream->start + (stream->kind == 't' && stream->next ? TIMED_PAUSE_NS : 0);
}

static void speak(struct stream *stream, int64_t now)
{
    while (stream->next < stream->tokens && due_time(stream) <= now) {
        send_token(stream);
        stream->next++;
    }
    if (stream->next < stream->tokens) {
        stream->due = due_time(stream);
        schedule(stream);
    } else {
        unschedule(stream);
        end_answer(stream);
    }
}

static void begin_answer(struct stream *stream, const char *bot)
{
    stream->kind = bot[0];
    stream->rate = 0;
    stream->next = 0;
    stream->start = now_ns();
    const char *setting = strchr(bot, '-');
    setting = setting ? setting + 1 : "1";
    if (stream->kind == 's' || stream->kind == 'p')
        sscanf(setting, "%ldx%ld", &stream->rate, &stream->tokens);
    else
        stream->tokens = atol(setting);
    if (stream->kind == 'j')
        stream->tokens = stream->tokens / (7 * ITEMS) + 1;
    static const char head[] =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    send_bytes(stream, head, sizeof head - 1);
    speak(stream, stream->start);
}

static void send_models(struct stream *stream)
{
    static const char body[] =
        "{\"object\": \"list\", \"data\": [{\"id\": \"burst-100\", \"object\": \"model\", "
        "\"created\": 0, \"owned_by\": \"bench\"}, {\"id\": \"slow-5x60\", \"object\": \"model\", "
        "\"created\": 0, \"owned_by\": \"bench\"}, {\"id\": \"timed-5\", \"object\": \"model\", "
        "\"created\": 0, \"owned_by\": \"bench\"}]}";
    char answer[1024];
    int size = snprintf(answer, sizeof answer,
                        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                        "Content-Length: %zu\r\n\r\n%s", sizeof body - 1, body);
    send_bytes(stream, answer, size);
}

/* Requests. */

static void answer_request(struct stream *stream)
{
    char bot[64] = "burst-1";
    if (!strncmp(stream->head, "GET ", 4)) {
        send_models(stream);
    } else if (sscanf(stream->head, "POST /bot/%63[^ ]", bot) == 1) {
        stream->openai = 0;
        begin_answer(stream, bot);
    } else {
        const char *model = strstr(stream->head, "\"model\"");
        if (model)
            sscanf(model + 7, " : \"%63[^\"]", bot);
        stream->openai = 1;
        begin_answer(stream, bot);
    }
    stream->head_bytes = stream->has_head = 0;
}

/* Takes bytes of a request: its headers and the beginning of its body are kept. */
static void take(struct stream *stream, const char *bytes, size_t size)
{
    size_t room = HEAD_BYTES - stream->head_bytes;
    size_t kept = size < room ? size : room;
    memcpy(stream->head + stream->head_bytes, bytes, kept);
    stream->head_bytes += kept;
    stream->head[stream->head_bytes] = 0;
    if (!stream->has_head) {
        const char *end = strstr(stream->head, "\r\n\r\n");
        if (!end)
            return;
        const char *length = strcasestr(stream->head, "\r\ncontent-length:");
        size_t body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
        size_t came = stream->head + stream->head_bytes - (end + 4) + (size - kept);
        stream->has_head = 1;
        stream->body_left = body > came ? body - came : 0;
    } else {
        stream->body_left -= size < stream->body_left ? size : stream->body_left;
    }
    if (!stream->body_left)
        answer_request(stream);
}

static void drop(struct stream *stream)
{
    unschedule(stream);
    close(stream->fd);
    free(stream->unsent);
    free(stream);
}

static void receive(struct stream *stream)
{
    static char bytes[256 * 1024];
    ssize_t size = recv(stream->fd, bytes, sizeof bytes, 0);
    if (size > 0)
        take(stream, bytes, size);
    else if (size == 0 || errno != EAGAIN)
        drop(stream);
}

static void accept_all(int listener)
{
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct stream *stream = calloc(1, sizeof *stream);
        stream->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = stream};
        epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event);
    }
}

static int listen_on(int port)
{
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096)) {
        perror("upstream");
        exit(1);
    }
    return listener;
}

static void set_alarm(int timer_fd)
{
    struct itimerspec alarm = {{0, 0}, {0, 0}};
    if (heap_size) {
        alarm.it_value.tv_sec = heap[1]->due / 1000000000;
        alarm.it_value.tv_nsec = heap[1]->due % 1000000000;
    }
    timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &alarm, NULL);
}

int main(int count, char **arguments)
{
    if (count != 2)
        return fprintf(stderr, "usage: upstream PORT\n"), 2;
    signal(SIGPIPE, SIG_IGN);
    poll_fd = epoll_create1(0);
    int timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    int listener = listen_on(atoi(arguments[1]));
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, listener, &event);
    event.data.ptr = &timer_fd;
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, timer_fd, &event);
    for (;;) {
        struct epoll_event ready[MOST_READY];
        set_alarm(timer_fd);
        int found = epoll_wait(poll_fd, ready, MOST_READY, -1);
        for (int at = 0; at < found; at++) {
            if (!ready[at].data.ptr) {
                accept_all(listener);
            } else if (ready[at].data.ptr == &timer_fd) {
                uint64_t rings;
                if (read(timer_fd, &rings, sizeof rings) < 0 && errno != EAGAIN)
                    return 1;
            } else if (ready[at].events & EPOLLOUT) {
                send_rest(ready[at].data.ptr);
            } else {
                receive(ready[at].data.ptr);
            }
        }
        int64_t now = now_ns();
        while (heap_size && heap[1]->due <= now)
            speak(heap[1], now);
    }
}
