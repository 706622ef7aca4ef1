/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Templates: what follows them, what does not, and when. */
#include "store/edit.h"
#include "store/testing.h"
#include <inttypes.h>

struct made {
	uint64_t tmpl, x;
};

static int open_with_tenant(void **state)
{
	fixture_open(state);
	((struct fixture *)*state)->tenant_id = make_tenant(*state, "acme");
	return 0;
}

/* An extension that follows a template which rings for 40 seconds. */
static struct made follower(struct fixture *fx, const char *more)
{
	struct made m;
	char body[256];

	m.tmpl = good_id(ask(fx, STORE_CREATE, fx->tenant_id, "extension_template", 0,
			     "{\"name\":\"staff\",\"ring_seconds\":40}"));
	snprintf(body, sizeof(body), "{\"number\":\"101\",\"template_id\":\"%" PRIu64 "\"%s}",
		 m.tmpl, more);
	m.x = good_id(ask(fx, STORE_CREATE, fx->tenant_id, "extension", 0, body));
	return m;
}

static void change(struct fixture *fx, const char *resource, uint64_t id, const char *body)
{
	json_decref(good(ask(fx, STORE_UPDATE, fx->tenant_id, resource, id, body)));
}

static void rings(struct fixture *fx, uint64_t id, int seconds, const char *overrides)
{
	json_t *x = good(ask(fx, STORE_GET, fx->tenant_id, "extension", id, NULL));

	assert_int_equal(json_integer_value(json_object_get(x, "ring_seconds")), seconds);
	assert_string_equal(text_at(x, "overrides"), overrides);
	json_decref(x);
}

static void what_is_not_given_is_the_templates(void **state)
{
	struct made m = follower(*state, "");

	rings(*state, m.x, 40, "");
}

static void a_change_of_the_template_shows_in_those_that_follow_it(void **state)
{
	struct fixture *fx = *state;
	struct made m = follower(fx, "");
	uint64_t other = make_extension(fx, fx->tenant_id, "102");

	change(fx, "extension_template", m.tmpl, "{\"ring_seconds\":50}");
	rings(fx, m.x, 50, "");
	rings(fx, other, 30, "");
}

static void what_was_given_stays(void **state)
{
	struct fixture *fx = *state;
	struct made m = follower(fx, ",\"ring_seconds\":15");

	change(fx, "extension_template", m.tmpl, "{\"ring_seconds\":50}");
	rings(fx, m.x, 15, "ring_seconds");
}

static void an_overridden_field_stays_until_it_is_cleared(void **state)
{
	struct fixture *fx = *state;
	struct made m = follower(fx, "");

	change(fx, "extension", m.x, "{\"ring_seconds\":15}");
	change(fx, "extension_template", m.tmpl, "{\"ring_seconds\":50}");
	rings(fx, m.x, 15, "ring_seconds");
	change(fx, "extension", m.x, "{\"ring_seconds\":null}");
	rings(fx, m.x, 50, "");
	change(fx, "extension_template", m.tmpl, "{\"ring_seconds\":60}");
	rings(fx, m.x, 60, "");
}

static void sending_back_what_was_shown_overrides_nothing(void **state)
{
	struct fixture *fx = *state;
	struct made m = follower(fx, "");

	change(fx, "extension", m.x, "{\"first_name\":\"Ann\",\"ring_seconds\":40}");
	rings(fx, m.x, 40, "");
}

static void choosing_another_template_sets_all_its_fields(void **state)
{
	struct fixture *fx = *state;
	struct made m = follower(fx, ",\"ring_seconds\":15");
	uint64_t guest = good_id(ask(fx, STORE_CREATE, fx->tenant_id, "extension_template", 0,
				     "{\"name\":\"guest\",\"ring_seconds\":10}"));
	char body[64];

	snprintf(body, sizeof(body), "{\"template_id\":\"%" PRIu64 "\"}", guest);
	change(fx, "extension", m.x, body);
	rings(fx, m.x, 10, "");
}

static void without_a_template_the_values_stay_and_are_its_own(void **state)
{
	struct fixture *fx = *state;
	struct made m = follower(fx, ",\"ring_seconds\":15");

	change(fx, "extension", m.x, "{\"template_id\":null}");
	rings(fx, m.x, 15, "");
	json_decref(good(ask(fx, STORE_DELETE, fx->tenant_id, "extension_template", m.tmpl, NULL)));
}

static void a_template_that_is_followed_stays(void **state)
{
	struct fixture *fx = *state;
	struct made m = follower(fx, "");

	refused(ask(fx, STORE_DELETE, fx->tenant_id, "extension_template", m.tmpl, NULL), EEXIST,
		"id", "in_use");
}

static void a_template_cannot_break_what_others_override(void **state)
{
	struct fixture *fx = *state;
	uint64_t tmpl = good_id(ask(fx, STORE_CREATE, fx->tenant_id, "account_template", 0,
				    "{\"name\":\"phones\"}"));
	char body[128];

	snprintf(body, sizeof(body),
		 "{\"username\":\"a\",\"template_id\":\"%" PRIu64 "\",\"min_expires\":600}", tmpl);
	good_id(ask(fx, STORE_CREATE, fx->tenant_id, "account", 0, body));
	refused(ask(fx, STORE_UPDATE, fx->tenant_id, "account_template", tmpl,
		    "{\"max_expires\":300}"),
		EINVAL, "min_expires", "out_of_range");
}

