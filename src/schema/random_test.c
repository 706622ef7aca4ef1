/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Random bodies for every resource: whatever comes, the reader either names a mistake or makes an object that can be shown,
 * sent back unchanged, cloned and stored.  The seed is fixed; a failure replays.
 */
#include "base/mem.h"
#include "base/rng.h"
#include "schema/object.h"
#include "schema/sql.h"
#include "schema/syntax.h"
#include "schema/testing.h"

enum { ROUNDS = 2000 };

static struct rng_seeded seeded;

static uint64_t below(uint64_t n)
{
	return rng_below(&seeded.rng, n);
}

/* Text that likes to be almost right. */
static json_t *random_text(void)
{
	static const char *const likely[] = {
		"",
		"101",
		"a",
		"a.example",
		"x@y.example",
		"UTC",
		"FR",
		"EUR",
		"0",
		"-1",
		"7",
		"hangup",
		"extension",
		"md5",
		"*43",
		"a b",
		"::1",
		"\x7f",
		"é",
		"😀",
		"null",
		"{}",
		"1e999",
		"18446744073709551616",
		"male",
		"2026-01-01T00:00:00Z",
		"9223372036854775807",
		"9223372036854775808",
		"Europe/Paris",
		"../../x",
		"a\tb",
		"$argon2id$v=19$x",
	};
	char text[600];
	size_t n = below(sizeof(text) - 1);

	if (below(4))
		return json_string(likely[below(ARRAY_LEN(likely))]);
	for (size_t i = 0; i < n; i++)
		text[i] = (char)(below(20) ? 'a' + below(26) : below(256));
	/* jansson refuses what is not UTF-8 here, as it does when it parses. */
	return json_stringn(text, n);
}

static json_t *random_value(int depth)
{
	json_t *j;

	switch (below(depth > 3 ? 5 : 8)) {
	case 0:
		return json_null();
	case 1:
		return json_boolean(below(2));
	case 2:
		return json_integer((json_int_t)(below(2) ? below(100) : rng_u64(&seeded.rng)));
	case 3:
		return json_real((double)below(1000) / 7);
	case 5:
		j = json_array();
		for (size_t i = below(4); i; i--)
			json_array_append_new(j, random_value(depth + 1));
		return j;
	case 6:
		j = json_object();
		for (size_t i = below(4); i; i--)
			json_object_set_new(j, below(2) ? "kind" : "id", random_value(depth + 1));
		return j;
	default:
		return random_text();
	}
}

static json_t *random_body(const struct resource *r, int depth);

/* Mostly of the field's own kind. */
static json_t *random_field(const struct field *f, int depth)
{
	json_t *j;
	char id[24];

	if (below(12) == 0)
		return random_value(depth);
	switch (f->kind) {
	case FIELD_INT:
		return json_integer(f->min + (json_int_t)below((uint64_t)(f->max - f->min) + 3) -
				    1);
	case FIELD_BOOL:
		return json_boolean(below(2));
	case FIELD_ENUM:
		return json_string(f->values->texts[below(f->values->n)]);
	case FIELD_REF:
	case FIELD_ID:
		snprintf(id, sizeof(id), "%d", (int)below(5));
		return json_string(id);
	case FIELD_DEST:
		snprintf(id, sizeof(id), "%d", (int)below(3) + 1);
		j = json_pack("{s:s}", "kind", f->values->texts[below(f->values->n)]);
		if (below(4))
			json_object_set_new(j, "id", json_string(id));
		return j;
	case FIELD_LIST:
		j = json_array();
		for (size_t i = below(5); i; i--)
			json_array_append_new(j, random_body(f->child, depth + 1));
		return j;
	default:
		return random_text();
	}
}

static json_t *random_body(const struct resource *r, int depth)
{
	json_t *j = json_object();

	for (size_t i = 0; i < r->nfields; i++)
		if (below(3) || r->fields[i].flags & REQUIRED)
			json_object_set_new(j, r->fields[i].name,
					    random_field(&r->fields[i], depth));
	while (below(20) == 0)
		json_object_set_new(j, below(2) ? "id" : "x\xc3\xa9\n", random_value(depth));
	return j;
}

static void errors_are_presentable(const struct field_errors *errs)
{
	size_t nchars;

	assert_true(errs->n > 0 && errs->n <= ARRAY_LEN(errs->v));
	for (size_t i = 0; i < errs->n; i++) {
		assert_true(errs->v[i].code[0] && errs->v[i].message[0]);
		assert_true(syntax_text(str_of(errs->v[i].field), &nchars));
		assert_true(syntax_text(str_of(errs->v[i].message), &nchars));
	}
}

