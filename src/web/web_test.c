/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The server as its clients see it: real sockets, the handler answering at once, later through a ring, or never. */
#include "web/web.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/thread.h"
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

struct fixture {
	struct web *w;
	struct addr at;
	struct ring *later; /* oid to answer */
	char dir[64], sock[96];
	_Atomic unsigned nrequests;
	_Atomic bool was_local;
};

static void answer(struct fixture *f, oid id, const char *text)
{
	struct web_response r = {.status = 200, .content_type = "text/plain", .body = str_of(text)};

	(void)web_reply(f->w, id, &r);
}

static void on_request(const struct web_request *req, void *arg)
{
	struct fixture *f = arg;
	struct web_response r = {.status = 200, .content_type = "text/plain", .body = req->body};

	atomic_fetch_add(&f->nrequests, 1);
	atomic_store(&f->was_local, req->is_local);
	if (str_eq(req->path, STR("/later"))) {
		assert_int_equal(ring_push(f->later, &req->id), 0);
	} else if (str_eq(req->path, STR("/never"))) {
		return;
	} else if (str_eq(req->path, STR("/big"))) {
		char *big = calloc(1, 3 << 20);

		memset(big, 'b', 3 << 20);
		r.body = (struct str){big, 3 << 20};
		(void)web_reply(f->w, req->id, &r);
		free(big);
	} else if (str_eq(req->path, STR("/header"))) {
		r.body = web_header(req, "x-test");
		(void)web_reply(f->w, req->id, &r);
	} else {
		(void)web_reply(f->w, req->id, &r);
		assert_int_equal(web_reply(f->w, req->id, &r), ENOENT);
	}
}

static void on_later(const void *msg, void *arg)
{
	answer(arg, *(const oid *)msg, "late");
}

