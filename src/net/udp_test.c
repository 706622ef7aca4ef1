/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Datagrams over real sockets on loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "net/net.h"
#include "net/sock.h"

struct seen {
	unsigned n, nfailed;
	struct flow last, failed;
	int err;
	size_t bytes;
	uint8_t first;
};

struct world {
	struct flow_sink sink; /* first */
	struct loop *loop;
	struct net *net;
	struct flow_edge *edge;
	struct seen seen;
	bool echo;
};

static void received(struct flow_sink *s, const struct flow *from, const uint8_t *p, size_t n)
{
	struct world *w = (struct world *)s;

	w->seen.n++;
	w->seen.last = *from;
	w->seen.bytes = n;
	w->seen.first = p[0];
	if (w->echo) {
		struct flow back = *from;

		assert_int_equal(w->edge->send(w->edge, &back, p, n), 0);
	}
}

static void waited(struct flow_sink *s, uint64_t us)
{
}

static void failed(struct flow_sink *s, const struct flow *to, int err)
{
	struct world *w = (struct world *)s;

	w->seen.nfailed++;
	w->seen.failed = *to;
	w->seen.err = err;
}

static void closed(struct flow_sink *s, oid conn)
{
	fail();
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct net_conf conf = {0};

	*state = w;
	if (!w || loop_alloc(&w->loop, clock_real()))
		return -1;
	w->sink = (struct flow_sink){received, waited, failed, closed};
	conf.loop = w->loop;
	conf.sink = &w->sink;
	if (net_open(&w->net, &conf))
		return -1;
	w->edge = net_edge(w->net);
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	net_close(w->net);
	loop_free(w->loop);
	free(w);
	return 0;
}

static struct addr at(const char *ip, uint16_t port)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, str_of(ip), port), 0);
	return a;
}

static struct addr listen_at(struct world *w, const char *ip)
{
	struct addr want = at(ip, 0), bound;

	assert_int_equal(net_listen(w->net, FLOW_UDP, &want, &bound), 0);
	assert_true(bound.port);
	return bound;
}

static void run_until(struct world *w, const unsigned *count, unsigned n)
{
	for (int i = 0; i < 200 && *count < n; i++)
		loop_turn(w->loop, 50);
	assert_int_equal(*count, n);
}

static int phone_at(const char *ip, struct addr *bound)
{
	struct addr a = at(ip, 0);
	int fd;

	assert_int_equal(sock_udp(&fd, &a, bound), 0);
	return fd;
}

static ssize_t phone_send(int fd, const struct addr *to, const void *p, size_t n)
{
	struct sockaddr_storage ss;
	socklen_t nss = addr_to_sockaddr(to, &ss);

	return sendto(fd, p, n, 0, (struct sockaddr *)&ss, nss);
}

static void message_goes_there_and_back(struct world *w, const char *server_ip,
					const char *phone_ip)
{
	struct addr phone, server = listen_at(w, server_ip);
	int fd = phone_at(phone_ip, &phone);
	char back[16];

	w->echo = true;
	w->seen = (struct seen){0};
	assert_int_equal(phone_send(fd, &server, "hello", 5), 5);
	run_until(w, &w->seen.n, 1);
	assert_int_equal(w->seen.bytes, 5);
	assert_true(addr_eq(&w->seen.last.remote, &phone));
	assert_true(addr_eq(&w->seen.last.local, &server));
	assert_true(w->seen.last.listener > 0);
	assert_int_equal(recv(fd, back, sizeof(back), 0), 5);
	close(fd);
}

static void datagrams_arrive_and_answers_return_on_each_family(void **state)
{
	message_goes_there_and_back(*state, "127.10.0.1", "127.10.9.9");
	message_goes_there_and_back(*state, "::1", "::1");
}

static void answer_leaves_from_the_address_that_was_asked(void **state)
{
	struct world *w = *state;
	struct addr first = listen_at(w, "127.10.0.1"), second = listen_at(w, "127.10.0.2"), phone,
		    from;
	int fd = phone_at("127.10.9.9", &phone);
	struct sockaddr_storage ss;
	socklen_t nss = sizeof(ss);
	char back[16];

	w->echo = true;
	(void)first;
	assert_int_equal(phone_send(fd, &second, "x", 1), 1);
	run_until(w, &w->seen.n, 1);
	assert_int_equal(w->seen.last.listener, 2);
	assert_int_equal(recvfrom(fd, back, sizeof(back), 0, (struct sockaddr *)&ss, &nss), 1);
	assert_int_equal(addr_from_sockaddr(&from, (struct sockaddr *)&ss), 0);
	assert_true(addr_eq(&from, &second));
	close(fd);
}