static void same_fields(const struct object *a, const struct object *b)
{
	for (size_t i = 0; i < a->res->nfields; i++)
		if (!(a->res->fields[i].flags & CREATE_ONLY))
			assert_true(field_equal(a, b, &a->res->fields[i]));
}

static void can_be_sent_back(const struct object *o)
{
	struct field_errors errs = {0};
	struct object *again = NULL;
	json_t *j = object_to_json(o), *diff;

	if (object_from_json(&again, o->res, o, j, false, &errs))
		fail_msg("%s: %s: %s", o->res->name, errs.v[0].field, errs.v[0].message);
	same_fields(o, again);
	diff = object_diff(o, again);
	assert_int_equal(json_object_size(diff), 0);
	json_decref(diff);
	json_decref(j);
	object_free(again);
}

static void can_be_stored(const struct sql_schema *s, const struct object *o)
{
	const struct sql_table *t = sql_table(s, o->res), *child;
	struct sql_value v[SQL_MAX_COLUMNS];
	struct object *back = NULL;
	size_t pos = 0;
	int err = sql_encode(t, o, v);

	if (err == EPERM && resource_has_password(o->res))
		return;
	assert_int_equal(err, 0);
	assert_int_equal(sql_decode(t, &back, v), 0);
	while ((child = sql_child_table(s, o->res, &pos)))
		for (size_t i = 0; i < field_list(o, child->list)->n; i++) {
			assert_int_equal(sql_encode_child(child, o, i, v), 0);
			assert_int_equal(sql_decode_child(child, back, v), 0);
		}
	same_fields(o, back);
	object_free(back);
}

static void any_body_is_refused_by_name_or_makes_a_sound_object(void **state)
{
	struct sql_schema *s;
	size_t taken = 0, refused = 0;

	assert_int_equal(sql_schema_alloc(&s), 0);
	rng_seeded_init(&seeded, 20261120);
	for (size_t i = 0; i < ROUNDS; i++) {
		for (size_t k = 0; resources[k]; k++) {
			struct field_errors errs = {0};
			struct object *o = NULL;
			json_t *j = below(50) ? random_body(resources[k], 0) : random_value(0);

			if (!object_from_json(&o, resources[k], NULL, j, below(2), &errs)) {
				struct object *c = object_clone(o);

				taken++;
				o->id = 1;
				assert_int_equal(errs.n, 0);
				same_fields(o, c);
				can_be_sent_back(o);
				can_be_stored(s, o);
				object_free(c);
			} else {
				refused++;
				assert_null(o);
				errors_are_presentable(&errs);
			}
			object_free(o);
			json_decref(j);
		}
	}
	/* Else the bodies are not random enough to prove anything. */
	assert_true(taken > ROUNDS / 10);
	assert_true(refused > ROUNDS);
	sql_schema_free(s);
}

/* Each allocation of ours failing in turn: an error and no leak, never half an object. */
static void failing_memory_is_an_error(void **state)
{
	json_t *j =
		testing_json("{'number':'600','name':'Sales','no_answer':{'kind':'extension',"
			     "'id':'9'},'members':[{'extension_id':'1'},{'extension_id':'2'}]}");
	uint64_t nth = 1;
	int err;

	do {
		struct field_errors errs = {0};
		struct object *o = NULL, *c = NULL;

		mem_fail(nth++, false);
		err = object_from_json(&o, &resource_ring_group, NULL, j, false, &errs);
		c = o ? object_clone(o) : NULL;
		mem_fail(0, false);
		assert_true(!err == !!o);
		assert_true(!err || err == ENOMEM);
		if (!err && !c)
			err = ENOMEM;
		object_free(o);
		object_free(c);
	} while (err);
	assert_true(nth > 8);
	json_decref(j);
	nth = 1;
	do {
		struct sql_schema *s = NULL;

		mem_fail(nth, false);
		nth += 3;
		err = sql_schema_alloc(&s);
		mem_fail(0, false);
		assert_true(!err == !!s);
		sql_schema_free(s);
	} while (err);
	assert_true(nth > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_body_is_refused_by_name_or_makes_a_sound_object),
		cmocka_unit_test(failing_memory_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
