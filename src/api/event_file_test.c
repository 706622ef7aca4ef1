/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "api/event_file.h"
#include "api/event_msg.h"

struct fixture {
	char path[64];
	struct event_file *f;
	uint64_t first, last;
	size_t n;
};

static int set_up(void **state)
{
	struct fixture *fx = calloc(1, sizeof(*fx));
	int fd;

	strcpy(fx->path, "/tmp/offhook-events-XXXXXX");
	fd = mkstemp(fx->path);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(event_file_open(&fx->f, fx->path, 1), 0);
	*state = fx;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fx = *state;

	event_file_close(fx->f);
	unlink(fx->path);
	free(fx);
	return 0;
}

/* As a process that is killed leaves it, and the next one finds it. */
static void reopen(struct fixture *fx, uint64_t what)
{
	fx->f = event_file_close(fx->f);
	assert_int_equal(event_file_open(&fx->f, fx->path, what), 0);
}

static void put(struct fixture *fx, uint64_t seq)
{
	char text[300];

	memset(text, 'x', sizeof(text));
	(void)snprintf(text, sizeof(text), "%u", (unsigned)seq);
	event_file_put(fx->f, seq, text, 20 + seq % 277);
}

static void see(uint64_t seq, const void *p, size_t n, void *arg)
{
	struct fixture *fx = arg;

	assert_int_equal(n, 20 + seq % 277);
	assert_int_equal(strtoull(p, NULL, 10), seq);
	if (fx->n++)
		assert_true(seq > fx->last);
	else
		fx->first = seq;
	fx->last = seq;
}

static size_t look(struct fixture *fx)
{
	fx->n = 0;
	event_file_each(fx->f, see, fx);
	return fx->n;
}

static void what_was_put_is_there_after_it_is_opened_again(void **state)
{
	struct fixture *fx = *state;

	assert_int_equal(look(fx), 0);
	for (uint64_t i = 1; i <= 5; i++)
		put(fx, i);
	reopen(fx, 1);
	assert_int_equal(look(fx), 5);
	put(fx, 6);
	reopen(fx, 1);
	assert_int_equal(look(fx), 6);
}

/* Round and round, opened again wherever it stands: the latest are there without a gap. */
static void the_latest_are_there_whole(void **state)
{
	struct fixture *fx = *state;
	uint64_t seq = 0;

	for (unsigned round = 0; round < 60; round++) {
		for (unsigned i = 0; i < 1711; i++)
			put(fx, ++seq);
		reopen(fx, 1);
		assert_true(look(fx) >= 8192 || fx->n == seq);
		assert_int_equal(fx->last, seq);
		assert_int_equal(fx->n, fx->last - fx->first + 1);
	}
	assert_true(fx->first > 1);
}

static void damaged_one_ends_its_block_and_no_more(void **state)
{
	struct fixture *fx = *state;
	FILE *file;

	for (uint64_t i = 1; i <= 3; i++)
		put(fx, i);
	fx->f = event_file_close(fx->f);
	file = fopen(fx->path, "r+");
	assert_non_null(file);
	assert_int_equal(fseek(file, 4096 + 16 + 24 + 16, SEEK_SET), 0); /* text of the second */
	assert_int_equal(fputc('9', file), '9');
	assert_int_equal(fclose(file), 0);
	assert_int_equal(event_file_open(&fx->f, fx->path, 1), 0);
	assert_int_equal(look(fx), 1);
	put(fx, 7); /* numbers only grow: the third, behind it, is old now */
	assert_int_equal(look(fx), 2);
	assert_int_equal(fx->last, 7);
}

static void file_of_another_program_is_begun_anew(void **state)
{
	struct fixture *fx = *state;

	put(fx, 1);
	reopen(fx, 2);
	assert_int_equal(look(fx), 0);
}

static void event_comes_back_as_it_was(void **state)
{
	struct call_record call = {.tenant_id = 7, .id = 9, .caller = "101", .cost = -5};
	struct event_msg m = {.kind = BUS_CALL_CDR,
			      .tenant_id = 7,
			      .call_id = 9,
			      .leg_id = UINT64_MAX,
			      .wall_us = 1763640065000000,
			      .number = "101",
			      .reason = "busy",
			      .call = &call},
			 back;
	uint8_t *bytes = malloc(event_msg_bound());
	struct pack_names names;
	uint64_t what;
	size_t n = event_msg_pack(&m, bytes);

	assert_int_equal(event_msg_what(&what, &names), 0);
	assert_int_equal(event_msg_unpack(&back, &names, bytes, n), 0);
	assert_memory_equal(back.call, &call, sizeof(call));
	event_msg_close(&back);
	m.call = NULL;
	assert_memory_equal(&back, &m, sizeof(m));
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(event_msg_unpack(&back, &names, bytes, i), EBADMSG);
		assert_null(back.call);
	}
	free(bytes);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_was_put_is_there_after_it_is_opened_again),
		T(the_latest_are_there_whole),
		T(damaged_one_ends_its_block_and_no_more),
		T(file_of_another_program_is_begun_anew),
		cmocka_unit_test(event_comes_back_as_it_was),
	};

	return cmocka_run_group_tests_name("event_file", tests, NULL, NULL);
}