static void largest_datagram_is_accepted_whole(void **state)
{
	static uint8_t large[65507];
	struct world *w = *state;
	struct addr phone, server = listen_at(w, "127.10.0.1");
	int fd = phone_at("127.10.9.9", &phone);
	struct flow to = {.transport = FLOW_UDP, .remote = server};

	large[0] = 'L';
	assert_int_equal(phone_send(fd, &server, large, sizeof(large)), sizeof(large));
	run_until(w, &w->seen.n, 1);
	assert_int_equal(w->seen.bytes, sizeof(large));
	assert_int_equal(w->edge->send(w->edge, &to, large, sizeof(large)), 0); /* to itself */
	run_until(w, &w->seen.n, 2);
	assert_int_equal(w->seen.bytes, sizeof(large));
	assert_int_equal(w->edge->send(w->edge, &to, large, sizeof(large) + 1), EMSGSIZE);
	close(fd);
}

static void keep_alives_are_not_messages(void **state)
{
	struct world *w = *state;
	struct addr phone, server = listen_at(w, "127.10.0.1");
	int fd = phone_at("127.10.9.9", &phone);

	assert_int_equal(phone_send(fd, &server, "", 0), 0);
	assert_int_equal(phone_send(fd, &server, "\r\n\r\n", 4), 4);
	assert_int_equal(phone_send(fd, &server, "\0\0\0\0", 4), 4);
	assert_int_equal(phone_send(fd, &server, "\r\nX", 3), 3);
	run_until(w, &w->seen.n, 1);
	assert_int_equal(w->seen.bytes, 3);
	close(fd);
}

static void icmp_error_names_the_destination_that_failed(const char *ip, struct world *w)
{
	struct addr server = listen_at(w, ip), dead, alive;
	int dead_fd = phone_at(ip, &dead), fd = phone_at(ip, &alive);
	struct flow to_dead = {.transport = FLOW_UDP, .local = server},
		    to_alive = {.transport = FLOW_UDP, .local = server, .remote = alive};

	close(dead_fd); /* its port is free again: nobody listens */
	to_dead.remote = dead;
	w->seen = (struct seen){0};
	assert_int_equal(w->edge->send(w->edge, &to_dead, "x", 1), 0);
	/* The error is known to the socket now; the next send is another's and must not suffer. */
	for (int i = 0; i < 20; i++) {
		assert_int_equal(w->edge->send(w->edge, &to_alive, "y", 1), 0);
		assert_int_equal(w->edge->send(w->edge, &to_dead, "x", 1), 0);
	}
	run_until(w, &w->seen.nfailed, 21);
	assert_int_equal(w->seen.err, ECONNREFUSED);
	assert_true(addr_eq(&w->seen.failed.remote, &dead));
	assert_true(addr_eq(&w->seen.failed.local, &server));
	for (int i = 0; i < 20; i++) {
		char c;

		assert_int_equal(recv(fd, &c, 1, 0), 1);
	}
	/* And the socket still receives. */
	assert_int_equal(phone_send(fd, &server, "hello", 5), 5);
	run_until(w, &w->seen.n, 1);
	close(fd);
}

static void icmp_errors_are_told_for_their_destination_only(void **state)
{
	icmp_error_names_the_destination_that_failed("127.10.0.1", *state);
	icmp_error_names_the_destination_that_failed("::1", *state);
}

static void flood_is_taken_in_bounded_turns(void **state)
{
	struct world *w = *state;
	struct addr phone, server = listen_at(w, "127.10.0.1");
	int fd = phone_at("127.10.9.9", &phone);

	for (int i = 0; i < 150; i++)
		assert_int_equal(phone_send(fd, &server, "x", 1), 1);
	loop_turn(w->loop, 50);
	assert_int_equal(w->seen.n, 64);
	run_until(w, &w->seen.n, 150);
	close(fd);
}

static void those_read_at_once_keep_their_senders_and_their_order(void **state)
{
	struct world *w = *state;
	struct addr server = listen_at(w, "127.10.0.1"), phones[2];
	int fds[2] = {phone_at("127.10.9.8", &phones[0]), phone_at("127.10.9.9", &phones[1])};
	char text[40], back[40];

	w->echo = true;
	for (int i = 0; i < 40; i++) {
		memset(text, '0' + i, sizeof(text));
		assert_int_equal(phone_send(fds[i % 2], &server, text, (size_t)i + 1), i + 1);
	}
	run_until(w, &w->seen.n, 40);
	for (int i = 0; i < 40; i++) {
		assert_int_equal(recv(fds[i % 2], back, sizeof(back), 0), i + 1);
		assert_int_equal(back[0], '0' + i);
		assert_int_equal(back[i], '0' + i);
	}
	close(fds[0]);
	close(fds[1]);
}

