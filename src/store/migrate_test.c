/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Old databases become today's.  When "a_migrated_database_equals_a_new_one" fails, the tables have changed in more than
 * what was added, without a line in migrations.def.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/wait.h>
#include "base/clock.h"
#include "base/log.h"
#include "store/migrate.h"
#include "store/testing.h"

static const uint64_t acme = 4611686018427387905;

static struct db *connect(const struct place *p)
{
	const struct db_conf conf = {.url = p->url};
	struct db *db;

	assert_int_equal(db_open(&db, &conf), 0);
	return db;
}

static void run_file(struct db *db, const char *name)
{
	char path[512];
	struct buf sql = {0};
	char chunk[4096];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/store/%s", TEST_DIR, name);
	f = fopen(path, "r");
	assert_non_null(f);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(&sql, chunk, n);
	fclose(f);
	if (db_exec(db, sql.p))
		fail_msg("%s: %s", name, db_error(db));
	buf_free(&sql);
}

static void make_first(const struct place *p)
{
	struct db *db = connect(p);

	run_file(db, testing_is_postgres() ? "schema-1.postgres.sql" : "schema-1.sqlite.sql");
	run_file(db, "schema-1.data.sql");
	db_close(db);
}

static int upgrade(const struct place *p)
{
	struct sql_schema *schema;
	struct db *db = connect(p);
	int err;

	assert_int_equal(sql_schema_alloc(&schema), 0);
	err = migrate(db, schema);
	sql_schema_free(schema);
	db_close(db);
	return err;
}

/* Everything the engine knows of the tables, in an order of its own: added columns stand at the end of their table. */
static void describe(struct db *db, struct buf *out)
{
	static const char sqlite[] =
		"SELECT t.name || ' ' || t.wr || ' ' || t.strict FROM pragma_table_list t "
		"WHERE t.schema = 'main' AND t.name NOT LIKE 'sqlite_%' UNION ALL "
		"SELECT m.name || '.' || c.name || ' ' || c.type || ' ' || c.\"notnull\" || ' ' || "
		"coalesce(c.dflt_value, '') || ' ' || c.pk FROM sqlite_master m, "
		"pragma_table_info(m.name) c WHERE m.type = 'table' UNION ALL "
		"SELECT replace(sql, '\"', '') FROM sqlite_master WHERE type = 'index' "
		"AND sql IS NOT NULL ORDER BY 1";
	static const char postgres[] =
		"SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable "
		"|| ' ' "
		"|| coalesce(column_default, '') || ' ' || coalesce(collation_name, '') AS line "
		"FROM information_schema.columns WHERE table_schema = current_schema() UNION ALL "
		"SELECT replace(replace(indexdef, current_schema() || '.', ''), '\"', '') "
		"FROM pg_indexes WHERE schemaname = current_schema() UNION ALL "
		"SELECT replace(conrelid::regclass::text, current_schema() || '.', '') || ' ' || "
		"pg_get_constraintdef(oid) FROM pg_constraint "
		"WHERE connamespace = current_schema()::regnamespace ORDER BY line";
	struct db_stmt *st;

	assert_int_equal(db_sql(db, testing_is_postgres() ? postgres : sqlite, &st), 0);
	while (!db_step(st)) {
		buf_str(out, db_text(st, 0));
		buf_char(out, '\n');
	}
}

static void first_difference(const char *a, const char *b)
{
	while (*a && *a == *b) {
		const char *end = strchr(a, '\n');

		if (strncmp(a, b, (size_t)(end - a) + 1) != 0)
			break;
		b += end - a + 1;
		a = end + 1;
	}
	if (*a || *b)
		print_error("migrated: %.*s\nnew:      %.*s\n", (int)strcspn(a, "\n"), a,
			    (int)strcspn(b, "\n"), b);
}

static void a_migrated_database_equals_a_new_one(void **state)
{
	struct place old, new;
	struct buf was = {0}, is = {0};
	struct db *db;

	place_make(&old);
	place_make(&new);
	make_first(&old);
	assert_int_equal(upgrade(&old), 0);
	assert_int_equal(upgrade(&new), 0);
	db = connect(&old);
	describe(db, &was);
	db_close(db);
	db = connect(&new);
	describe(db, &is);
	db_close(db);
	assert_true(is.n > 5000); /* the description does describe */
	first_difference(was.p, is.p);
	assert_int_equal(was.n, is.n);
	assert_memory_equal(was.p, is.p, is.n);
	buf_free(&was);
	buf_free(&is);
	place_remove(&old);
	place_remove(&new);
}

