/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What phones hear through the engine, over real sockets and two media threads. */
#include "media/media_fixture.h"

struct two {
	struct phone a, b;
};

/* Two phones in a call: sessions 1 and 2. */
static struct two in_call(struct fixture *f, const char *ip_a, const char *ip_b, const char *local)
{
	struct two t = {.a = phone_at(ip_a, 6000, session_open(f, 1, 7, local)),
			.b = phone_at(ip_b, 6000, session_open(f, 2, 7, local))};

	session_remote_is(f, 1, both_ways(t.a.at));
	session_remote_is(f, 2, both_ways(t.b.at));
	assert_int_equal(session_join_with(f, 1, 2), 0);
	return t;
}

static struct two usual_call(struct fixture *f)
{
	return in_call(f, "127.20.0.1", "127.20.0.2", "127.20.0.10");
}

static void hang_up(struct two *t)
{
	phone_close(&t->a);
	phone_close(&t->b);
}

static void rtp_and_rtcp_go_both_ways(void **state)
{
	static const uint8_t rr[8] = {0x80, 201, 0, 1, 0, 0, 0, 9};
	struct fixture *f = *state;
	struct two t = usual_call(f);
	struct addr rtcp = t.a.to;
	struct media_counters c;
	uint8_t got[2048];

	for (int i = 0; i < 50; i++) {
		talk(&t.a);
		assert_true(hears(t.b.rtp));
		talk(&t.b);
		assert_true(hears(t.a.rtp));
	}
	rtcp.port++;
	put_to(t.a.rtcp, &rtcp, rr, sizeof(rr));
	assert_int_equal(take(t.b.rtcp, got, sizeof(got), WAIT_MS), sizeof(rr));
	assert_memory_equal(got, rr, sizeof(rr));
	c = counters_at(f, 1, 51, 0);
	assert_int_equal(c.rx_bytes, 50 * 172 + 8);
	assert_int_equal(c.tx_packets, 50);
	assert_int_equal(c.rx_lost, 0);
	assert_true(addr_eq(&c.latched, &t.a.at));
	assert_int_equal(session_ask(f, MEDIA_CLOSE, 1).u.counters.rx_packets, 51);
	assert_int_equal(session_ask(f, MEDIA_CLOSE, 2).u.counters.rx_packets, 50);
	assert_int_equal(media_ports_in_use(f->m), 0);
	hang_up(&t);
}

static void packet_arrives_as_it_was_sent(void **state)
{
	uint8_t sent[172], got[2048];
	struct two t = usual_call(*state);
	struct sockaddr_storage ss;
	socklen_t nss = sizeof(ss);
	struct addr from;

	make_rtp(&t.a, sent);
	put_to(t.a.rtp, &t.a.to, sent, sizeof(sent));
	wait_readable(t.b.rtp, WAIT_MS);
	assert_int_equal(recvfrom(t.b.rtp, got, sizeof(got), 0, (struct sockaddr *)&ss, &nss), 172);
	assert_memory_equal(got, sent, sizeof(sent));
	/* From where the phone sends to: its own NAT and firewall let it in. */
	assert_int_equal(addr_from_sockaddr(&from, (struct sockaddr *)&ss), 0);
	assert_true(addr_eq(&from, &t.b.to));
	hang_up(&t);
}

static void stranger_neither_gets_in_nor_is_answered(void **state)
{
	struct fixture *f = *state;
	struct two t = usual_call(f);
	struct phone x = phone_at("127.20.0.66", 6000, t.a.to);

	talk(&t.a);
	assert_true(hears(t.b.rtp));
	for (int i = 0; i < 20; i++)
		talk(&x);
	talk(&t.a);
	assert_true(hears(t.b.rtp));
	assert_true(has_nothing(t.b.rtp));
	talk(&t.b);
	assert_true(hears(t.a.rtp));
	assert_true(has_nothing(x.rtp));
	counters_at(f, 1, 2, 20);
	phone_close(&x);
	hang_up(&t);
}

