/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>
#include "store/archive_testing.h"

static const uint8_t key[ARCHIVE_KEY_BYTES] = {1, 2, 3};
static const uint8_t other_key[ARCHIVE_KEY_BYTES] = {1, 2, 4};
static const struct archive_lock lock = {.key = key};

struct made {
	char path[64];
	char *p;
	size_t n;
};

static void make(struct made *m, const struct archive_lock *l, size_t file_bytes)
{
	struct archive_out *a;
	char *noise = malloc(file_bytes + 1);
	FILE *f;

	strcpy(m->path, "/tmp/offhook-archive-XXXXXX");
	close(mkstemp(m->path));
	unlink(m->path);
	for (size_t i = 0; i < file_bytes; i++)
		noise[i] = (char)(i * i >> 5);
	assert_int_equal(archive_create(&a, m->path, STR("{\"name\":\"x\"}"), l), 0);
	assert_int_equal(archive_entry(a, ARCHIVE_TABLE, STR("extensions")), 0);
	assert_int_equal(archive_add(a, "one\ntwo\n", 8), 0);
	assert_int_equal(archive_add(a, "three\n", 6), 0);
	assert_int_equal(archive_entry(a, ARCHIVE_TABLE, STR("empty")), 0);
	assert_int_equal(archive_entry(a, ARCHIVE_FILE, STR("recordings/a b.wav")), 0);
	assert_int_equal(archive_add(a, noise, file_bytes), 0);
	assert_int_equal(archive_finish(a), 0);
	archive_out_free(a);
	free(noise);
	f = fopen(m->path, "rb");
	assert_non_null(f);
	fseek(f, 0, SEEK_END);
	m->n = (size_t)ftell(f);
	rewind(f);
	m->p = malloc(m->n + 1);
	assert_int_equal(fread(m->p, 1, m->n, f), m->n);
	fclose(f);
	unlink(m->path);
}

/* Reads everything; the errno that stopped it, 0 at the sound end. */
static int read_bytes(const char *p, size_t n, const struct archive_lock *l, size_t *entries)
{
	FILE *f = fmemopen((void *)(uintptr_t)p, n ? n : 1, "rb");
	char name[ARCHIVE_NAME_BYTES + 1], piece[4096];
	struct archive_in *a = NULL;
	enum archive_kind kind;
	int err;

	assert_non_null(f);
	if (!n)
		(void)fgetc(f);
	*entries = 0;
	err = archive_open(&a, f, l);
	while (!err && !(err = archive_next(a, &kind, name))) {
		size_t got = 1;

		++*entries;
		while (!err && got)
			err = archive_read(a, piece, sizeof(piece), &got);
	}
	archive_in_free(a);
	fclose(f);
	return err == ENOENT ? 0 : err;
}