static int count_object(struct store_change *c, void *arg)
{
	++*(size_t *)arg;
	if (c->res == &resource_extension && c->id == 2)
		assert_string_equal(((struct extension *)c->after)->first_name, "Bj\xc3\xb6rn");
	if (c->res == &resource_ring_group)
		assert_int_equal(((struct ring_group *)c->after)->members.n, 1);
	return 0;
}

static void what_an_old_database_held_is_kept(void **state)
{
	struct fixture fx = {.tenant_id = acme};
	size_t n = 0;
	json_t *j;

	place_make(&fx.place);
	make_first(&fx.place);
	assert_int_equal(ring_alloc(&fx.answers, 64, sizeof(struct store_reply)), 0);
	fixture_reopen(&fx);
	refused(ask(&fx, STORE_CREATE, acme, "extension", 0, "{\"number\":\"600\"}"), EEXIST,
		"number", "taken");
	assert_int_equal(make_extension(&fx, acme, "102"), 5);
	j = good(query(&fx, acme, "cdrs", "{}"));
	assert_int_equal(json_array_size(json_object_get(j, "items")), 2);
	json_decref(j);
	j = good(query(&fx, acme, "cdr", "{\"id\":\"8\"}"));
	assert_int_equal(json_array_size(json_object_get(j, "legs")), 1);
	json_decref(j);
	j = good(query(&fx, 0, "identity", "{\"token_hash\":\"abc\",\"domain\":\"acme.example\"}"));
	assert_string_equal(text_at(json_object_get(j, "session"), "username"), "boss");
	json_decref(j);
	assert_int_equal(store_load(fx.store, count_object, &n), 0);
	assert_int_equal(n, 5 + 2);
	store_close(fx.store);
	ring_free(fx.answers);
	place_remove(&fx.place);
}

static void a_newer_database_is_refused_untouched(void **state)
{
	struct place p;
	struct db *db;
	struct db_stmt *st;

	place_make(&p);
	assert_int_equal(upgrade(&p), 0);
	db = connect(&p);
	assert_int_equal(db_exec(db, "UPDATE schema_version SET version = 9999"), 0);
	db_close(db);
	assert_int_equal(upgrade(&p), EPROTO);
	db = connect(&p);
	assert_int_equal(db_sql(db, "SELECT version FROM schema_version", &st), 0);
	assert_int_equal(db_step(st), 0);
	assert_int_equal(db_int(st, 0), 9999);
	db_close(db);
	place_remove(&p);
}

static void a_database_of_somebody_else_is_refused(void **state)
{
	struct place p;
	struct db *db;

	place_make(&p);
	db = connect(&p);
	assert_int_equal(db_exec(db, "CREATE TABLE theirs (a INTEGER)"), 0);
	db_close(db);
	assert_int_equal(upgrade(&p), EPROTO);
	place_remove(&p);
}

