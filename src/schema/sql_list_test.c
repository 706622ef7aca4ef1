/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "schema/object.h"
#include "schema/sql_testing.h"

/* The ids of a page, "3 1 2 ", and the cursor behind it. */
struct page {
	char ids[256];
	size_t n;
	struct buf cursor;
};

static void fetch(struct db *db, const struct sql_table *t, const struct sql_list *l,
		  struct page *p)
{
	struct field_errors errs = {0};
	struct sql_value v[SQL_MAX_COLUMNS];
	struct sql_query q;
	sqlite3_stmt *st;

	*p = (struct page){0};
	if (sql_list(&q, t, l, &errs))
		fail_msg("%s: %s", errs.v[0].field, errs.v[0].message);
	st = prepare(db, q.text.p, q.v, q.nv);
	while (p->n < l->limit && sqlite3_step(st) == SQLITE_ROW) {
		row(st, v);
		snprintf(p->ids + strlen(p->ids), sizeof(p->ids) - strlen(p->ids), "%d ",
			 (int)v[1].i);
		p->n++;
		buf_reset(&p->cursor);
		sql_cursor(&p->cursor, &q, v);
	}
	sqlite3_finalize(st);
	sql_query_free(&q);
}

static void expect(struct db *db, const struct resource *r, struct sql_list l, const char *ids)
{
	struct page p;

	if (!l.tenant_id)
		l.tenant_id = 1;
	if (!l.limit)
		l.limit = 50;
	fetch(db, sql_table(db->schema, r), &l, &p);
	assert_string_equal(p.ids, ids);
	buf_free(&p.cursor);
}

static void refused(struct db *db, const struct sql_table *t, struct sql_list l, const char *field,
		    const char *code)
{
	struct field_errors errs = {0};
	struct sql_query q;

	l.tenant_id = 1;
	l.limit = 50;
	assert_int_equal(sql_list(&q, t, &l, &errs), EINVAL);
	sql_query_free(&q);
	assert_int_equal(errs.n, 1);
	assert_string_equal(errs.v[0].field, field);
	assert_string_equal(errs.v[0].code, code);
}

static int fill(void **state)
{
	struct db *db;

	open_db(state);
	db = *state;
	put(db, &resource_extension, 1, 1, "{'number':'1000','last_name':'Ng','enabled':false}");
	put(db, &resource_extension, 1, 2, "{'number':'99','last_name':'lee','gender':'male'}");
	put(db, &resource_extension, 1, 3, "{'number':'101','last_name':'Ng','ring_seconds':40}");
	put(db, &resource_extension, 1, 4, "{'number':'102','last_name':'100% Müller_x'}");
	put(db, &resource_extension, 2, 5, "{'number':'101','last_name':'Ng'}");
	put(db, &resource_account, 1, 6,
	    "{'username':'a','password':'hunter22','extension_id':'3'}");
	put(db, &resource_account, 1, 7, "{'username':'b','password':'hunter22'}");
	put(db, &resource_ring_group, 1, 8,
	    "{'number':'600','name':'S','no_answer':{'kind':'extension','id':'3'}}");
	put(db, &resource_ring_group, 1, 9, "{'number':'601','name':'T'}");
	return 0;
}

#define FILTERS(...)                                                                               \
	.filters = (const struct sql_filter[]){__VA_ARGS__},                                       \
	.nfilters = ARRAY_LEN(((const struct sql_filter[]){__VA_ARGS__}))

static void a_list_holds_one_tenants_rows(void **state)
{
	struct db *db = *state;

	expect(db, &resource_extension, (struct sql_list){0}, "1 2 3 4 ");
	expect(db, &resource_extension, (struct sql_list){.tenant_id = 2}, "5 ");
	expect(db, &resource_extension, (struct sql_list){.tenant_id = 3}, "");
}

static void it_is_sorted_as_people_expect(void **state)
{
	struct db *db = *state;
	const struct resource *x = &resource_extension;

	expect(db, x, (struct sql_list){.sort = STR("number")}, "2 3 4 1 ");
	expect(db, x, (struct sql_list){.sort = STR("-number")}, "1 4 3 2 ");
	expect(db, x, (struct sql_list){.sort = STR("last_name")}, "4 1 3 2 ");
	expect(db, x, (struct sql_list){.sort = STR("-last_name")}, "2 3 1 4 ");
	expect(db, x, (struct sql_list){.sort = STR("-id")}, "4 3 2 1 ");
	expect(db, x, (struct sql_list){.sort = STR("-ring_seconds")}, "3 4 2 1 ");
}