static void the_core_hears_of_each_follower_before_the_template(void **state)
{
	struct fixture *fx = *state;
	struct made m = follower(fx, "");
	struct store_request req;
	struct store_change c;
	struct edit e;
	struct db *db = NULL;

	/* As the writer does it, to see what it would hand over. */
	req = request(fx, STORE_UPDATE, fx->tenant_id, "extension_template", m.tmpl,
		      "{\"ring_seconds\":50}");
	assert_int_equal(store_connect(fx->store, LINK_WRITER, &db), 0);
	struct rows rows = store_rows(fx->store, db);

	e = (struct edit){.rows = &rows, .req = &req, .now_us = 1};
	assert_int_equal(db_begin(db, true), 0);
	assert_int_equal(edit_run(&e), 0);
	assert_int_equal(e.nchanges, 2);
	c = e.changes[0];
	assert_ptr_equal(c.res, &resource_extension);
	assert_int_equal(((struct extension *)c.after)->ring_seconds, 50);
	assert_int_equal(c.revision, e.changes[1].revision);
	assert_int_equal(c.after->revision, c.revision);
	assert_ptr_equal(e.changes[1].res, &resource_extension_template);
	edit_close(&e);
	db_rollback(db);
	db_close(db);
	buf_free(&rows.hold);
	free(req.json);
}

static void forwards_to(struct fixture *fx, uint64_t id, size_t n, const char *number,
			const char *overrides)
{
	json_t *x = good(ask(fx, STORE_GET, fx->tenant_id, "extension", id, NULL));
	const json_t *lines = json_object_get(x, "forwards");

	assert_int_equal(json_array_size(lines), n);
	if (n)
		assert_string_equal(text_at(json_array_get(lines, 0), "destination_number"),
				    number);
	assert_string_equal(text_at(x, "overrides"), overrides);
	json_decref(x);
}

#define TO(number)                                                                                 \
	"{\"forwards\":[{\"cause\":\"busy\",\"destination\":{\"kind\":\"external_number\"},"       \
	"\"destination_number\":\"" number "\"}]}"

/* EXT-13: failover too. */
static void lists_follow_and_are_overridden_as_a_whole(void **state)
{
	struct fixture *fx = *state;
	struct made m = follower(fx, "");

	change(fx, "extension_template", m.tmpl, TO("0441"));
	forwards_to(fx, m.x, 1, "0441", "");
	change(fx, "extension", m.x, TO("0442"));
	change(fx, "extension_template", m.tmpl, TO("0443"));
	forwards_to(fx, m.x, 1, "0442", "forwards");
	change(fx, "extension", m.x, "{\"forwards\":[]}");
	forwards_to(fx, m.x, 0, "", "forwards");
	change(fx, "extension", m.x, "{\"forwards\":null}");
	forwards_to(fx, m.x, 1, "0443", "");
	change(fx, "extension_template", m.tmpl,
	       "{\"exceptions\":[{\"caller_mask\":\"0044*\",\"destination\":{\"kind\":\"hangup\"}}]"
	       "}");
	json_t *x = good(ask(fx, STORE_GET, fx->tenant_id, "extension", m.x, NULL));

	assert_int_equal(json_array_size(json_object_get(x, "exceptions")), 1);
	json_decref(x);
}

static void wrong_lines_are_named(void **state)
{
	struct fixture *fx = *state;
	struct made m = follower(fx, "");
	static const char *const of[] = {"extension_template", "extension"};

	for (size_t i = 0; i < ARRAY_LEN(of); i++) {
		const uint64_t id = i ? m.x : m.tmpl;

		refused(ask(fx, STORE_UPDATE, fx->tenant_id, of[i], id,
			    "{\"forwards\":[{\"destination\":{\"kind\":\"hangup\"}},"
			    "{\"destination\":{\"kind\":\"external_number\"}}]}"),
			EINVAL, "forwards[1].destination_number", "bad_number");
		refused(ask(fx, STORE_UPDATE, fx->tenant_id, of[i], id,
			    "{\"exceptions\":[{\"caller_mask\":\"4-\"}]}"),
			EINVAL, "exceptions[0].caller_mask", "bad_range");
		refused(ask(fx, STORE_UPDATE, fx->tenant_id, of[i], id,
			    "{\"forwards\":[{\"destination\":{\"kind\":\"extension\",\"id\":\"77\"}"
			    "}]}"),
			EINVAL, "forwards[0].destination.id", "not_found");
	}
}

static void what_a_template_leads_to_stays(void **state)
{
	struct fixture *fx = *state;
	struct made m = follower(fx, "");
	uint64_t other = make_extension(fx, fx->tenant_id, "102");
	char body[128];

	snprintf(body, sizeof(body),
		 "{\"forwards\":[{\"destination\":{\"kind\":\"extension\",\"id\":\"%" PRIu64
		 "\"}}]}",
		 other);
	change(fx, "extension_template", m.tmpl, body);
	refused(ask(fx, STORE_DELETE, fx->tenant_id, "extension", other, NULL), EEXIST, "id",
		"in_use");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_with_tenant, fixture_close)
	const struct CMUnitTest tests[] = {
		T(what_is_not_given_is_the_templates),
		T(a_change_of_the_template_shows_in_those_that_follow_it),
		T(what_was_given_stays),
		T(an_overridden_field_stays_until_it_is_cleared),
		T(sending_back_what_was_shown_overrides_nothing),
		T(choosing_another_template_sets_all_its_fields),
		T(without_a_template_the_values_stay_and_are_its_own),
		T(a_template_that_is_followed_stays),
		T(a_template_cannot_break_what_others_override),
		T(the_core_hears_of_each_follower_before_the_template),
		T(lists_follow_and_are_overridden_as_a_whole),
		T(wrong_lines_are_named),
		T(what_a_template_leads_to_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
