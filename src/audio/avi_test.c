/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files in memory, read back by a walk of its own over RIFFs, lists and chunks; what players make of them: test/sip/test_film.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>
#include "audio/avi.h"
#include "base/mem.h"

enum { HZ = 8000, FILE_BYTES = 4 << 20, MAX_CHUNKS = 20000 };

struct chunk {
	char name[5];
	size_t at, n; /* of its bytes */
};

struct file {
	uint8_t bytes[FILE_BYTES];
	size_t n, left; /* left: what the disk takes */
	size_t nriffs;
	struct chunk chunks[MAX_CHUNKS]; /* of all lists of chunks */
	size_t nchunks;
	size_t indexes[3]; /* where `indx` of each track is; 0: none */
	size_t nindexes;
};

static int take(void *arg, const void *p, size_t n, uint64_t at)
{
	struct file *f = arg;

	if (at + n > f->left)
		return ENOSPC;
	memcpy(f->bytes + at, p, n);
	if (at + n > f->n)
		f->n = at + n;
	return 0;
}

static uint32_t le32(const struct file *f, size_t at)
{
	uint32_t x = 0;

	assert_true(at + 4 <= f->n);
	for (size_t i = 4; i; i--)
		x = x << 8 | f->bytes[at + i - 1];
	return x;
}

static bool is_at(const struct file *f, size_t at, const char *name)
{
	return at + 4 <= f->n && !memcmp(f->bytes + at, name, 4);
}

static void walk(struct file *f, size_t at, size_t end, bool is_movi)
{
	while (at < end) {
		size_t n = le32(f, at + 4);

		assert_true(at + 8 + n <= end);
		if (is_at(f, at, "LIST")) {
			walk(f, at + 12, at + 8 + n, is_at(f, at + 8, "movi"));
		} else if (is_movi) {
			struct chunk *c = &f->chunks[f->nchunks++];

			assert_true(f->nchunks < MAX_CHUNKS);
			memcpy(c->name, f->bytes + at, 4);
			c->at = at + 8;
			c->n = n;
		} else if (is_at(f, at, "indx")) {
			f->indexes[f->nindexes++] = at + 8;
		}
		at += 8 + n + n % 2;
	}
}

static void read_back(struct file *f)
{
	size_t at = 0;

	f->nriffs = f->nchunks = f->nindexes = 0;
	while (at < f->n) {
		size_t n = le32(f, at + 4);

		assert_true(is_at(f, at, "RIFF"));
		assert_true(is_at(f, at + 8, f->nriffs ? "AVIX" : "AVI "));
		assert_true(at + 8 + n <= f->n);
		walk(f, at + 12, at + 8 + n, false);
		f->nriffs++;
		at += 8 + n;
	}
	assert_int_equal(at, f->n);
}

static const struct chunk *chunk_at(const struct file *f, size_t at)
{
	for (size_t i = 0; i < f->nchunks; i++)
		if (f->chunks[i].at == at)
			return &f->chunks[i];
	return NULL;
}

static size_t count(const struct file *f, const char *name, size_t *nbytes)
{
	size_t n = 0;

	*nbytes = 0;
	for (size_t i = 0; i < f->nchunks; i++)
		if (!strcmp(f->chunks[i].name, name)) {
			n++;
			*nbytes += f->chunks[i].n;
		}
	return n;
}

/* Every chunk of the track is in exactly one index, in order. */
static void index_is_whole(const struct file *f, size_t indx, const char *name)
{
	size_t next = 0, nbytes, n = le32(f, indx + 4), found = 0;

	for (size_t i = 0; i < n; i++) {
		size_t index = le32(f, indx + 24 + 16 * i), size = le32(f, indx + 32 + 16 * i);
		size_t nentries = le32(f, index + 12), base = le32(f, index + 20);

		assert_int_equal(f->bytes[index], 'i');
		assert_int_equal(size, 32 + 8 * nentries);
		for (size_t k = 0; k < nentries; k++, found++) {
			size_t at = base + le32(f, index + 32 + 8 * k);
			const struct chunk *c = chunk_at(f, at);

			assert_non_null(c);
			assert_string_equal(c->name, name);
			assert_int_equal(c->n, le32(f, index + 36 + 8 * k) & 0x7fffffff);
			assert_true(at > next);
			next = at;
		}
	}
	assert_int_equal(found, count(f, name, &nbytes));
}

static struct avi *begin(struct file *f, struct avi_conf conf)
{
	struct avi *a = NULL;

	conf.put = take;
	conf.arg = f;
	conf.rate_hz = HZ;
	conf.channels = 1;
	assert_int_equal(avi_open(&a, &conf), 0);
	return a;
}

static struct avi_picture picture(uint64_t slot, size_t n)
{
	static uint8_t bytes[4096];

	memset(bytes, (int)slot, sizeof(bytes));
	return (struct avi_picture){.name = {'V', 'P', '8', '0'},
				    .width = 320,
				    .height = 240,
				    .slot = slot,
				    .is_key = slot == 0,
				    .bytes = bytes,
				    .n = n};
}

static void second(struct avi *a, unsigned i, unsigned tracks)
{
	static const int16_t pcm[HZ];
	struct avi_picture pic;

	for (unsigned k = 0; k < 15; k++)
		for (unsigned t = 0; t < AVI_PICTURES; t++)
			if (tracks & 1u << t) {
				pic = picture(AVI_HZ * i + 4 * k, 101);
				assert_int_equal(avi_picture(a, t, &pic), 0);
			}
	assert_int_equal(avi_sound(a, pcm, HZ), 0);
}