static void phone_behind_a_nat_is_answered_where_it_speaks_from(void **state)
{
	struct fixture *f = *state;
	struct two t = usual_call(f);
	struct phone nat = phone_at("127.20.0.5", 7000, t.a.to);

	talk(&nat);
	assert_true(hears(t.b.rtp));
	talk(&t.b);
	assert_true(hears(nat.rtp));
	assert_true(has_nothing(t.a.rtp));
	/* The described address speaks: from now on only it. */
	talk(&t.a);
	assert_true(hears(t.b.rtp));
	talk(&nat);
	talk(&t.b);
	assert_true(hears(t.a.rtp));
	assert_true(has_nothing(nat.rtp));
	counters_at(f, 1, 2, 1);
	assert_true(has_nothing(t.b.rtp));
	phone_close(&nat);
	hang_up(&t);
}

static void other_description_moves_the_leg(void **state)
{
	struct fixture *f = *state;
	struct two t = usual_call(f);
	struct phone moved = phone_at("127.20.0.7", 7000, t.a.to);

	talk(&t.a);
	assert_true(hears(t.b.rtp));
	session_remote_is(f, 1, both_ways(moved.at));
	talk(&t.b);
	assert_true(hears(moved.rtp));
	talk(&moved);
	assert_true(hears(t.b.rtp));
	talk(&t.a);
	counters_at(f, 1, 2, 1);
	assert_true(has_nothing(t.b.rtp));
	phone_close(&moved);
	hang_up(&t);
}

static void hold_is_obeyed_in_both_directions(void **state)
{
	struct fixture *f = *state;
	struct two t = usual_call(f);
	struct media_remote hold = both_ways(t.a.at);

	hold.may_send = false;
	session_remote_is(f, 1, hold);
	talk(&t.a);
	talk(&t.b);
	assert_true(hears(t.a.rtp));
	counters_at(f, 1, 1, 0);
	assert_true(has_nothing(t.b.rtp));
	hold.may_send = true;
	hold.may_receive = false;
	session_remote_is(f, 1, hold);
	talk(&t.b);
	talk(&t.a);
	assert_true(hears(t.b.rtp));
	counters_at(f, 2, 2, 0);
	assert_true(has_nothing(t.a.rtp));
	session_remote_is(f, 1, both_ways(t.a.at));
	talk(&t.b);
	assert_true(hears(t.a.rtp));
	hang_up(&t);
}

static void parted_sessions_hear_nothing_and_can_be_joined_again(void **state)
{
	struct fixture *f = *state;
	struct two t = usual_call(f);

	assert_int_equal(session_ask(f, MEDIA_PART, 2).err, 0);
	talk(&t.a);
	talk(&t.b);
	counters_at(f, 1, 1, 0);
	counters_at(f, 2, 1, 0);
	assert_true(has_nothing(t.a.rtp));
	assert_true(has_nothing(t.b.rtp));
	assert_int_equal(session_join_with(f, 2, 1), 0);
	talk(&t.a);
	assert_true(hears(t.b.rtp));
	hang_up(&t);
}

static void peer_that_closes_leaves_the_other_alive(void **state)
{
	struct fixture *f = *state;
	struct two t = usual_call(f);

	assert_int_equal(session_ask(f, MEDIA_CLOSE, 2).err, 0);
	talk(&t.a);
	counters_at(f, 1, 1, 0);
	assert_int_equal(session_join_with(f, 1, 2), ENOENT);
	assert_int_equal(session_join_with(f, 1, 1), EINVAL);
	hang_up(&t);
}

static void echo_sends_every_packet_back(void **state)
{
	struct fixture *f = *state;
	struct phone a = phone_at("127.20.0.1", 6000, session_open(f, 1, 7, "127.20.0.10"));
	uint8_t sent[172], got[2048];

	session_remote_is(f, 1, both_ways(a.at));
	assert_int_equal(session_ask(f, MEDIA_ECHO, 1).err, 0);
	for (int i = 0; i < 100; i++) {
		make_rtp(&a, sent);
		put_to(a.rtp, &a.to, sent, sizeof(sent));
		assert_int_equal(take(a.rtp, got, sizeof(got), WAIT_MS), 172);
		assert_memory_equal(got, sent, 8);
		assert_memory_not_equal(got + 8, sent + 8, 4);
		assert_memory_equal(got + 12, sent + 12, 160);
	}
	assert_int_equal(counters(f, 1).tx_packets, 100);
	phone_close(&a);
}