static void it_is_filtered_by_any_field(void **state)
{
	struct db *db = *state;
	const struct resource *x = &resource_extension, *g = &resource_ring_group;

	expect(db, x, (struct sql_list){FILTERS({STR("last_name"), STR("Ng")})}, "1 3 ");
	expect(db, x,
	       (struct sql_list){
		       FILTERS({STR("last_name"), STR("Ng")}, {STR("enabled"), STR("true")})},
	       "3 ");
	expect(db, x, (struct sql_list){FILTERS({STR("gender"), STR("male")})}, "2 ");
	expect(db, x, (struct sql_list){FILTERS({STR("ring_seconds_from"), STR("31")})}, "3 ");
	expect(db, x, (struct sql_list){FILTERS({STR("ring_seconds_to"), STR("40")})}, "1 2 4 ");
	expect(db, x, (struct sql_list){FILTERS({STR("id"), STR("4")})}, "4 ");
	expect(db, x, (struct sql_list){FILTERS({STR("last_name"), STR("' OR 1=1 --")})}, "");
	expect(db, &resource_account, (struct sql_list){FILTERS({STR("extension_id"), STR("3")})},
	       "6 ");
	expect(db, g, (struct sql_list){FILTERS({STR("no_answer"), STR("extension:3")})}, "8 ");
	expect(db, g, (struct sql_list){FILTERS({STR("no_answer"), STR("extension:4")})}, "");
	expect(db, g, (struct sql_list){FILTERS({STR("no_answer"), STR("hangup")})}, "9 ");
}

static void it_is_searched_in_any_text(void **state)
{
	struct db *db = *state;
	const struct resource *x = &resource_extension;

	expect(db, x, (struct sql_list){.q = STR("LEE")}, "2 ");
	expect(db, x, (struct sql_list){.q = STR("10")}, "1 3 4 ");
	expect(db, x, (struct sql_list){.q = STR("%")}, "4 ");
	expect(db, x, (struct sql_list){.q = STR("_")}, "4 ");
	expect(db, x, (struct sql_list){.q = STR("\\")}, "");
	expect(db, x, (struct sql_list){.q = STR("m\xc3\xbcller")}, "4 ");
	expect(db, &resource_account, (struct sql_list){.q = STR("hunter")}, ""); /* secret */
}

static void what_cannot_be_asked_is_named(void **state)
{
	struct db *db = *state;
	const struct sql_table *x = sql_table(db->schema, &resource_extension),
			       *a = sql_table(db->schema, &resource_account),
			       *c = sql_record_table(db->schema, RECORD_CALL);

	refused(db, x, (struct sql_list){.sort = STR("shoe_size")}, "sort", "unknown_field");
	refused(db, x, (struct sql_list){.sort = STR("tenant_id")}, "sort", "unknown_field");
	refused(db, a, (struct sql_list){.sort = STR("password")}, "sort", "unknown_field");
	refused(db, c, (struct sql_list){.sort = STR("reason")}, "sort", "unknown_field");
	refused(db, a, (struct sql_list){FILTERS({STR("password"), STR("x")})}, "password",
		"unknown_field");
	refused(db, x, (struct sql_list){FILTERS({STR("tenant_id"), STR("2")})}, "tenant_id",
		"unknown_field");
	refused(db, x, (struct sql_list){FILTERS({STR("last_name_from"), STR("A")})},
		"last_name_from", "unknown_field");
	refused(db, x, (struct sql_list){FILTERS({STR("ring_seconds"), STR("x")})}, "ring_seconds",
		"not_a_number");
	refused(db, x, (struct sql_list){FILTERS({STR("enabled"), STR("1")})}, "enabled",
		"wrong_type");
	refused(db, x, (struct sql_list){FILTERS({STR("gender"), STR("x")})}, "gender",
		"not_in_list");
	refused(db, x, (struct sql_list){FILTERS({STR("last_name"), STR("\xff")})}, "last_name",
		"bad_text");
	refused(db, c, (struct sql_list){FILTERS({STR("started_at_from"), STR("today")})},
		"started_at_from", "bad_time");
	refused(db, x, (struct sql_list){.q = STR("a\n")}, "q", "bad_text");
	refused(db, x, (struct sql_list){.cursor = STR("x")}, "cursor", "bad_cursor");
	refused(db, x, (struct sql_list){.cursor = STR("id.1.x")}, "cursor", "bad_cursor");
	refused(db, x, (struct sql_list){.cursor = STR("-id.1.1")}, "cursor", "bad_cursor");
	refused(db, x, (struct sql_list){.sort = STR("number"), .cursor = STR("number.1.ff")},
		"cursor", "bad_cursor");
	refused(db, x, (struct sql_list){.sort = STR("number"), .cursor = STR("last_name.1.31")},
		"cursor", "bad_cursor");
}