static void kill_upgrades(bool from_first)
{
	struct place p, new;
	struct buf was = {0}, is = {0};
	struct db *db;

	place_make(&p);
	place_make(&new);
	if (from_first)
		make_first(&p);
	for (unsigned i = 0; i < 12; i++) {
		pid_t pid = fork();

		if (!pid) {
			log_set_level(LOG_ERROR);
			_exit(upgrade(&p) ? 1 : 0);
		}
		poll(NULL, 0, (int)(i * 7 % 40));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	assert_int_equal(upgrade(&p), 0);
	assert_int_equal(upgrade(&new), 0);
	db = connect(&p);
	describe(db, &was);
	db_close(db);
	db = connect(&new);
	describe(db, &is);
	db_close(db);
	assert_string_equal(was.p, is.p);
	buf_free(&was);
	buf_free(&is);
	place_remove(&p);
	place_remove(&new);
}

static void killed_in_the_middle_it_starts_over(void **state)
{
	kill_upgrades(false);
	kill_upgrades(true);
}

struct node {
	const struct place *place;
	struct thread *thread;
	struct store *store;
	int err;
};

static void node_main(void *arg)
{
	struct node *n = arg;
	const struct store_conf conf = {.url = n->place->url, .data_dir = n->place->dir};

	n->err = store_open(&n->store, &conf);
}

static void two_nodes_may_start_at_once(void **state)
{
	struct place p;
	struct node n[2];

	place_make(&p);
	for (size_t i = 0; i < 2; i++) {
		n[i] = (struct node){.place = &p};
		assert_int_equal(thread_start(&n[i].thread, "node", THREAD_ANY, node_main, &n[i]),
				 0);
	}
	for (size_t i = 0; i < 2; i++) {
		thread_join(n[i].thread);
		assert_int_equal(n[i].err, 0);
		store_close(n[i].store);
	}
	place_remove(&p);
}

/* ---- a field that templates have got since ---- */

static uint64_t follower(struct fixture *fx, uint64_t template_id, const char *number,
			 const char *more)
{
	char body[400];

	snprintf(body, sizeof(body), "{\"number\":\"%s\",\"template_id\":\"%" PRIu64 "\"%s}",
		 number, template_id, more);
	return good_id(ask(fx, STORE_CREATE, fx->tenant_id, "extension", 0, body));
}

/* The tables as they were when templates had neither lists nor this switch. */
static void make_templates_older(const struct place *p)
{
	static const char *const sql[] = {
		"DROP TABLE extension_template_forwards",
		"DROP TABLE extension_template_exceptions",
		"DROP TABLE extension_template_pickup_groups",
		"ALTER TABLE extension_templates DROP COLUMN in_phone_book",
		"UPDATE extensions SET overrides = '' WHERE number <> '104'",
		"UPDATE extensions SET overrides = 'max_calls' WHERE number = '104'",
	};
	struct db *db = connect(p);

	for (size_t i = 0; i < ARRAY_LEN(sql); i++)
		if (db_exec(db, sql[i]))
			fail_msg("%s: %s", sql[i], db_error(db));
	db_close(db);
}

static void expect(struct fixture *fx, uint64_t id, const char *overrides, size_t forwards,
		   size_t exceptions)
{
	json_t *j = good(ask(fx, STORE_GET, fx->tenant_id, "extension", id, NULL));

	assert_string_equal(text_at(j, "overrides"), overrides);
	assert_int_equal(json_array_size(json_object_get(j, "forwards")), forwards);
	assert_int_equal(json_array_size(json_object_get(j, "exceptions")), exceptions);
	json_decref(j);
}

static void rename_it(struct fixture *fx, uint64_t id)
{
	json_decref(good(
		ask(fx, STORE_UPDATE, fx->tenant_id, "extension", id, "{\"first_name\":\"Ann\"}")));
}

/* EXT-13: lines that an extension had before templates could have any are its own. */
static void what_followers_had_before_templates_had_it_is_theirs(void **state)
{
	static const char lines[] = ",\"forwards\":[{\"destination\":{\"kind\":\"hangup\"}}]";
	static const char exception[] =
		",\"exceptions\":[{\"caller_mask\":\"0044*\",\"destination\":{\"kind\":\"hangup\"}}"
		"],\"in_phone_book\":false";
	static const char two_lines[] =
		"{\"forwards\":[{\"cause\":\"busy\",\"destination\":{\"kind\":\"hangup\"}},"
		"{\"destination\":{\"kind\":\"hangup\"}}]}";
	struct fixture *fx = *state;
	uint64_t tmpl, with_lines, with_more, without, with_both, alone;

	fx->tenant_id = make_tenant(fx, "acme");
	tmpl = good_id(ask(fx, STORE_CREATE, fx->tenant_id, "extension_template", 0,
			   "{\"name\":\"desk\"}"));
	with_lines = follower(fx, tmpl, "102", lines);
	with_more = follower(fx, tmpl, "103", exception);
	with_both = follower(fx, tmpl, "104", lines);
	without = follower(fx, tmpl, "105", "");
	alone = good_id(ask(fx, STORE_CREATE, fx->tenant_id, "extension", 0,
			    "{\"number\":\"106\",\"in_phone_book\":false}"));
	fx->store = store_close(fx->store);
	make_templates_older(&fx->place);
	fixture_reopen(fx);

	expect(fx, with_lines, "forwards", 1, 0);
	expect(fx, with_more, "in_phone_book;exceptions", 0, 1);
	expect(fx, with_both, "max_calls;forwards", 1, 0);
	expect(fx, without, "", 0, 0);
	expect(fx, alone, "", 0, 0);
	fixture_reopen(fx); /* once: what follows later is not touched */
	json_decref(
		good(ask(fx, STORE_UPDATE, fx->tenant_id, "extension_template", tmpl, two_lines)));
	rename_it(fx, with_lines);
	rename_it(fx, with_more);
	expect(fx, with_lines, "forwards", 1, 0);
	expect(fx, with_more, "in_phone_book;exceptions", 2, 1);
	expect(fx, with_both, "max_calls;forwards", 1, 0);
	expect(fx, without, "", 2, 0);
	fixture_reopen(fx);
	expect(fx, without, "", 2, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_migrated_database_equals_a_new_one),
		cmocka_unit_test(what_an_old_database_held_is_kept),
		cmocka_unit_test_setup_teardown(
			what_followers_had_before_templates_had_it_is_theirs, fixture_open,
			fixture_close),
		cmocka_unit_test(a_newer_database_is_refused_untouched),
		cmocka_unit_test(a_database_of_somebody_else_is_refused),
		cmocka_unit_test(killed_in_the_middle_it_starts_over),
		cmocka_unit_test(two_nodes_may_start_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