static void ipv4_and_ipv6_phones_talk(void **state)
{
	struct fixture *f = *state;
	struct phone a = phone_at("127.20.0.1", 6000, session_open(f, 1, 7, "127.20.0.10"));
	struct phone b = phone_at("::1", (uint16_t)(20000 + 2 * (getpid() % 5000)),
				  session_open(f, 2, 7, "::1"));
	struct media_cmd wrong = {.type = MEDIA_REMOTE, .session = 2};

	session_remote_is(f, 1, both_ways(a.at));
	session_remote_is(f, 2, both_ways(b.at));
	assert_int_equal(session_join_with(f, 1, 2), 0);
	talk(&a);
	assert_true(hears(b.rtp));
	talk(&b);
	assert_true(hears(a.rtp));
	wrong.u.remote.remote = both_ways(a.at);
	assert_int_equal(ask(f, wrong).err, EAFNOSUPPORT);
	talk(&a);
	assert_true(hears(b.rtp));
	phone_close(&a);
	phone_close(&b);
}

static int tos_of_next(int fd)
{
	char control[64];
	uint8_t p[2048];
	struct iovec iov = {p, sizeof(p)};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	struct cmsghdr *c;

	wait_readable(fd, WAIT_MS);
	assert_true(recvmsg(fd, &m, 0) > 0);
	c = CMSG_FIRSTHDR(&m);
	assert_non_null(c);
	assert_int_equal(c->cmsg_type, IP_TOS);
	return *CMSG_DATA(c);
}

static void audio_is_marked_for_expedited_forwarding(void **state)
{
	struct fixture *f = *state;
	struct two t = usual_call(f);
	struct media_remote fax = both_ways(t.b.at);
	int one = 1;

	assert_int_equal(setsockopt(t.b.rtp, IPPROTO_IP, IP_RECVTOS, &one, sizeof(one)), 0);
	talk(&t.a);
	assert_int_equal(tos_of_next(t.b.rtp), 46 << 2);
	fax.kind = MEDIA_RAW;
	session_remote_is(f, 2, fax);
	talk(&t.a);
	assert_int_equal(tos_of_next(t.b.rtp), 0);
	hang_up(&t);
}

static void largest_datagram_passes_and_strange_ones_do_no_harm(void **state)
{
	static uint8_t big[65507] = {0x80}, got[65536];
	static const uint8_t bad[][13] = {
		{0x00}, {0x40}, {0x8f}, {0x90, [12] = 0xff}, {0xa0, [12] = 200}};
	struct fixture *f = *state;
	struct two t = usual_call(f);

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		for (size_t n = 0; n <= 13; n++)
			put_to(t.a.rtp, &t.a.to, bad[i], n);
	memcpy(big + 8, "\0\0\0\1", 4);
	put_to(t.a.rtp, &t.a.to, big, sizeof(big));
	assert_int_equal(take(t.b.rtp, got, sizeof(got), WAIT_MS), sizeof(big));
	counters_at(f, 1, 1, ARRAY_LEN(bad) * 14);
	assert_true(has_nothing(t.b.rtp));
	hang_up(&t);
}

static void what_the_kernel_refuses_is_counted(void **state)
{
	struct fixture *f = *state;
	struct two t = usual_call(f);

	session_remote_is(f, 2, both_ways(addr_at("255.255.255.255", 9)));
	talk(&t.a);
	counters_at(f, 1, 1, 0);
	assert_int_equal(counters(f, 2).tx_failed, 1);
	assert_int_equal(counters(f, 2).tx_packets, 0);
	hang_up(&t);
}

static void sound_and_silence_are_told_once(void **state)
{
	struct fixture *f = *state;
	struct media_cmd cmd = cmd_open(1, 7, "127.20.0.10", 1);
	struct media_event ev;
	struct phone a;

	cmd.u.open.silence_ms = 400;
	ev = ask(f, cmd);
	a = phone_at("127.20.0.1", 6000, ev.u.local[0]);
	session_remote_is(f, 1, both_ways(a.at));
	talk(&a);
	ev = answer_to(f, 0, MEDIA_HEARD);
	assert_int_equal(ev.session, 1);
	assert_int_equal(ev.u.stream, 0);
	talk(&a);
	assert_int_equal(answer_to(f, 0, MEDIA_SILENT).session, 1);
	talk(&a);
	answer_to(f, 0, MEDIA_HEARD);
	answer_to(f, 0, MEDIA_SILENT);
	wait_readable(media_fd(f->m), 1200); /* two sweeps: nothing more to tell */
	media_poll(f->m);
	for (size_t i = 0; i < f->nevents; i++)
		assert_true(f->events[i].seq || !f->events[i].session);
	phone_close(&a);
}

