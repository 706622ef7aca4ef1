/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/bus.h"

struct heard {
	unsigned n;
	enum bus_kind last;
};

static void hear(const struct bus_event *ev, void *arg)
{
	struct heard *h = arg;

	h->n++;
	h->last = ev->kind;
}

static void every_subscriber_hears_every_kind(void **state)
{
	struct bus *b = NULL;
	struct heard one = {0}, two = {0};
	struct bus_event ev = {.kind = BUS_CALL_HOLD};

	assert_int_equal(bus_alloc(&b), 0);
	assert_int_equal(bus_subscribe(b, hear, &one), 0);
	bus_publish(b, &ev);
	assert_int_equal(bus_subscribe(b, hear, &two), 0);
	ev.kind = BUS_CALL_CDR;
	bus_publish(b, &ev);
	assert_int_equal(one.n, 2);
	assert_int_equal(two.n, 1);
	assert_int_equal(one.last, BUS_CALL_CDR);
	assert_int_equal(two.last, BUS_CALL_CDR);
	bus_free(b);
}

static void publishing_to_nobody_is_fine(void **state)
{
	struct bus_event ev = {.kind = BUS_CALL_START};

	bus_publish(NULL, &ev);
}

static void one_subscriber_too_many_is_refused(void **state)
{
	struct bus *b = NULL;
	struct heard h = {0};
	int err = 0;
	unsigned n = 0;

	assert_int_equal(bus_alloc(&b), 0);
	while (!err && n < 1000) {
		err = bus_subscribe(b, hear, &h);
		n += !err;
	}
	assert_int_equal(err, ENOSPC);
	bus_publish(b, &(struct bus_event){.kind = BUS_CALL_CDR});
	assert_int_equal(h.n, n);
	bus_free(b);
}

static void a_kind_has_the_topic_and_key_of_the_guide(void **state)
{
	assert_string_equal(bus_topic(BUS_REGISTERED), "extension_events");
	assert_string_equal(bus_key(BUS_REGISTERED), "extension_register");
	assert_string_equal(bus_key(BUS_CALL_CDR), "call_cdr");
	assert_string_equal(bus_topic(BUS_NKINDS), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_subscriber_hears_every_kind),
		cmocka_unit_test(publishing_to_nobody_is_fine),
		cmocka_unit_test(one_subscriber_too_many_is_refused),
		cmocka_unit_test(a_kind_has_the_topic_and_key_of_the_guide),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