static void what_was_put_in_comes_out(void **state)
{
	char name[ARCHIVE_NAME_BYTES + 1], piece[64];
	struct archive_in *a;
	enum archive_kind kind;
	struct buf label = {0};
	struct made m;
	size_t n;
	FILE *f;

	make(&m, &lock, 300000);
	f = fmemopen(m.p, m.n, "rb");
	assert_int_equal(archive_label(f, &label), 0);
	assert_string_equal(label.p, "{\"name\":\"x\"}");
	rewind(f);
	assert_int_equal(archive_open(&a, f, &lock), 0);
	assert_int_equal(archive_next(a, &kind, name), 0);
	assert_int_equal(kind, ARCHIVE_TABLE);
	assert_string_equal(name, "extensions");
	assert_int_equal(archive_read(a, piece, sizeof(piece), &n), 0);
	assert_int_equal(n, 8);
	assert_memory_equal(piece, "one\ntwo\n", 8);
	assert_int_equal(archive_next(a, &kind, name), 0); /* the rest is passed over */
	assert_string_equal(name, "empty");
	assert_int_equal(archive_read(a, piece, sizeof(piece), &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(archive_next(a, &kind, name), 0);
	assert_int_equal(kind, ARCHIVE_FILE);
	assert_string_equal(name, "recordings/a b.wav");
	assert_int_equal(archive_next(a, &kind, name), ENOENT);
	assert_int_equal(archive_next(a, &kind, name), ENOENT);
	archive_in_free(a);
	fclose(f);
	buf_free(&label);
	free(m.p);
}

static void nothing_of_it_can_be_read_in_the_file(void **state)
{
	struct made m;

	make(&m, &lock, 10);
	assert_null(memmem(m.p, m.n, "extensions", 10));
	assert_null(memmem(m.p, m.n, "three", 5));
	assert_non_null(memmem(m.p, m.n, "\"name\"", 6)); /* but the label */
	free(m.p);
}

static void another_key_opens_nothing(void **state)
{
	const struct archive_lock other = {.key = other_key};
	const struct archive_lock words = {.passphrase = STR("correct horse")};
	const struct archive_lock wrong = {.passphrase = STR("correct horsf")};
	const struct archive_lock none = {0};
	struct made m;
	size_t n;

	make(&m, &lock, 10);
	assert_int_equal(read_bytes(m.p, m.n, &lock, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(read_bytes(m.p, m.n, &other, &n), EBADMSG);
	assert_int_equal(n, 0);
	assert_int_equal(read_bytes(m.p, m.n, &none, &n), EINVAL);
	free(m.p);
	make(&m, &words, 10);
	assert_int_equal(read_bytes(m.p, m.n, &words, &n), 0);
	assert_int_equal(read_bytes(m.p, m.n, &wrong, &n), EBADMSG);
	free(m.p);
}

static void a_changed_bit_anywhere_is_found(void **state)
{
	struct made m;
	size_t n;

	make(&m, &lock, 100);
	for (size_t i = 0; i < m.n; i++) {
		int err;

		m.p[i] = (char)(m.p[i] ^ 1);
		err = read_bytes(m.p, m.n, &lock, &n);
		assert_true(err == EBADMSG || err == EPROTO);
		assert_true(err != EPROTO || i < 17);
		m.p[i] = (char)(m.p[i] ^ 1);
	}
	free(m.p);
}

static void a_file_that_is_cut_or_longer_is_refused(void **state)
{
	struct made m;
	size_t n;

	make(&m, &lock, 200000);
	for (size_t i = 0; i < m.n; i += i < 400 ? 1 : 997)
		assert_int_equal(read_bytes(m.p, i, &lock, &n), EBADMSG);
	m.p[m.n] = 'x';
	assert_int_equal(read_bytes(m.p, m.n + 1, &lock, &n), EBADMSG);
	free(m.p);
}

static void a_later_version_is_named(void **state)
{
	size_t n;

	assert_int_equal(read_bytes("offhook backup 2\n\0\0\0\0", 21, &lock, &n), EPROTO);
	assert_int_equal(read_bytes("PK\3\4 something else ..", 21, &lock, &n), EBADMSG);
}

static void names_that_lead_elsewhere_are_none(void **state)
{
	static const char *const bad[] = {"",	 "/etc/passwd", "../x",	   "a/../b",	 "a//b",
					  "a/",	 ".ssh/keys",	"a/.b",	   "a\\b",	 "a\nb",
					  "a:b", "..",		"\x1b[2J", "caf\xc3\xa9"};
	static const char *const good[] = {"a", "recordings/2026-11/a b.wav", "a..b",
					   "x_y+1@2=3,4"};
	char longest[ARCHIVE_NAME_BYTES + 2];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(archive_is_name(str_of(bad[i])));
	assert_false(archive_is_name((struct str){"a\0b", 3}));
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(archive_is_name(str_of(good[i])));
	memset(longest, 'a', sizeof(longest));
	assert_true(archive_is_name((struct str){longest, ARCHIVE_NAME_BYTES}));
	assert_false(archive_is_name((struct str){longest, ARCHIVE_NAME_BYTES + 1}));
}

/* ---- what the holder of a key may make up: entries in clear ---- */

static int read_entries(const void *clear, size_t n, int window_log)
{
	size_t cap = ZSTD_compressBound(n), got;
	char name[ARCHIVE_NAME_BYTES + 1], *packed = malloc(cap);
	ZSTD_CCtx *zstd = ZSTD_createCCtx();
	struct entries_in *e = NULL;
	enum archive_kind kind;
	struct archive_bytes b;
	int err;

	if (window_log) {
		ZSTD_CCtx_setParameter(zstd, ZSTD_c_windowLog, window_log);
		ZSTD_CCtx_setParameter(zstd, ZSTD_c_contentSizeFlag, 0);
	}
	got = ZSTD_compress2(zstd, packed, cap, clear, n);
	assert_false(ZSTD_isError(got));
	b = (struct archive_bytes){packed, got};
	err = entries_open(&e, archive_give_bytes, &b);
	while (!err)
		err = entries_next(e, &kind, name);
	entries_free(e);
	ZSTD_freeCCtx(zstd);
	free(packed);
	return err == ENOENT ? 0 : err;
}

static void entries_that_are_none_are_refused(void **state)
{
	static const struct {
		const char *p;
		size_t n;
		int err;
	} cases[] = {
		{"\0\0", 2, 0},
		{"\1\1a\0\0\0\0\0\0", 9, 0},
		{"\1\1a\1\0\0\0x\0\0\0\0\0\0", 14, 0},
		{"\1\1a\1\0\0\0x\0\0\0\0\0\0x", 15, EBADMSG}, /* more behind the end */
		{"\1\1a\1\0\0\0x\0\0\0\0", 12, EBADMSG},      /* no end */
		{"\3\1a\0\0\0\0\0\0", 9, EBADMSG},	      /* a kind there is not */
		{"\0\1", 2, EBADMSG},
		{"\2\4../a\0\0\0\0\0\0", 12, EBADMSG},
		{"\2\0\0\0\0\0\0\0", 8, EBADMSG},
		{"\1\1a\1\0\x10\0x\0\0\0\0\0\0", 14, EBADMSG}, /* a piece above 1 MiB */
		{"\1\1a\xff\xff\xff\xff", 7, EBADMSG},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(read_entries(cases[i].p, cases[i].n, 0), cases[i].err);
}

static void a_frame_that_wants_much_memory_is_refused(void **state)
{
	const size_t n = 40 << 20;
	char *clear = calloc(1, n);

	assert_non_null(clear);
	memcpy(clear, "\0\0", 2);
	assert_int_equal(read_entries(clear, n, 27), EBADMSG);
	free(clear);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_in_comes_out),
		cmocka_unit_test(nothing_of_it_can_be_read_in_the_file),
		cmocka_unit_test(another_key_opens_nothing),
		cmocka_unit_test(a_changed_bit_anywhere_is_found),
		cmocka_unit_test(a_file_that_is_cut_or_longer_is_refused),
		cmocka_unit_test(a_later_version_is_named),
		cmocka_unit_test(names_that_lead_elsewhere_are_none),
		cmocka_unit_test(entries_that_are_none_are_refused),
		cmocka_unit_test(a_frame_that_wants_much_memory_is_refused),
	};

	return cmocka_run_group_tests_name("archive", tests, NULL, NULL);
}