/* Page by page it is the same list, also while rows come and go. */
static void pages_join_up(void **state)
{
	struct db *db = *state;
	static const char *const sorts[] = {"",		  "number", "-number",	     "last_name",
					    "-last_name", "-id",    "-ring_seconds", "first_name"};
	const struct sql_table *t = sql_table(db->schema, &resource_extension);

	for (int i = 10; i < 40; i++) {
		char json[96];

		snprintf(json, sizeof(json), "{'number':'%d','last_name':'%c','ring_seconds':%d}",
			 i * 37, 'a' + i % 4, 10 + i % 3);
		put(db, &resource_extension, 1, (uint64_t)i, json);
	}
	for (size_t i = 0; i < ARRAY_LEN(sorts); i++) {
		struct sql_list l = {.tenant_id = 1, .limit = 100, .sort = str_of(sorts[i])};
		struct page whole, p = {0};
		char joined[256] = "";

		fetch(db, t, &l, &whole);
		assert_int_equal(whole.n, 34);
		l.limit = 5;
		do {
			struct buf cursor = p.cursor;

			l.cursor = buf_view(&cursor);
			fetch(db, t, &l, &p);
			snprintf(joined + strlen(joined), sizeof(joined) - strlen(joined), "%s",
				 p.ids);
			buf_free(&cursor);
		} while (p.n == l.limit);
		assert_string_equal(joined, whole.ids);
		buf_free(&p.cursor);
		buf_free(&whole.cursor);
	}
}

static void records_are_listed_newest_first(void **state)
{
	struct db *db = *state;
	const struct sql_table *t = sql_record_table(db->schema, RECORD_CALL);
	struct sql_value v[SQL_MAX_COLUMNS];
	struct sql_list l = {.tenant_id = 1, .limit = 2};
	struct page p;

	for (uint64_t i = 1; i <= 4; i++) {
		struct call_record r = {.tenant_id = 1, .id = i};

		r.started_at = (int64_t)(1700000000 + i * 10) * 1000000;
		record_set_text(r.caller, sizeof(r.caller), i % 2 ? STR("101") : STR("102"));
		sql_encode_record(t, &r, v);
		assert_int_equal(run(db, t->upsert, v, t->ncols), SQLITE_DONE);
	}
	fetch(db, t, &l, &p);
	assert_string_equal(p.ids, "4 3 ");
	l.cursor = buf_view(&p.cursor);
	{
		struct page next;

		fetch(db, t, &l, &next);
		assert_string_equal(next.ids, "2 1 ");
		buf_free(&next.cursor);
	}
	buf_free(&p.cursor);
	l = (struct sql_list){.tenant_id = 1,
			      .limit = 9,
			      .sort = STR("started_at"),
			      FILTERS({STR("caller"), STR("101")},
				      {STR("started_at_from"), STR("2023-11-14T22:13:40Z")})};
	fetch(db, t, &l, &p);
	assert_string_equal(p.ids, "3 ");
	buf_free(&p.cursor);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, fill, close_db)
		T(a_list_holds_one_tenants_rows),   T(it_is_sorted_as_people_expect),
		T(it_is_filtered_by_any_field),	    T(it_is_searched_in_any_text),
		T(what_cannot_be_asked_is_named),   T(pages_join_up),
		T(records_are_listed_newest_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