static int setup(void **state)
{
	struct file *f = mem_alloc(sizeof(*f));

	assert_non_null(f);
	f->left = FILE_BYTES;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	mem_free(*state);
	assert_int_equal(mem_objects(), 0);
	return 0;
}

static void pictures_stand_at_their_time(void **state)
{
	struct file *f = *state;
	struct avi *a = begin(f, (struct avi_conf){0});
	size_t nbytes;

	for (unsigned i = 0; i < 3; i++)
		second(a, i, 1);
	assert_int_equal(avi_ms(a), 3000);
	assert_int_equal(avi_finish(a), 0);
	read_back(f);
	assert_int_equal(f->nriffs, 1);
	assert_int_equal(avi_bytes(a), f->n);
	assert_int_equal(f->nindexes, 2);
	assert_int_equal(count(f, "00wb", &nbytes), 3);
	assert_int_equal(nbytes, 3 * 2 * HZ);
	/* Empty ones between them: 45 pictures, each four slots behind the one before. */
	assert_int_equal(count(f, "01dc", &nbytes), 1 + 4 * 44);
	assert_int_equal(nbytes, 45 * 101);
	index_is_whole(f, f->indexes[0], "00wb");
	index_is_whole(f, f->indexes[1], "01dc");
	avi_free(a);
}

static void second_picture_may_come_late_and_be_the_only_one(void **state)
{
	struct file *f = *state;
	struct avi *a = begin(f, (struct avi_conf){0});
	size_t nbytes;

	second(a, 0, 2);
	assert_int_equal(avi_keep(a), 0);
	read_back(f);
	assert_int_equal(f->nindexes, 2);
	second(a, 1, 3);
	assert_int_equal(avi_finish(a), 0);
	read_back(f);
	assert_int_equal(f->nindexes, 3);
	assert_int_equal(count(f, "01dc", &nbytes), 1 + 4 * 29);
	assert_int_equal(count(f, "02dc", &nbytes), AVI_HZ + 1 + 4 * 14);
	index_is_whole(f, f->indexes[2], "02dc");
	avi_free(a);
}

static void pictures_that_come_too_fast_follow_one_another(void **state)
{
	struct file *f = *state;
	struct avi *a = begin(f, (struct avi_conf){0});
	struct avi_picture pic = picture(5, 10);
	size_t nbytes;

	for (int i = 0; i < 3; i++)
		assert_int_equal(avi_picture(a, 0, &pic), 0);
	assert_int_equal(avi_finish(a), 0);
	read_back(f);
	assert_int_equal(count(f, "01dc", &nbytes), 8);
	avi_free(a);
}

static void long_files_go_on_in_another_riff(void **state)
{
	struct file *f = *state;
	struct avi *a = begin(f, (struct avi_conf){.riff_bytes = 100000, .index_entries = 200});

	for (unsigned i = 0; i < 60; i++) {
		second(a, i, 3);
		assert_int_equal(avi_keep(a), 0);
		read_back(f); /* whole, at any time */
	}
	assert_int_equal(avi_finish(a), 0);
	read_back(f);
	assert_true(f->nriffs > 10);
	index_is_whole(f, f->indexes[0], "00wb");
	index_is_whole(f, f->indexes[1], "01dc");
	index_is_whole(f, f->indexes[2], "02dc");
	avi_free(a);
}

static void full_disk_is_told_and_stays_so(void **state)
{
	struct file *f = *state;
	struct avi *a = begin(f, (struct avi_conf){0});
	struct avi_picture pic = picture(1, 1000);

	f->left = f->n + 500;
	assert_int_equal(avi_picture(a, 0, &pic), ENOSPC);
	f->left = FILE_BYTES;
	assert_int_equal(avi_picture(a, 0, &pic), ENOSPC);
	assert_int_equal(avi_finish(a), ENOSPC);
	avi_free(a);
}

static void indexes_that_are_full_are_told(void **state)
{
	struct file *f = *state;
	struct avi *a = begin(f, (struct avi_conf){.index_entries = 1});
	static const int16_t pcm[HZ / 50];
	int err = 0;
	size_t n = 0;

	while (!err && n < 1000) {
		err = avi_sound(a, pcm, ARRAY_LEN(pcm));
		n++;
	}
	assert_int_equal(err, EFBIG);
	assert_true(n > 256);
	avi_free(a);
}

static void no_memory_is_told(void **state)
{
	struct file *f = *state;
	struct avi_conf conf = {.put = take, .arg = f, .rate_hz = HZ, .channels = 1};
	static const int16_t pcm[HZ];
	struct avi *a = NULL;
	int err = ENOMEM;

	for (uint64_t nth = 1; err; nth++) {
		mem_fail(nth, false);
		err = avi_open(&a, &conf);
		if (!err)
			err = avi_sound(a, pcm, HZ);
		if (!err)
			err = avi_finish(a);
		mem_fail(0, false);
		assert_true(!err || err == ENOMEM);
		a = avi_free(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(pictures_stand_at_their_time, setup, teardown),
		cmocka_unit_test_setup_teardown(second_picture_may_come_late_and_be_the_only_one,
						setup, teardown),
		cmocka_unit_test_setup_teardown(pictures_that_come_too_fast_follow_one_another,
						setup, teardown),
		cmocka_unit_test_setup_teardown(long_files_go_on_in_another_riff, setup, teardown),
		cmocka_unit_test_setup_teardown(full_disk_is_told_and_stays_so, setup, teardown),
		cmocka_unit_test_setup_teardown(indexes_that_are_full_are_told, setup, teardown),
		cmocka_unit_test_setup_teardown(no_memory_is_told, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