static void on_error(struct web_response *resp, const char *detail, char *body, size_t body_bytes)
{
	resp->content_type = "text/plain";
	resp->body = (struct str){body, (size_t)snprintf(body, body_bytes, "%s", detail)};
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct web_conf conf = {.fn = on_request,
				.error = on_error,
				.arg = f,
				.max_body = 1000,
				.header_seconds = 1,
				.body_seconds = 1,
				.answer_seconds = 1,
				.max_conns = 20,
				.max_conns_per_ip = 10};

	snprintf(f->dir, sizeof(f->dir), "/tmp/offhook-web-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->sock, sizeof(f->sock), "%s/s", f->dir);
	conf.unix_path = f->sock;
	if (addr_parse(&conf.listen, STR("127.30.0.1"), 0) || web_open(&f->w, &conf, &f->at) ||
	    ring_alloc(&f->later, 64, sizeof(oid)) ||
	    web_watch_ring(f->w, f->later, sizeof(oid), on_later, f) || web_start(f->w))
		return -1;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	f->w = web_close(f->w);
	f->later = ring_free(f->later);
	rmdir(f->dir); /* the socket is gone by now, else this fails and the next test sees a leftover */
	if (!access(f->dir, F_OK))
		return -1;
	free(f);
	return 0;
}

static int dial_from(const struct fixture *f, const char *from)
{
	struct sockaddr_storage ss;
	struct addr source;
	socklen_t n;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	if (from) {
		assert_int_equal(addr_parse(&source, str_of(from), 0), 0);
		n = addr_to_sockaddr(&source, &ss);
		assert_int_equal(bind(fd, (struct sockaddr *)&ss, n), 0);
	}
	n = addr_to_sockaddr(&f->at, &ss);
	assert_int_equal(connect(fd, (struct sockaddr *)&ss, n), 0);
	return fd;
}

static int dial(const struct fixture *f)
{
	return dial_from(f, NULL);
}

static void put(int fd, const char *text)
{
	size_t n = strlen(text);

	/* MSG_NOSIGNAL: the server may close while we still send */
	while (n) {
		ssize_t k = send(fd, text, n, MSG_NOSIGNAL);

		if (k <= 0)
			return;
		text += k;
		n -= (size_t)k;
	}
}

/* All that comes until the server closes (at most 10 s). */
static char *drain(int fd, size_t *np)
{
	struct buf b = {0};
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char bytes[65536];
	ssize_t n;

	while (poll(&p, 1, 10000) == 1 && (n = recv(fd, bytes, sizeof(bytes), 0)) > 0)
		buf_add(&b, bytes, (size_t)n);
	close(fd);
	if (!b.p)
		buf_cstr(&b, "");
	return buf_take(&b, np);
}

static char *ask(const struct fixture *f, const char *text)
{
	int fd = dial(f);
	size_t n;

	put(fd, text);
	shutdown(fd, SHUT_WR);
	return drain(fd, &n);
}

static unsigned status_of(const char *text)
{
	return strncmp(text, "HTTP/1.1 ", 9) ? 0 : (unsigned)strtoul(text + 9, NULL, 10);
}

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

static void body_is_gathered_and_answered(void **state)
{
	char *got = ask(*state, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");

	assert_int_equal(status_of(got), 200);
	assert_non_null(strstr(got, "\r\n\r\nhello"));
	free(got);
	got = ask(*state, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
			  "chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n");
	assert_non_null(strstr(got, "\r\n\r\nhello"));
	free(got);
}

static void headers_survive_a_body_in_many_packets(void **state)
{
	int fd = dial(*state);
	size_t n;
	char *got;

	put(fd, "POST /header HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Test: still "
		"here\r\nContent-Length: 600\r\n\r\n");
	for (int i = 0; i < 60; i++) {
		put(fd, "0123456789");
		usleep(1000);
	}
	got = drain(fd, &n);
	assert_non_null(strstr(got, "\r\n\r\nstill here"));
	free(got);
}

static void answers_may_come_later_from_another_thread(void **state)
{
	char *got = ask(*state, "GET /later HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

	assert_int_equal(status_of(got), 200);
	assert_non_null(strstr(got, "\r\n\r\nlate"));
	free(got);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
	struct fixture *f = *state;
	struct buf b = {0};
	char *got;

	for (int i = 0; i < 3000; i++)
		buf_printf(&b, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n%04d",
			   i % 7 ? "/echo" : "/later", i);
	got = ask(f, b.p);
	assert_int_equal(count(got, "HTTP/1.1 200 OK"), 3000);
	assert_non_null(strstr(got, "0001HTTP/1.1 200"));
	assert_true(strstr(got, "\r\n\r\n0001") < strstr(got, "\r\n\r\n2999"));
	assert_int_equal(atomic_load(&f->nrequests), 3000);
	free(got);
	buf_free(&b);
}

static void head_has_a_length_and_no_body(void **state)
{
	char *got = ask(*state, "HEAD /later HTTP/1.1\r\nHost: x\r\n\r\n");

	assert_non_null(strstr(got, "Content-Length: 4\r\n"));
	assert_null(strstr(got, "late"));
	free(got);
}

static void large_answer_to_a_slow_reader_arrives_whole(void **state)
{
	int fd = dial(*state);
	size_t n;
	char *got;

	put(fd, "GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	usleep(100000); /* the server meets a full socket buffer */
	got = drain(fd, &n);
	assert_true(n > 3 << 20);
	free(got);
}

static void smuggled_request_is_never_executed(void **state)
{
	struct fixture *f = *state;
	char *got = ask(f, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: "
			   "4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
			   "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");

	assert_int_equal(status_of(got), 400);
	assert_int_equal(count(got, "HTTP/1.1"), 1);
	assert_non_null(strstr(got, "Connection: close"));
	assert_int_equal(atomic_load(&f->nrequests), 0);
	free(got);
}

static void bodies_are_bounded(void **state)
{
	struct fixture *f = *state;
	struct buf b = {0};
	char *got = ask(f, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n");

	assert_int_equal(status_of(got), 413);
	free(got);
	buf_cstr(&b,
		 "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n");
	for (int i = 0; i < 0x1000; i++)
		buf_char(&b, 'x');
	got = ask(f, b.p);
	assert_int_equal(status_of(got), 413);
	free(got);
	buf_free(&b);
	assert_int_equal(atomic_load(&f->nrequests), 0);
}

static void answer_is_read_though_the_body_is_still_coming(void **state)
{
	int fd = dial(*state);
	char *got, block[20001];
	size_t n;

	memset(block, 'x', sizeof(block));
	block[sizeof(block) - 1] = '\0';
	put(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n");
	for (int i = 0; i < 5; i++) {
		put(fd, block);
		usleep(2000);
	}
	got = drain(fd, &n);
	assert_int_equal(status_of(got), 413);
	free(got);
}

static void header_limits_answer_431(void **state)
{
	struct buf b = {0};
	char *got;

	buf_cstr(&b, "GET / HTTP/1.1\r\nHost: x\r\nX: ");
	for (int i = 0; i < 1 << 20; i++)
		buf_char(&b, 'x');
	got = ask(*state, b.p);
	assert_int_equal(status_of(got), 431);
	free(got);
	buf_free(&b);
}

static void slow_head_is_cut_off_at_its_deadline(void **state)
{
	enum { BYTES_MAX = 60 };
	unsigned nbytes = 0;
	uint64_t start = clock_mono_ms(clock_real());
	int fd = dial(*state);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	size_t n;
	char *got;

	put(fd, "GET / HTTP/1.1\r\n");
	for (; nbytes < BYTES_MAX && poll(&p, 1, 100) == 0; nbytes++)
		put(fd, "X"); /* bytes keep coming: that buys no time */
	assert_in_range(nbytes, 1, BYTES_MAX - 1);
	got = drain(fd, &n);
	assert_int_equal(status_of(got), 408);
	assert_true(clock_mono_ms(clock_real()) - start >= 900);
	free(got);
}

static void silent_connection_is_closed_without_a_word(void **state)
{
	size_t n;
	char *got = drain(dial(*state), &n);

	assert_int_equal(n, 0);
	free(got);
}

static void body_that_stops_is_408(void **state)
{
	int fd = dial(*state);
	size_t n;
	char *got;

	put(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhel");
	got = drain(fd, &n);
	assert_int_equal(status_of(got), 408);
	free(got);
}

static void handler_that_never_answers_becomes_503(void **state)
{
	int fd = dial(*state);
	size_t n;
	char *got;

	put(fd, "GET /never HTTP/1.1\r\nHost: x\r\n\r\n");
	got = drain(fd, &n);
	assert_int_equal(status_of(got), 503);
	assert_non_null(strstr(got, "Retry-After:"));
	free(got);
}

static void client_that_leaves_is_forgotten(void **state)
{
	struct fixture *f = *state;
	struct linger now = {.l_onoff = 1};
	char *got;

	for (int i = 0; i < 50; i++) {
		int fd = dial(f);

		put(fd,
		    "GET /later HTTP/1.1\r\nHost: x\r\n\r\nGET /never HTTP/1.1\r\nHost: x\r\n\r\n");
		if (i % 2)
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(fd);
	}
	/* Their places are free again, at the latest when the handler's time is over. */
	for (int i = 0; i < 60; i++) {
		got = ask(f, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
		if (status_of(got) == 200)
			break;
		free(got);
		got = NULL;
		usleep(50000);
	}
	assert_non_null(got);
	free(got);
}

static void continue_is_sent_when_asked_for(void **state)
{
	int fd = dial(*state);
	char bytes[64] = "";
	size_t n;
	char *got;

	put(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: "
		"100-continue\r\nContent-Length: 2\r\n\r\n");
	assert_int_equal(recv(fd, bytes, 25, MSG_WAITALL), 25);
	assert_string_equal(bytes, "HTTP/1.1 100 Continue\r\n\r\n");
	put(fd, "ok");
	got = drain(fd, &n);
	assert_int_equal(status_of(got), 200);
	free(got);
}

static void connections_are_limited_for_all_and_for_one(void **state)
{
	struct fixture *f = *state;
	int fds[20];
	size_t n;
	char *got;

	for (int i = 0; i < 10; i++)
		fds[i] = dial_from(f, "127.30.0.2");
	got = drain(dial_from(f, "127.30.0.2"), &n);
	assert_int_equal(status_of(got), 503);
	free(got);
	for (int i = 10; i < 20; i++) /* another address still may */
		fds[i] = dial_from(f, "127.30.0.3");
	put(fds[19], "GET /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	got = drain(fds[19], &n);
	assert_int_equal(status_of(got), 200);
	free(got);
	fds[19] = dial_from(f, "127.30.0.3");
	got = drain(dial_from(f, "127.30.0.4"), &n);
	assert_int_equal(status_of(got), 503);
	free(got);
	for (int i = 0; i < 20; i++)
		close(fds[i]);
}

static void local_socket_is_private_and_known_as_local(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct stat st;
	size_t n;
	char *got;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(stat(f->sock, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%.100s", f->sock);
	assert_int_equal(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	put(fd, "GET /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	got = drain(fd, &n);
	assert_int_equal(status_of(got), 200);
	assert_true(atomic_load(&f->was_local));
	free(got);
	got = ask(f, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_false(atomic_load(&f->was_local));
	free(got);
}

static void stale_socket_is_replaced_a_live_one_and_a_file_are_not(void **state)
{
	struct fixture *f = *state;
	struct web_conf conf = {.fn = on_request, .unix_path = f->sock};
	struct web *second = NULL;
	char other[128];
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd;

	assert_int_equal(web_open(&second, &conf, NULL), EADDRINUSE);
	assert_int_equal(access(f->sock, F_OK), 0);

	snprintf(other, sizeof(other), "%s/other", f->dir);
	conf.unix_path = other;
	fd = open(other, O_CREAT | O_WRONLY, 0600);
	close(fd);
	assert_int_equal(web_open(&second, &conf, NULL), EEXIST);
	unlink(other);

	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%.100s", other);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	close(fd);
	assert_int_equal(web_open(&second, &conf, NULL), 0);
	web_close(second);
	assert_int_equal(access(other, F_OK), -1);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(body_is_gathered_and_answered),
		TEST(headers_survive_a_body_in_many_packets),
		TEST(answers_may_come_later_from_another_thread),
		TEST(pipelined_requests_are_answered_in_order),
		TEST(head_has_a_length_and_no_body),
		TEST(large_answer_to_a_slow_reader_arrives_whole),
		TEST(smuggled_request_is_never_executed),
		TEST(bodies_are_bounded),
		TEST(answer_is_read_though_the_body_is_still_coming),
		TEST(header_limits_answer_431),
		TEST(slow_head_is_cut_off_at_its_deadline),
		TEST(silent_connection_is_closed_without_a_word),
		TEST(body_that_stops_is_408),
		TEST(handler_that_never_answers_becomes_503),
		TEST(client_that_leaves_is_forgotten),
		TEST(continue_is_sent_when_asked_for),
		TEST(connections_are_limited_for_all_and_for_one),
		TEST(local_socket_is_private_and_known_as_local),
		TEST(stale_socket_is_replaced_a_live_one_and_a_file_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