static void local_address_is_one_that_reaches_the_remote(void **state)
{
	struct world *w = *state;
	struct addr local, remote = at("127.10.9.9", 5060), v6 = at("::1", 5060),
			   far = at("192.0.2.1", 5060);
	struct addr bound4, bound6;

	assert_int_equal(w->edge->local_for(w->edge, FLOW_UDP, &remote, &local), EPROTONOSUPPORT);
	bound4 = listen_at(w, "127.10.0.7");
	assert_int_equal(w->edge->local_for(w->edge, FLOW_UDP, &remote, &local), 0);
	assert_true(addr_eq(&local, &bound4));
	assert_int_equal(w->edge->local_for(w->edge, FLOW_UDP, &v6, &local), EAFNOSUPPORT);
	bound6 = listen_at(w, "::1");
	assert_int_equal(w->edge->local_for(w->edge, FLOW_UDP, &v6, &local), 0);
	assert_true(addr_eq(&local, &bound6));
	/* From a loopback address nothing outside is reached, whatever routes this machine has. */
	assert_true(w->edge->local_for(w->edge, FLOW_UDP, &far, &local) != 0);
	assert_int_equal(w->edge->local_for(w->edge, FLOW_TCP, &remote, &local), EPROTONOSUPPORT);
}

static void listener_on_any_address_names_the_one_that_the_route_takes(void **state)
{
	struct world *w = *state;
	struct addr local, remote = at("127.0.0.1", 5060), bound = listen_at(w, "0.0.0.0");

	assert_int_equal(w->edge->local_for(w->edge, FLOW_UDP, &remote, &local), 0);
	assert_int_equal(local.port, bound.port);
	bound = at("127.0.0.1", bound.port);
	assert_true(addr_eq(&local, &bound));
}

static void address_in_use_or_not_ours_is_refused(void **state)
{
	struct world *w = *state;
	struct addr bound = listen_at(w, "127.10.0.1"), other, foreign = at("192.0.2.1", 0);

	assert_int_equal(net_listen(w->net, FLOW_UDP, &bound, &other), EADDRINUSE);
	assert_int_equal(net_listen(w->net, FLOW_UDP, &foreign, &other), EADDRNOTAVAIL);
	assert_int_equal(net_listen(w->net, FLOW_UDP, &(struct addr){0}, &other), EINVAL);
}

static void impossible_destinations_are_known_at_once(void **state)
{
	struct world *w = *state;
	struct addr server = listen_at(w, "127.10.0.1");
	struct flow no_port = {.transport = FLOW_UDP, .remote = at("127.10.9.9", 0)},
		    no_addr = {.transport = FLOW_UDP},
		    other_family = {
			    .transport = FLOW_UDP, .local = server, .remote = at("::1", 5060)};

	assert_int_equal(w->edge->send(w->edge, &no_port, "x", 1), EHOSTUNREACH);
	assert_int_equal(w->edge->send(w->edge, &no_addr, "x", 1), EHOSTUNREACH);
	assert_int_equal(w->edge->send(w->edge, &other_family, "x", 1), EAFNOSUPPORT);
}

static void what_came_to_a_listener_that_is_gone_is_answered_from_another(void **state)
{
	struct world *w = *state;
	struct addr first = at("127.10.0.1", 0), second = listen_at(w, "127.10.0.2"), bound;
	uint32_t number, again;
	struct flow flow = {.transport = FLOW_UDP, .remote = second};

	assert_int_equal(net_listen_as(w->net, FLOW_UDP, &first, NULL, &bound, &number, NULL), 0);
	flow.listener = number;
	flow.local = bound;
	net_unlisten(w->net, number);
	net_unlisten(w->net, number); /* once more: nothing */
	assert_int_equal(net_listen_as(w->net, FLOW_UDP, &bound, NULL, &first, &again, NULL), 0);
	assert_true(again != number);
	net_unlisten(w->net, again);
	assert_int_equal(w->edge->send(w->edge, &flow, "x", 1), 0);
	for (int i = 0; i < 100; i++) { /* more than there are places */
		assert_int_equal(
			net_listen_as(w->net, FLOW_UDP, &bound, NULL, &first, &number, NULL), 0);
		net_unlisten(w->net, number);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(datagrams_arrive_and_answers_return_on_each_family),
		T(answer_leaves_from_the_address_that_was_asked),
		T(largest_datagram_is_accepted_whole),
		T(keep_alives_are_not_messages),
		T(icmp_errors_are_told_for_their_destination_only),
		T(flood_is_taken_in_bounded_turns),
		T(those_read_at_once_keep_their_senders_and_their_order),
		T(local_address_is_one_that_reaches_the_remote),
		T(listener_on_any_address_names_the_one_that_the_route_takes),
		T(address_in_use_or_not_ours_is_refused),
		T(impossible_destinations_are_known_at_once),
		T(what_came_to_a_listener_that_is_gone_is_answered_from_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