static void leg_on_hold_is_never_silent(void **state)
{
	struct fixture *f = *state;
	struct media_cmd cmd = cmd_open(1, 7, "127.20.0.10", 1);
	struct media_remote hold;
	struct phone a;

	cmd.u.open.silence_ms = 100;
	a = phone_at("127.20.0.1", 6000, ask(f, cmd).u.local[0]);
	hold = both_ways(a.at);
	hold.may_send = false;
	session_remote_is(f, 1, hold);
	wait_readable(media_fd(f->m), 1200);
	media_poll(f->m);
	for (size_t i = 0; i < f->nevents; i++)
		assert_int_not_equal(f->events[i].type, MEDIA_SILENT);
	phone_close(&a);
}

static void streams_go_to_streams_of_the_same_number(void **state)
{
	struct fixture *f = *state;
	struct media_event one = ask(f, cmd_open(1, 7, "127.20.0.10", 2)),
			   two = ask(f, cmd_open(2, 7, "127.20.0.10", 2));
	struct phone a[2], b[2];

	for (uint8_t i = 0; i < 2; i++) {
		struct media_cmd cmd = {.type = MEDIA_REMOTE, .session = 1, .u.remote.stream = i};

		a[i] = phone_at("127.20.0.1", (uint16_t)(6000 + 2 * i), one.u.local[i]);
		b[i] = phone_at("127.20.0.2", (uint16_t)(6000 + 2 * i), two.u.local[i]);
		cmd.u.remote.remote = both_ways(a[i].at);
		assert_int_equal(ask(f, cmd).err, 0);
		cmd.session = 2;
		cmd.u.remote.remote = both_ways(b[i].at);
		assert_int_equal(ask(f, cmd).err, 0);
	}
	assert_int_equal(session_join_with(f, 1, 2), 0);
	for (uint8_t i = 0; i < 2; i++) {
		talk(&a[i]);
		assert_true(hears(b[i].rtp));
		assert_true(has_nothing(b[!i].rtp));
	}
	for (uint8_t i = 0; i < 2; i++) {
		phone_close(&a[i]);
		phone_close(&b[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rtp_and_rtcp_go_both_ways, setup, teardown),
		cmocka_unit_test_setup_teardown(packet_arrives_as_it_was_sent, setup, teardown),
		cmocka_unit_test_setup_teardown(stranger_neither_gets_in_nor_is_answered, setup,
						teardown),
		cmocka_unit_test_setup_teardown(phone_behind_a_nat_is_answered_where_it_speaks_from,
						setup, teardown),
		cmocka_unit_test_setup_teardown(other_description_moves_the_leg, setup, teardown),
		cmocka_unit_test_setup_teardown(hold_is_obeyed_in_both_directions, setup, teardown),
		cmocka_unit_test_setup_teardown(
			parted_sessions_hear_nothing_and_can_be_joined_again, setup, teardown),
		cmocka_unit_test_setup_teardown(peer_that_closes_leaves_the_other_alive, setup,
						teardown),
		cmocka_unit_test_setup_teardown(echo_sends_every_packet_back, setup, teardown),
		cmocka_unit_test_setup_teardown(ipv4_and_ipv6_phones_talk, setup, teardown),
		cmocka_unit_test_setup_teardown(audio_is_marked_for_expedited_forwarding, setup,
						teardown),
		cmocka_unit_test_setup_teardown(largest_datagram_passes_and_strange_ones_do_no_harm,
						setup, teardown),
		cmocka_unit_test_setup_teardown(what_the_kernel_refuses_is_counted, setup,
						teardown),
		cmocka_unit_test_setup_teardown(sound_and_silence_are_told_once, setup, teardown),
		cmocka_unit_test_setup_teardown(leg_on_hold_is_never_silent, setup, teardown),
		cmocka_unit_test_setup_teardown(streams_go_to_streams_of_the_same_number, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
